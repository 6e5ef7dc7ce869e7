// SPDX-License-Identifier: Apache-2.0

/// Whether guesses are checked along with each token, and who makes them.
///
/// The text is the same with any of these.
public enum Speculation: Sendable, Hashable {
  /// One token a pass.
  case none
  /// Guesses by ``PromptLookup``, at most so many a pass.
  case promptLookup(draftLength: Int)
  /// Guesses by ``PromptLookup``, as many a pass as pay by the measured costs of passes; none where none do.
  case automatic

  /// The longest draft that one pass takes, with the token before it.
  public static let longestDraft = 63

  /// The longest draft that is chosen by itself: wider passes are bound by arithmetic on any processor.
  static let longestAutomaticDraft = 24

  /// The most guesses a pass.
  var draftLength: Int {
    switch self {
    case .none: 0
    case .promptLookup(let length): length
    case .automatic: Self.longestAutomaticDraft
    }
  }

  /// The drafter, if there is one.
  func makeDrafter() -> (any Drafter)? {
    switch self {
    case .none: nil
    case .promptLookup, .automatic: PromptLookup()
    }
  }

  func validate() throws(DecodingError) {
    guard case .promptLookup = self else { return }
    guard (1...Self.longestDraft).contains(draftLength) else {
      throw DecodingError(
        .badSetting,
        "the draft length is \(draftLength), expected from 1 to \(Self.longestDraft)",
        remedy: "use 8; where guesses are rarely right fewer cost less")
    }
  }
}
