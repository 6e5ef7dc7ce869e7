// SPDX-License-Identifier: Apache-2.0

/// What was found in a vocabulary or a text, what was expected, and what to do about it.
///
/// The message names the place (a token's id, a merge's rank, a byte's offset). It may quote a
/// vocabulary; it never quotes a prompt.
public struct TokenizerError: Error, Sendable {
  /// The kind of failure, for callers that act on it; more kinds may follow.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The code's name, as in `invalidUTF8`.
    public let description: String

    private init(_ name: String) { description = name }

    /// The vocabulary has no tokens, or more than an id can count.
    public static let invalidSize = Code("invalidSize")
    /// Two lists that should be parallel have different lengths.
    public static let mismatchedLists = Code("mismatchedLists")
    /// The id of a special token lies outside the vocabulary.
    public static let idOutOfRange = Code("idOutOfRange")
    /// A special token is to be added to text, but the vocabulary does not say which.
    public static let missingSpecialToken = Code("missingSpecialToken")
    /// A merge is not two pieces with a space between them.
    public static let malformedMerge = Code("malformedMerge")
    /// A merge names a piece that is not a token, or yields one.
    public static let mergeOfMissingToken = Code("mergeOfMissingToken")
    /// A token that is matched in text is longer than any real one.
    public static let tokenTooLong = Code("tokenTooLong")
    /// A pattern is not a regular expression of the dialect, or needs too much.
    public static let unsupportedPattern = Code("unsupportedPattern")
    /// The table of replacements of a normaliser is damaged.
    public static let malformedCharsmap = Code("malformedCharsmap")
    /// A text is not UTF-8.
    public static let invalidUTF8 = Code("invalidUTF8")
    /// A text is longer than this tokenizer can count.
    public static let textTooLong = Code("textTooLong")
  }

  /// The kind of failure.
  public let code: Code
  /// What was found and what was expected; further lines are context.
  public let message: String
  /// What to do about it.
  public let remedy: String
  /// The error underneath, if there was one.
  public let cause: (any Error)?

  /// Makes an error; the message says what was found and what was expected.
  package init(_ code: Code, _ message: String, remedy: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.cause = cause
  }
}

extension TokenizerError: CustomStringConvertible {
  /// The message, its context indented, the cause and the remedy, each on lines of their own.
  public var description: String {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    var text = "tokenizer: " + lines.joined(separator: "\n           ")
    if let cause { text += "\n  because: \(cause)" }
    return text + "\n  try: \(remedy)"
  }
}

/// A piece of a vocabulary, made fit for a message: quoted, controls escaped, shortened.
func quoted(_ piece: some StringProtocol) -> String {
  var text = "'"
  for (count, scalar) in piece.unicodeScalars.enumerated() {
    if count == 40 {
      text += "…"
      break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      text += "\\u{\(String(scalar.value, radix: 16))}"
    default:
      text.unicodeScalars.append(scalar)
    }
  }
  return text + "'"
}
