// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads the DGLD format of `Tests/Goldens/README.md`.
struct GoldenFile {
  struct Case {
    let name: String
    /// 0 logits, 1 hidden state.
    let kind: Int
    /// How many layers ran.
    let layer: Int
    let tokens: [Int]
    let positions: [Int]
    let rows: [Int]
    let width: Int
    let values: [Float]

    func values(ofRow index: Int) -> ArraySlice<Float> {
      values[index * width..<(index + 1) * width]
    }
  }

  let cases: [Case]

  init(path: String) throws {
    let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var at = 4
    func integer() -> Int {
      defer { at += 4 }
      return data.withUnsafeBytes {
        Int(Int32(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: Int32.self)))
      }
    }
    func integers(_ count: Int) -> [Int] { (0..<count).map { _ in integer() } }
    precondition(data.starts(with: Array("DGLD".utf8)), "\(path) is not a golden file")
    var cases: [Case] = []
    for _ in 0..<integer() {
      let nameLength = integer()
      let name = String(decoding: data[at..<at + nameLength], as: UTF8.self)
      at += nameLength
      let kind = integer()
      let layer = integer()
      let count = integer()
      let tokens = integers(count)
      let positions = integers(count)
      let rows = integers(integer())
      let width = integer()
      let values = (0..<rows.count * width).map { _ in
        Float(bitPattern: UInt32(bitPattern: Int32(integer())))
      }
      cases.append(
        Case(
          name: name, kind: kind, layer: layer, tokens: tokens, positions: positions, rows: rows,
          width: width, values: values))
    }
    self.cases = cases
  }
}
