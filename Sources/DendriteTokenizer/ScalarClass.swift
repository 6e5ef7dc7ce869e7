// SPDX-License-Identifier: Apache-2.0

/// What the expressions of pre-tokenizers distinguish.
enum ScalarClass: UInt8, Sendable {
  /// `\p{L}`
  case letter
  /// `\p{N}`
  case number
  /// `[\r\n]`, a part of `\s`
  case newline
  /// `\s` without `[\r\n]`
  case space
  /// Everything else: `[^\s\p{L}\p{N}]`
  case symbol

  /// Whether `\s` matches.
  var isWhitespace: Bool { self == .newline || self == .space }

  /// Classifies a scalar outside ASCII by the standard library's Unicode tables.
  init(_ scalar: Unicode.Scalar) {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      self = .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      self = .number
    default:
      self = scalar.properties.isWhitespace ? .space : .symbol
    }
  }

  /// The classes of the ASCII scalars.
  static let ascii: [ScalarClass] = (0..<0x80).map { (byte: UInt8) in
    switch byte {
    case UInt8(ascii: "\r"), UInt8(ascii: "\n"): .newline
    case UInt8(ascii: " "), 0x09, 0x0B, 0x0C: .space
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .number
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): .letter
    default: .symbol
    }
  }
}
