// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import DendriteTestSupport
import Foundation
import Testing

@Suite struct JSONParserTests {
  private func parse(_ text: String, limits: JSONValue.Limits = .init()) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8), limits: limits)
  }

  @Test func `what is written is read back`() throws {
    let value = JSONValue.object([
      .init("text", .string("\"\\/\u{8}\u{c}\n\r\t ä½🙂")),
      .init("list", .array([.null, .bool(true), .bool(false), .array([]), .object([])])),
      .init("numbers", .array([.integer(0), .integer(-7), .integer(.max), .number(2.5e-7)])),
    ])
    #expect(try parse(value.text()) == value)
    #expect(try parse(value.text(indented: false)) == value)
    #expect(try parse(" \t\r\n1 ") == .integer(1))
  }

  @Test func `escapes and surrogate pairs become characters`() throws {
    #expect(
      try parse(#""\"\\\/\b\f\n\r\t\u00e4\u20AC\ud83d\ude42""#)
        == .string("\"\\/\u{8}\u{c}\n\r\tä€🙂"))
    #expect(try parse(#""\u0000""#) == .string("\0"))
  }

  @Test func `numbers keep what they are`() throws {
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
    #expect(try parse("1e3") == .number(1000))
    #expect(try parse("-0.5E-1") == .number(-0.05))
    guard case .number(let zero) = try parse("-0") else {
      Issue.record("-0 is no float")
      return
    }
    #expect(zero.sign == .minus)
  }

  @Test(arguments: [
    ("", "the text ends, expected a value"),
    ("  ", "the text ends, expected a value"),
    ("nul", "the text ends, expected 'null'"),
    ("True", "'T', expected a value"),
    ("01", "'1', expected the end behind the value"),
    ("1.", "the text ends, expected a digit behind '.'"),
    ("-", "the text ends, expected a digit"),
    ("1e+", "the text ends, expected a digit of the exponent"),
    (".5", "'.', expected a value"),
    ("+1", "'+', expected a value"),
    ("1e999", "a number beyond the range of 64-bit floats"),
    ("[1,]", "']', expected a value"),
    ("[1 2]", "'2', expected ',' or ']'"),
    ("{,}", "',', expected a key in quotes"),
    ("{\"a\"}", "'}', expected ':' behind a key"),
    ("{\"a\":1,}", "'}', expected a key in quotes"),
    ("{\"a\":1 \"b\":2}", "'\"', expected ',' or '}'"),
    ("{\"a\":1,\"a\":2}", "a key that the object has already"),
    ("\"abc", "the text ends, expected the '\"' that ends a string"),
    ("\"a\nb\"", "byte 0xA, expected control characters as"),
    (#""\x""#, "'x', expected one of"),
    (#""\u12g4""#, "'g', expected four hexadecimal digits"),
    (#""\ud83d""#, "half a surrogate pair"),
    (#""\ud83dA""#, "half a surrogate pair"),
    (#""\ude42""#, "half a surrogate pair"),
    ("1 x", "'x', expected the end behind the value"),
    ("// note\n1", "'/', expected a value"),
    ("'a'", "''', expected a value"),
  ])
  func `what is not JSON says what was found and expected`(text: String, message: String) {
    do {
      _ = try parse(text)
      Issue.record("\(text) was read")
    } catch {
      #expect("\(error)".contains(message), "\(error)")
    }
  }

  @Test func `an error has its line and byte`() {
    #expect(throws: JSONError(line: 3, column: 4, message: "'?', expected a value")) {
      try parse("{\n\"a\":\n   ?}")
    }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    for bytes: [UInt8] in [[0x22, 0xe9, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0xff]] {
      #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }
  }

  @Test func `depth and size have limits`() throws {
    let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    _ = try parse(deep)
    #expect(throws: JSONError.self) { try parse("[" + deep + "]") }
    #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    _ = try parse("[1]", limits: .init(byteCount: 3))
    #expect(throws: JSONError.self) { try parse("[10]", limits: .init(byteCount: 3)) }
  }

  @Test(arguments: [1, 2, 3])
  func `mutated texts are read as Foundation reads them, or refused`(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    let base = Array(#"{"a":[1,-2.5e3,"x\u00e4\n"],"b":{"c":null,"d":true}}"#.utf8)
    for _ in 0..<2_000 {
      var bytes = base
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0x20..<0x7f, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(bytes.randomElement(using: &random) ?? 0, at: place)
        }
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      let again = try JSONValue(parsing: Array(value.text().utf8))
      #expect(again.text() == value.text())  // 2.5e3 is written as 2500
      _ = try JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
    }
  }
}
