// SPDX-License-Identifier: Apache-2.0

/// Damages tokenizer files: bytes, and the words, numbers and brackets of JSON.
enum TokenizerMutation {
  private static let values = [
    "null", "true", "false", "-1", "0", "1", "2147483648", "1e308", "-0.0", "1e999",
    "99999999999999999999",
    "\"\"", "\"a\"", "[]", "{}", "[[[[[[]]]]]]", "\"\\ud800\"", "\"▁\"", "\"<0x41>\"",
    "[\"a\", \"b\"]",
    "{\"type\": \"Sequence\", \"normalizers\": [], \"pretokenizers\": [], \"decoders\": []}",
    "{\"Regex\": \"(a+)+$\"}", "{\"Regex\": \"(?=(?!a))\"}", "{\"Regex\": \"\"}",
    "{\"String\": \"\"}",
  ]
  private static let patterns = [
    "(a|aa)*", "(?=", "[^", "\\\\p{L}", "{1000}", "(?:", ")", "|", "*", "+?", "++", "(?<!a)",
    "\\\\b", "(?i)",
    "[a-\\\\p{L}&&", "]", "$", "^", "(?!\\\\S)", "(?>a+)", "\\\\x{10FFFF}", "{0,1000}",
    "(?:a{1000}){1000}",
  ]

  /// A damaged file made from one of the bases; a function of the random state alone.
  static func damagedFile(from bases: [[UInt8]], _ random: inout FuzzRandom) -> [UInt8] {
    var bytes = random.element(of: bases) ?? []
    for _ in 0...random.below(2) {
      if bytes.first == UInt8(ascii: "{"), !random.once(in: 8) {
        mutateJSON(&bytes, &random)
      } else {
        mutateBytes(&bytes, &random)
      }
    }
    return bytes
  }

  private static func mutateJSON(_ bytes: inout [UInt8], _ random: inout FuzzRandom) {
    guard !bytes.isEmpty else { return }
    switch random.below(8) {
    case 0...3: replaceValue(&bytes, &random)
    case 4:
      // A number.
      let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
      if let at = random.element(of: digits) {
        bytes.replaceSubrange(at...at, with: Array(String(random.interestingNumber()).utf8))
      }
    case 5:
      // A piece of a pattern, where patterns or other texts are.
      if let at = random.element(of: bytes.indices.filter { bytes[$0] == UInt8(ascii: "\\") })
        ?? random.element(of: bytes.indices.filter { bytes[$0] == UInt8(ascii: "\"") })
      {
        bytes.insert(contentsOf: Array((random.element(of: patterns) ?? "").utf8), at: at)
      }
    case 6 where random.once(in: 3):
      let count = 1 << random.below(16)
      let text = random.once(in: 2) ? "[" : "{\"a\":"
      let at = random.below(bytes.count)
      bytes.insert(contentsOf: Array(String(repeating: text, count: count).utf8), at: at)
    default:
      if !random.once(in: 3) { return replaceValue(&bytes, &random) }
      let from = random.below(bytes.count)
      let chunk = Array(bytes[from..<min(bytes.count, from + 1 + random.below(200))])
      bytes.insert(contentsOf: chunk, at: random.below(bytes.count))
    }
  }

  /// Puts another value behind a colon or a comma.
  private static func replaceValue(_ bytes: inout [UInt8], _ random: inout FuzzRandom) {
    let places = bytes.indices.filter {
      bytes[$0] == UInt8(ascii: ":") || bytes[$0] == UInt8(ascii: ",")
    }
    guard let place = random.element(of: places) else { return }
    var end = place + 1
    var depth = 0
    while end < bytes.count {
      switch bytes[end] {
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ","): if depth == 0 { depth = -1 }
      default: break
      }
      if depth < 0 { break }
      end += 1
    }
    let value = random.element(of: values) ?? "null"
    bytes.replaceSubrange((place + 1)..<end, with: Array(" \(value)".utf8))
  }

  private static func mutateBytes(_ bytes: inout [UInt8], _ random: inout FuzzRandom) {
    guard !bytes.isEmpty else { return }
    let at = random.below(bytes.count)
    switch random.below(5) {
    case 0: bytes[at] ^= 1 << UInt8(random.below(8))
    case 1: bytes[at] = UInt8(truncatingIfNeeded: random.next())
    case 2: bytes.removeLast(random.below(bytes.count))
    case 3: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(40)))
    default:
      bytes.insert(contentsOf: Array(bytes[at..<min(bytes.count, at + 60)]), at: at)
    }
  }
}
