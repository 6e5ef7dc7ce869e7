// SPDX-License-Identifier: Apache-2.0

/// A value of a tokenizer's JSON file.
///
/// Objects keep their order and their duplicates: vocabularies are objects of 200,000 members, which
/// are walked through once and never searched.
enum TokenizerJSON: Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([TokenizerJSON])
  case object([Member])

  /// A member of an object.
  struct Member: Sendable {
    var key: String
    var value: TokenizerJSON
  }

  /// Deepest nesting that is read; published files stay below ten.
  static let deepestNesting = 64

  /// What a message calls the kind of a value.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a bool"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// Reads JSON, strictly; memory stays proportional to the text, and nesting is bounded.
struct TokenizerJSONParser {
  /// What is wrong, and where.
  struct Failure: Error {
    var problem: String
    var position: Int
  }

  private let text: [UInt8]
  private var position = 0
  private var depth = 0

  private init(_ text: [UInt8]) { self.text = text }

  /// Reads one value and nothing after it.
  ///
  /// - Throws: `Failure` with the position of the first byte that does not fit.
  static func parse(_ text: [UInt8]) throws(Failure) -> TokenizerJSON {
    var parser = TokenizerJSONParser(text)
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
    parser.skipSpace()
    let value = try parser.value()
    parser.skipSpace()
    guard parser.position == text.count else { throw parser.failure("text behind the value") }
    return value
  }

  private func failure(_ problem: String) -> Failure {
    Failure(problem: problem, position: position)
  }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(Failure) -> TokenizerJSON {
    guard let first = next else { throw failure("the end of the file where a value is expected") }
    switch first {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: throw failure("a byte that begins no value")
    }
  }

  private mutating func word(
    _ word: String, _ value: TokenizerJSON
  ) throws(Failure) -> TokenizerJSON {
    guard text[position...].starts(with: word.utf8) else { throw failure("an unknown word") }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws(Failure) -> Double {
    let start = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
        UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
        position += 1
        continue
      default: break
      }
      break
    }
    let digits = String(decoding: text[start..<position], as: UTF8.self)
    guard let value = Double(digits), value.isFinite else {
      position = start
      throw failure("a number that is none")
    }
    return value
  }

  private mutating func array() throws(Failure) -> TokenizerJSON {
    try descend()
    defer { depth -= 1 }
    position += 1
    var values: [TokenizerJSON] = []
    skipSpace()
    if skip(UInt8(ascii: "]")) { return .array(values) }
    while true {
      skipSpace()
      values.append(try value())
      skipSpace()
      if skip(UInt8(ascii: "]")) { return .array(values) }
      guard skip(UInt8(ascii: ",")) else { throw failure("an array without a comma or an end") }
    }
  }

  private mutating func object() throws(Failure) -> TokenizerJSON {
    try descend()
    defer { depth -= 1 }
    position += 1
    var members: [TokenizerJSON.Member] = []
    skipSpace()
    if skip(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("an object without a key") }
      let key = try string()
      skipSpace()
      guard skip(UInt8(ascii: ":")) else { throw failure("a key without a colon") }
      skipSpace()
      members.append(TokenizerJSON.Member(key: key, value: try value()))
      skipSpace()
      if skip(UInt8(ascii: "}")) { return .object(members) }
      guard skip(UInt8(ascii: ",")) else { throw failure("an object without a comma or an end") }
    }
  }

  private mutating func descend() throws(Failure) {
    depth += 1
    guard depth <= TokenizerJSON.deepestNesting else {
      throw failure("more than \(TokenizerJSON.deepestNesting) values inside one another")
    }
  }

  // MARK: Strings

  private mutating func string() throws(Failure) -> String {
    position += 1
    let start = position
    while position < text.count, text[position] != UInt8(ascii: "\""),
      text[position] != UInt8(ascii: "\\"), text[position] >= 0x20
    {
      position += 1
    }
    if next == UInt8(ascii: "\"") {
      position += 1
      return String(decoding: text[start..<(position - 1)], as: UTF8.self)
    }
    var bytes = Array(text[start..<position])
    while true {
      guard let byte = next, byte >= 0x20 else { throw failure("a string that does not end") }
      position += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") { try escape(&bytes) } else { bytes.append(byte) }
    }
  }

  private mutating func escape(_ bytes: inout [UInt8]) throws(Failure) {
    guard let byte = next else { throw failure("a string that does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var value = try codeUnit()
      if value & 0xFC00 == 0xD800, text[position...].starts(with: "\\u".utf8) {
        let mark = position
        position += 2
        let low = try codeUnit()
        if low & 0xFC00 == 0xDC00 {
          value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
        } else {
          position = mark
        }
      }
      // Half of a pair stands for nothing.
      let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
      bytes.append(contentsOf: String(scalar).utf8)
    default: throw failure("an unknown escape")
    }
  }

  private mutating func codeUnit() throws(Failure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("an escape without four digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
