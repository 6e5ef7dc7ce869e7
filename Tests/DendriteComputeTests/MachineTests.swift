// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import Testing

@Suite struct MachineTests {
  @Test
  func `generic is always there and last`() throws {
    #expect(KernelVariant.available.last?.name == "generic")
    #expect(try KernelVariant(named: "generic").name == "generic")
  }

  @Test
  func `an unknown variant is an error that lists the known ones`() {
    #expect {
      try KernelVariant(named: "avx9000")
    } throws: { error in
      let text = "\(error)"
      return text.contains("'avx9000'") && text.contains("generic") && text.contains("try: ")
    }
  }

  @Test(arguments: [(0, 1), (1, 0), (2000, 1), (1, 100_000)])
  func `threads and parts out of range are errors`(threads: Int, parts: Int) {
    #expect {
      try Machine(threads: threads, parts: parts)
    } throws: { "\($0)".contains("expected 1 …") }
  }

  @Test
  func `memory that the system cannot give is an error with both figures`() {
    #expect {
      try MemoryBudget.check(1 << 60, for: "a test", remedy: "use less")
    } throws: { "\($0)".contains("a test needs") && "\($0)".contains("available") }
    #expect(MemoryBudget.text(999) == "999 B")
    #expect(MemoryBudget.text(1_234_567) == "1.2 MB")
  }

  @Test
  func `a matrix with NaN is refused by name and row`() throws {
    let machine = try Machine(threads: 2)
    var values = [Float](repeating: 1, count: 40 * 8)
    values[23 * 8 + 5] = .nan
    #expect {
      try values.withUnsafeBytes {
        _ = try PackedMatrix(
          name: "blk.0.x", type: 0, rows: 40, columns: 8, source: $0.baseAddress!, rowBytes: 32,
          machine: machine)
      }
    } throws: { "\($0)".contains("'blk.0.x' has NaN or infinity in row 23") }
  }
}
