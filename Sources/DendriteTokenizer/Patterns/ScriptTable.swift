// SPDX-License-Identifier: Apache-2.0

/// The scalars of writing systems, by name.
enum ScriptTable {
  /// The sets of all scripts that are known, in the order of `ScriptData.names`.
  static let sets: [ScalarSet] = {
    var reader = TableReader(ScriptData.encoded)
    return ScriptData.names.map { _ in
      var ranges: [ClosedRange<UInt32>] = []
      var position: UInt32 = 0
      for _ in 0..<reader.number() {
        let low = position + reader.number()
        position = low + reader.number()
        ranges.append(low...position)
      }
      return ScalarSet(ranges)
    }
  }()

  /// The scalars of a script; nil for a name that is not known.
  static func set(named name: String) -> ScalarSet? {
    ScriptData.names.firstIndex(of: name).map { sets[$0] }
  }
}

/// Reads a generated table: base64 of numbers with seven bits a byte.
struct TableReader {
  private var bytes: [UInt8] = []
  private var position = 0

  init(_ text: String) { bytes = Base64.decode(Array(text.utf8)) ?? [] }

  /// Whether all is read.
  var isAtEnd: Bool { position >= bytes.count }

  /// The next number; 0 at the end.
  mutating func number() -> UInt32 {
    var value: UInt32 = 0
    var shift: UInt32 = 0
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      value |= UInt32(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    return value
  }

  /// The next number with a sign in its lowest bit.
  mutating func signedNumber() -> Int {
    let value = Int(number())
    return value & 1 == 0 ? value / 2 : -(value + 1) / 2
  }
}

/// Base64 with the usual alphabet.
package enum Base64 {
  /// The bytes of a text; nil where a character is not in the alphabet.
  package static func decode(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3 + 3)
    var word: UInt32 = 0
    var filled = 0
    for character in text {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - 71
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character + 4
      case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
      case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
      case UInt8(ascii: "="), UInt8(ascii: "\n"), UInt8(ascii: "\r"): continue
      default: return nil
      }
      word = word << 6 | UInt32(value)
      filled += 6
      if filled >= 8 {
        filled -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(filled)))
      }
    }
    return bytes
  }
}
