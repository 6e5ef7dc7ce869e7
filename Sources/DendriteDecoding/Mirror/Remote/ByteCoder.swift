// SPDX-License-Identifier: Apache-2.0

/// Writes numbers and texts as bytes: integers in base 128, low digits first, signs folded in.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: Int) {
    var rest = UInt64(bitPattern: Int64(value << 1 ^ value >> 63))
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func put(fixed value: UInt64, width: Int = 8) {
    for shift in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
  }

  mutating func put(_ value: Double) { put(fixed: value.bitPattern) }
  mutating func put(_ value: Float) { put(fixed: UInt64(value.bitPattern), width: 4) }

  mutating func put(_ values: some Collection<Int>) {
    put(values.count)
    for value in values { put(value) }
  }

  mutating func put(_ text: String) {
    put(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func put(optional value: Int?) {
    put(value == nil ? 0 : 1)
    if let value { put(value) }
  }

  mutating func put(optional value: Double?) {
    put(value == nil ? 0 : 1)
    if let value { put(value) }
  }
}

/// Reads what `ByteWriter` wrote, and believes nothing: whoever sent it may be anybody.
package struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private var at: Int

  /// Bytes that cannot be what they claim to be.
  package struct Malformed: Error {}

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    at = bytes.startIndex
  }

  var isAtEnd: Bool { at == bytes.endIndex }

  private mutating func byte() throws(Malformed) -> UInt8 {
    guard at < bytes.endIndex else { throw Malformed() }
    defer { at += 1 }
    return bytes[at]
  }

  mutating func int() throws(Malformed) -> Int {
    var value: UInt64 = 0
    var shift = 0
    while true {
      let next = try byte()
      guard shift < 63 || (shift == 63 && next < 2) else { throw Malformed() }
      value |= UInt64(next & 127) << UInt64(shift)
      if next < 128 { break }
      shift += 7
    }
    return Int(truncatingIfNeeded: value >> 1) ^ -Int(truncatingIfNeeded: value & 1)
  }

  mutating func int(in range: ClosedRange<Int>) throws(Malformed) -> Int {
    let value = try int()
    guard range.contains(value) else { throw Malformed() }
    return value
  }

  mutating func fixed(width: Int = 8) throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for shift in 0..<width { value |= UInt64(try byte()) << UInt64(8 * shift) }
    return value
  }

  mutating func double() throws(Malformed) -> Double { Double(bitPattern: try fixed()) }

  mutating func float() throws(Malformed) -> Float {
    Float(bitPattern: UInt32(truncatingIfNeeded: try fixed(width: 4)))
  }

  /// A number of things of at least `width` bytes each, which must still be there.
  mutating func count(width: Int = 1) throws(Malformed) -> Int {
    let count = try int()
    guard count >= 0, count <= (bytes.endIndex - at) / width else { throw Malformed() }
    return count
  }

  mutating func ints(
    in range: ClosedRange<Int>, atMost longest: Int = .max
  ) throws(Malformed) -> [Int] {
    var values: [Int] = []
    let count = try count()
    guard count <= longest else { throw Malformed() }
    for _ in 0..<count { values.append(try int(in: range)) }
    return values
  }

  mutating func text() throws(Malformed) -> String {
    let count = try count()
    defer { at += count }
    guard let text = String(validating: bytes[at..<at + count], as: UTF8.self) else {
      throw Malformed()
    }
    return text
  }

  mutating func optionalInt() throws(Malformed) -> Int? {
    try int(in: 0...1) == 0 ? nil : try int()
  }

  mutating func optionalDouble() throws(Malformed) -> Double? {
    try int(in: 0...1) == 0 ? nil : try double()
  }
}
