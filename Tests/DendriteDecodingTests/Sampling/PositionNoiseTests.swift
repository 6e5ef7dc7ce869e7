// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDecoding
import Testing

@Suite struct PositionNoiseTests {
  // From kat_vectors of Random123 1.14: counter, key, expected.
  @Test func `the published known answers come out`() {
    let zero = Philox.block((0, 0, 0, 0), key: (0, 0))
    #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox.block((.max, .max, .max, .max), key: (.max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox.block(
      (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func `the words of a token are those of the documented counter and key`() {
    let noise = PositionNoise(seed: 0x1234_5678_9abc_def0, choice: 7)
    let block = Philox.block((99, 1000 >> 2, 0x1234_5678, 0), key: (0x9abc_def0, 7))
    let words = [block.0, block.1, block.2, block.3]
    for id in 1000..<1004 {
      let expected = PositionNoise.gumbel(level: words[id & 3] >> 9)
      #expect(noise.gumbel(position: 99, id: id) == expected)
    }
  }

  @Test func `the noise is finite and inside its bounds at both ends of the grid`() {
    let lowest = PositionNoise.gumbel(level: 0)
    let highest = PositionNoise.gumbel(level: 0x7f_ffff)
    #expect(abs(lowest - -2.811_541) < 1e-5)
    #expect(abs(highest - 16.635_532) < 1e-5)
    #expect(Double(lowest) > PositionNoise.lowerBound)
    #expect(Double(highest) < PositionNoise.upperBound)
  }

  @Test func `the noise grows with its level`() {
    var last = -Float.infinity
    for level in stride(from: UInt32(0), to: 1 << 23, by: 4093) {
      let value = PositionNoise.gumbel(level: level)
      #expect(value > last)
      last = value
    }
  }

  @Test func `seed halves, choice, position and id all change the noise`() {
    let base = PositionNoise(seed: 5, choice: 0)
    let value = base.gumbel(position: 3, id: 8)
    #expect(PositionNoise(seed: 6, choice: 0).gumbel(position: 3, id: 8) != value)
    #expect(PositionNoise(seed: 5 | 1 << 40, choice: 0).gumbel(position: 3, id: 8) != value)
    #expect(PositionNoise(seed: 5, choice: 1).gumbel(position: 3, id: 8) != value)
    #expect(base.gumbel(position: 4, id: 8) != value)
    #expect(base.gumbel(position: 3, id: 9) != value)
    #expect(base.gumbel(position: 3, id: 12) != value)
  }

  @Test func `mean and variance are those of the Gumbel law`() {
    let noise = PositionNoise(seed: 1, choice: 0)
    let count = 20_000
    let values = (0..<count).map {
      Double(noise.gumbel(position: UInt32($0 / 100), id: $0 % 100))
    }
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
    #expect(abs(mean - 0.5772) < 0.02)  // Euler's constant
    #expect(abs(variance - 1.6449) < 0.06)  // π² / 6
  }
}
