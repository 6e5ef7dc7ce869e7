// SPDX-License-Identifier: Apache-2.0

/// Why a text is not JSON, or not JSON of a size that is read, and where.
package struct JSONError: Error, Sendable, Hashable {
  /// The line, from 1.
  package var line: Int
  /// The byte of the line, from 1.
  package var column: Int
  /// What was found and what was expected; at most one character of the text is in it.
  package var message: String

  /// A reason and its place.
  package init(line: Int, column: Int, message: String) {
    self.line = line
    self.column = column
    self.message = message
  }
}

extension JSONError: CustomStringConvertible {
  /// Place and reason.
  package var description: String { "line \(line), byte \(column): \(message)" }
}

extension JSONValue {
  /// How much is read before a text is refused.
  package struct Limits: Sendable, Hashable {
    /// The longest text, in bytes.
    package var byteCount: Int
    /// How deep arrays and objects may be nested.
    package var depth: Int

    /// 16 MiB, 64 levels.
    package init(byteCount: Int = 16 << 20, depth: Int = 64) {
      self.byteCount = byteCount
      self.depth = depth
    }
  }

  /// Reads one value and nothing behind it, as strictly as RFC 8259 words it.
  ///
  /// Whole numbers that fit become `integer`, others `number`. A key that occurs twice in an object, half a
  /// surrogate pair, a control character in a string and a number beyond the range of `Double` are errors.
  ///
  /// - Complexity: O(bytes).
  package init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(JSONError) {
    guard bytes.count <= limits.byteCount else {
      throw JSONError(
        line: 1, column: 1,
        message: "the text has \(bytes.count) bytes, expected at most \(limits.byteCount)")
    }
    var parser = JSONParser(bytes: bytes, deepest: limits.depth)
    self = try parser.document()
  }

  /// The value of a key; `nil` if there is none or this is no object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The string, if it is one.
  package var string: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }
}

/// Walks over the bytes of a text once.
private struct JSONParser {
  let bytes: [UInt8]
  let deepest: Int
  var position = 0

  /// The byte here; `nil` at the end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func document() throws(JSONError) -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard next == nil else { throw unexpected("the end behind the value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case .some(let byte) where byte == UInt8(ascii: "-") || Self.digits.contains(byte):
      return try number()
    default: throw unexpected("a value")
    }
  }

  // MARK: Nests

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    try enter(depth)
    var members: [JSONValue.Member] = []
    var keys: Set<String> = []
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      let place = position
      guard next == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
      let key = try string()
      guard keys.insert(key).inserted else {
        throw error("a key that the object has already, expected another", at: place)
      }
      skipSpace()
      guard take(":") else { throw unexpected("':' behind a key") }
      members.append(.init(key, try value(depth: depth)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw unexpected("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    try enter(depth)
    var values: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(values) }
    while true {
      values.append(try value(depth: depth))
      skipSpace()
      if take("]") { return .array(values) }
      guard take(",") else { throw unexpected("',' or ']'") }
    }
  }

  private mutating func enter(_ depth: Int) throws(JSONError) {
    guard depth <= deepest else {
      throw error("\(depth) levels of arrays and objects, expected at most \(deepest)")
    }
    position += 1
  }

  // MARK: Strings

  private mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    var content: [UInt8] = []
    while true {
      guard let byte = next else { throw unexpected("the '\"' that ends a string") }
      if byte < 0x20 { throw unexpected("control characters as \\u escapes") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw error("a string that is not UTF-8, expected one that is", at: start)
        }
        return text
      case UInt8(ascii: "\\"):
        content += Array(String(Character(try escape())).utf8)
      default:
        content.append(byte)
      }
    }
  }

  /// The character of an escape whose backslash has been read.
  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    let start = position - 1
    guard let byte = next else { throw unexpected("an escape behind '\\'") }
    if let scalar = Self.escapes[byte] {
      position += 1
      return scalar
    }
    guard byte == UInt8(ascii: "u") else {
      throw unexpected("one of \" \\ / b f n r t u behind '\\'")
    }
    position += 1
    var value = try hexadecimal()
    if (0xd800..<0xdc00).contains(value) {
      guard take("\\"), take("u") else { throw error(Self.halfPair, at: start) }
      let low = try hexadecimal()
      guard (0xdc00..<0xe000).contains(low) else { throw error(Self.halfPair, at: start) }
      value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw error(Self.halfPair, at: start) }
    return scalar
  }

  /// Escapes of one letter.
  private static let escapes: [UInt8: Unicode.Scalar] = [
    UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/",
    UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "f"): "\u{c}", UInt8(ascii: "n"): "\n",
    UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
  ]

  private static let halfPair = "half a surrogate pair, expected both halves, high before low"

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue,
        byte < 0x80
      else { throw unexpected("four hexadecimal digits behind '\\u'") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  // MARK: Words and numbers

  private mutating func word(
    _ word: String, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for letter in word.utf8 {
      guard next == letter else { throw unexpected("'\(word)'") }
      position += 1
    }
    return value
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    _ = take("-")
    if !take("0") { try digits("a digit") }
    var isWhole = true
    if take(".") {
      isWhole = false
      try digits("a digit behind '.'")
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("-") { _ = take("+") }
      try digits("a digit of the exponent")
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(text), text != "-0" { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw error("a number beyond the range of 64-bit floats, expected a smaller one", at: start)
    }
    return .number(value)
  }

  private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

  private mutating func digits(_ expected: String) throws(JSONError) {
    let start = position
    while let byte = next, Self.digits.contains(byte) { position += 1 }
    if position == start { throw unexpected(expected) }
  }

  // MARK: Bytes

  /// Steps over a character if it is the next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      position += 1
    }
  }

  // MARK: Errors

  private func unexpected(_ expected: String) -> JSONError {
    guard let byte = next else { return error("the text ends, expected \(expected)") }
    let found =
      (0x21..<0x7f).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))'"
      : "byte 0x" + String(byte, radix: 16, uppercase: true)
    return error("\(found), expected \(expected)")
  }

  private func error(_ message: String, at place: Int? = nil) -> JSONError {
    let before = bytes[..<min(place ?? position, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    return JSONError(
      line: before.count(where: { $0 == 0x0a }) + 1, column: before.count - lineStart + 1,
      message: message)
  }
}
