// SPDX-License-Identifier: Apache-2.0

/// The printable spelling of bytes in byte-level vocabularies.
///
/// The bytes 21–7E, A1–AC and AE–FF (hexadecimal) stand for the same code point; the other 68, in
/// ascending order, for U+0100, U+0101, … So a space is spelt `Ġ` (U+0120), a newline `Ċ`.
///
/// - Source: the `bytes_to_unicode` table of GPT-2 (Radford et al. 2019).
enum ByteAlphabet {
  /// The byte a scalar stands for, by scalar value; -1 where the scalar is not in the alphabet.
  private static let byteByScalar: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x100 + 68)
    var displaced = 0x100
    for byte in 0..<0x100 {
      if isItself(byte) {
        bytes[byte] = Int16(byte)
      } else {
        bytes[displaced] = Int16(byte)
        displaced += 1
      }
    }
    return bytes
  }()

  private static func isItself(_ byte: Int) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
  }

  /// Appends the bytes that `spelling` stands for.
  ///
  /// - Returns: false, with `bytes` unchanged, where a scalar is not in the alphabet.
  /// - Complexity: O(length of `spelling`).
  static func append(_ spelling: some Sequence<Unicode.Scalar>, to bytes: inout [UInt8]) -> Bool {
    let byteByScalar = byteByScalar
    let start = bytes.count
    for scalar in spelling {
      let value = Int(scalar.value)
      guard value < byteByScalar.count, byteByScalar[value] >= 0 else {
        bytes.removeSubrange(start...)
        return false
      }
      bytes.append(UInt8(byteByScalar[value]))
    }
    return true
  }

  /// The UTF-8 of the scalar that spells each byte.
  static let spellings: [[UInt8]] = {
    var spellings = [[UInt8]](repeating: [], count: 256)
    for (value, byte) in byteByScalar.enumerated() where byte >= 0 {
      appendUTF8(UInt32(value), to: &spellings[Int(byte)])
    }
    return spellings
  }()

  /// Appends the spelling of a range of `text`.
  ///
  /// - Complexity: O(length of the range).
  static func appendSpelling(of text: [UInt8], _ range: Range<Int>, to result: inout [UInt8]) {
    let spellings = spellings
    for index in range { result.append(contentsOf: spellings[Int(text[index])]) }
  }
}
