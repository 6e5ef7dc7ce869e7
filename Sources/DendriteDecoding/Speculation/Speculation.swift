// SPDX-License-Identifier: Apache-2.0

/// Whether guesses are checked along with each token, and who makes them.
///
/// The text is the same with any of these.
public enum Speculation: Sendable, Hashable {
  /// One token a pass.
  case none
  /// Guesses by ``PromptLookup``, at most so many a pass.
  case promptLookup(draftLength: Int)
  /// Guesses by ``SuffixDrafter``, at most so many a pass.
  case suffixes(draftLength: Int)
  /// Guesses by the drafter that the reply is given, at most so many a pass.
  case drafter(draftLength: Int)
  /// Guesses by whoever is right most often for what it costs, as many a pass as pay by the measured times of passes
  /// and drafts; none where none do.
  case automatic

  /// The longest draft that one pass takes, with the token before it.
  public static let longestDraft = 63

  /// The longest draft that is chosen by itself: wider passes are bound by arithmetic on any processor.
  static let longestAutomaticDraft = 24

  /// The most guesses a pass.
  var draftLength: Int {
    switch self {
    case .none: 0
    case .promptLookup(let length), .suffixes(let length), .drafter(let length): length
    case .automatic: Self.longestAutomaticDraft
    }
  }

  /// The drafters that need nothing but the text.
  package func makeDrafters() -> [any Drafter] {
    switch self {
    case .none, .drafter: []
    case .promptLookup: [PromptLookup()]
    case .suffixes, .automatic: [SuffixDrafter()]
    }
  }

  func validate() throws(DecodingError) {
    switch self {
    case .none, .automatic: return
    case .promptLookup, .suffixes, .drafter: break
    }
    guard (1...Self.longestDraft).contains(draftLength) else {
      throw DecodingError(
        .badSetting,
        "the draft length is \(draftLength), expected from 1 to \(Self.longestDraft)",
        remedy: "use 8; where guesses are rarely right fewer cost less")
    }
  }
}
