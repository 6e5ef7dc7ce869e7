// SPDX-License-Identifier: Apache-2.0

/// Whether guesses are checked along with each token, and who makes them.
///
/// The text is the same with any of these.
public enum Speculation: Sendable, Hashable {
  /// One token a pass.
  case none
  /// Guesses by ``PromptLookup``, at most so many a pass.
  case promptLookup(draftLength: Int)

  /// The longest draft that one pass takes, with the token before it.
  public static let longestDraft = 63

  /// The most guesses a pass.
  var draftLength: Int {
    switch self {
    case .none: 0
    case .promptLookup(let length): length
    }
  }

  /// The drafter, if there is one.
  func makeDrafter() -> (any Drafter)? {
    switch self {
    case .none: nil
    case .promptLookup: PromptLookup()
    }
  }

  func validate() throws(DecodingError) {
    if case .none = self { return }
    guard (1...Self.longestDraft).contains(draftLength) else {
      throw DecodingError(
        .badSetting,
        "the draft length is \(draftLength), expected from 1 to \(Self.longestDraft)",
        remedy: "use 8; where guesses are rarely right fewer cost less")
    }
  }
}
