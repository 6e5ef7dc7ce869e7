// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Testing

/// Decoded blocks against values computed by the format's own Python package: the same bits.
@Suite struct BlockDecodingTests {
  /// What a block of byte i = (73·i + 41) mod 256 decodes to, its scales overwritten.
  struct Golden: Sendable, CustomTestStringConvertible {
    let type: TensorType
    /// Where d (0.125), m or dmin (0.0625) are, in bytes.
    let scaleOffset: Int?
    let minimumOffset: Int?
    let first: [Float]
    let last: [Float]
    let sum: Double
    let weightedSum: Double

    var testDescription: String { type.name }
  }

  static let goldens = [
    Golden(
      type: .q4_0, scaleOffset: 0, minimumOffset: nil, first: [0.375, -0.5, 0.625, -0.25],
      last: [-0.75, -0.125, 0.375, -1.0], sum: -4.125, weightedSum: -99.875),
    Golden(
      type: .q4_1, scaleOffset: 0, minimumOffset: 2, first: [1.6875, 0.8125, 1.9375, 1.0625],
      last: [1.4375, 0.0625, 0.5625, 1.1875], sum: 30.125, weightedSum: 466.25),
    Golden(
      type: .q5_0, scaleOffset: 0, minimumOffset: nil, first: [1.875, 1.0, -1.875, 1.25],
      last: [0.5, -0.875, -0.375, 0.25], sum: -5.625, weightedSum: -148.125),
    Golden(
      type: .q5_1, scaleOffset: 0, minimumOffset: 2, first: [2.1875, 1.3125, 2.4375, 3.5625],
      last: [1.6875, 2.3125, 0.8125, 1.4375], sum: 64.625, weightedSum: 1039.0),
    Golden(
      type: .q8_0, scaleOffset: 0, minimumOffset: nil, first: [-8.625, 0.5, 9.625, -13.25],
      last: [-9.125, 0.0, 9.125, -13.75], sum: -6.0, weightedSum: -86.0),
    Golden(
      type: .q2_K, scaleOffset: 80, minimumOffset: 82, first: [1.0, 2.125, 3.25, -0.125],
      last: [-0.4375, -0.4375, -0.4375, -0.4375], sum: 255.375, weightedSum: 31373.75),
    Golden(
      type: .q3_K, scaleOffset: 108, minimumOffset: nil, first: [-0.875, 1.75, -2.625, 3.5],
      last: [-3.0, -2.0, 3.0, -3.0], sum: 29.25, weightedSum: 4343.25),
    Golden(
      type: .q4_K, scaleOffset: 0, minimumOffset: 2, first: [11.5625, 0.1875, 14.8125, 3.4375],
      last: [-1.4375, -1.4375, -1.4375, -1.4375], sum: 6669.0, weightedSum: 921171.0),
    Golden(
      type: .q5_K, scaleOffset: 0, minimumOffset: 2, first: [37.5625, 0.1875, 40.8125, 3.4375],
      last: [-1.4375, -1.4375, -1.4375, -1.4375], sum: 13759.0, weightedSum: 1863063.0),
    Golden(
      type: .q6_K, scaleOffset: 208, minimumOffset: nil, first: [20.125, -5.75, -77.625, 80.5],
      last: [144.0, -120.0, -90.0, 36.0], sum: -1855.5, weightedSum: -203516.0),
    Golden(
      type: .iq4_nl, scaleOffset: 0, minimumOffset: nil, first: [4.75, -6.125, 8.625, -2.75],
      last: [-10.375, -1.25, 4.75, -15.875], sum: -60.125, weightedSum: -1509.5),
    Golden(
      type: .iq4_xs, scaleOffset: 0, minimumOffset: nil,
      first: [-377.0, 90.625, -235.625, 192.125], last: [-198.75, 390.0, 131.25, -93.75],
      sum: -806.25, weightedSum: 110381.375),
    Golden(
      type: .mxfp4, scaleOffset: nil, minimumOffset: nil, first: [0.5, -0.75, 1.0, -1.5],
      last: [-1.5, 0.5, 3.0, -0.75], sum: 6.25, weightedSum: 156.5),
  ]

  @Test(arguments: goldens)
  func `a block decodes to the reference's values`(golden: Golden) {
    var block = (0..<golden.type.blockBytes).map { UInt8((73 * $0 + 41) % 256) }
    if let offset = golden.scaleOffset {
      block.replaceSubrange(offset..<offset + 2, with: [0, 0x30])
    }
    if let offset = golden.minimumOffset {
      block.replaceSubrange(offset..<offset + 2, with: [0, 0x2C])
    }
    if golden.type == .mxfp4 { block[0] = 126 }

    let values = decode(golden.type, block)
    #expect(Array(values.prefix(4)) == golden.first)
    #expect(Array(values.suffix(4)) == golden.last)
    #expect(values.reduce(0) { $0 + Double($1) } == golden.sum)
    #expect(
      values.enumerated().reduce(0) { $0 + Double($1.offset + 1) * Double($1.element) }
        == golden.weightedSum)
  }

  @Test func `a row of blocks at an odd address decodes block by block`() {
    let type = TensorType.q4_0
    let bytes = (0..<1 + 3 * type.blockBytes).map { UInt8(truncatingIfNeeded: 73 * $0 + 41) }
    let whole = bytes.withUnsafeBytes { decode(type, UnsafeRawBufferPointer(rebasing: $0[1...])) }
    for block in 0..<3 {
      let start = 1 + block * type.blockBytes
      let one = decode(type, Array(bytes[start..<start + type.blockBytes]))
      #expect(whole[32 * block..<32 * (block + 1)].map(\.bitPattern) == one.map(\.bitPattern))
    }
  }

  @Test func `plain types decode as they are, by value`() {
    #expect(decode(.f32, RawFile.integer(Float(1.5).bitPattern)) == [1.5])
    #expect(decode(.f64, RawFile.integer((-0.25).bitPattern)) == [-0.25])
    #expect(decode(.f16, [0x00, 0x3C, 0x00, 0xB8, 0x01, 0x00]) == [1, -0.5, 0x1p-24])
    #expect(decode(.bf16, [0x80, 0x3F, 0x00, 0xC0]) == [1, -2])
  }

  @Test func `scales that are not numbers decode to values that are not numbers`() {
    for type in TensorType.allCases where BlockCodec.canQuantize(to: type) {
      let values = decode(type, [UInt8](repeating: 0xFF, count: type.blockBytes))
      // 2^127, the largest scale of MXFP4, is a number.
      #expect(values.allSatisfy { !$0.isFinite } || type == .mxfp4, "\(type)")
    }
  }

  #if !os(macOS) || arch(arm64)
    @Test func `half precision widens and rounds as the hardware type does, for every pattern`() {
      for bits in UInt16.min...UInt16.max {
        let reference = Float16(bitPattern: bits)
        let ours = HalfPrecision.float(bits)
        if reference.isNaN {
          #expect(ours.isNaN)
          #expect(HalfPrecision.float(HalfPrecision.bits(ours)).isNaN)
          continue
        }
        guard ours.bitPattern == Float(reference).bitPattern,
          HalfPrecision.bits(ours) == bits
        else {
          Issue.record("pattern \(bits) widens to \(ours), expected \(reference)")
          return
        }
        // Half way to the next number, and a hair beside it.
        let next = Float(reference.nextUp)
        guard next.isFinite else { continue }
        let middle = (ours + next) / 2
        for value in [middle, middle.nextUp, middle.nextDown] {
          guard HalfPrecision.bits(value) == Float16(value).bitPattern else {
            Issue.record("\(value) rounds to \(HalfPrecision.bits(value))")
            return
          }
        }
      }
      #expect(HalfPrecision.bits(65520) == 0x7C00)
      #expect(HalfPrecision.bits(65519.996) == 0x7BFF)
      #expect(HalfPrecision.bits(-.infinity) == 0xFC00)
    }
  #endif
}

/// Decodes whole blocks.
func decode(_ type: TensorType, _ bytes: [UInt8]) -> [Float] {
  bytes.withUnsafeBytes { decode(type, $0) }
}

func decode(_ type: TensorType, _ bytes: UnsafeRawBufferPointer) -> [Float] {
  var values = [Float](repeating: 0, count: bytes.count / type.blockBytes * type.blockLength)
  values.withUnsafeMutableBufferPointer { BlockCodec.dequantize(type, from: bytes, into: $0) }
  return values
}
