// SPDX-License-Identifier: Apache-2.0

/// Reads a protocol buffer message, field by field, never past its end.
struct ProtobufReader {
  /// What a field holds.
  enum Value {
    case number(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(Range<Int>)
  }

  /// A message that contradicts the format.
  struct Failure: Error {
    var problem: String
    var position: Int
  }

  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  /// Reads the message in a range of `bytes`.
  init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next field; nil at the end.
  ///
  /// - Throws: `Failure` for what is no field.
  mutating func next() throws(Failure) -> (number: Int, value: Value)? {
    guard position < end else { return nil }
    let start = position
    let tag = try varint()
    guard let number = Int(exactly: tag >> 3), (1..<(1 << 29)).contains(number) else {
      throw Failure(problem: "a field of number \(tag >> 3)", position: start)
    }
    switch tag & 7 {
    case 0: return (number, .number(try varint()))
    case 1: return (number, .fixed64(try fixed(8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(end - position) else {
        throw Failure(problem: "a field of \(length) bytes, more than are left", position: start)
      }
      let range = position..<(position + Int(length))
      position = range.upperBound
      return (number, .bytes(range))
    case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw Failure(problem: "a field of wire type \(tag & 7)", position: start)
    }
  }

  private mutating func varint() throws(Failure) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<10 {
      guard position < end else { break }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << UInt64(index * 7)
      if byte < 0x80 { return value }
    }
    throw Failure(problem: "a number that does not end", position: position)
  }

  private mutating func fixed(_ count: Int) throws(Failure) -> UInt64 {
    guard end - position >= count else {
      throw Failure(problem: "a number that is cut off", position: position)
    }
    defer { position += count }
    return (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[position + $1]) }
  }
}
