// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

/// What a drafter asks the model for half-way through a pass.
public struct ExitWish: Sendable {
  /// Turns a hidden state into early scores.
  public var head: ExitHead
  /// Guesses for each row (κ).
  public var count: Int
  /// The first tokens of the vocabulary that are of use; fewer cost less.
  public var vocabularySize: Int

  /// A wish.
  public init(head: ExitHead, count: Int, vocabularySize: Int = .max) {
    self.head = head
    self.count = count
    self.vocabularySize = vocabularySize
  }
}

/// The model's early opinion of what follows each row of a pass, best first.
///
/// Row 0 is the pending token, row i + 1 is guess i of the draft. Tokens that the draft has behind a row
/// already are left out: if the model chooses one of those, the row does not end the path.
///
/// - Source: Mirror-SD (arXiv:2510.13161), §3.1: the token channel; per row as in its figure 1. Ranked by score plus
///   the noise of the position, since that is what decides.
public struct ExitGuesses: Sendable, Hashable {
  /// One guess.
  public struct Guess: Sendable, Hashable {
    /// The token.
    public var token: Int
    /// Its log-probability at the exit over the temperature, plus the noise of its position.
    public var score: Float

    /// A guess.
    public init(token: Int, score: Float) {
      self.token = token
      self.score = score
    }
  }

  /// The place in the history of the token that follows row 0.
  public var position: Int
  /// The guesses for each row.
  public var rows: [[Guess]]

  /// Guesses.
  public init(position: Int, rows: [[Guess]]) {
    self.position = position
    self.rows = rows
  }
}

/// What a drafter has to tell at the end of a reply.
public struct DrafterReport: Sendable, Hashable {
  /// Windows that were drafted because nothing could have been there yet.
  public var cold = 0
  /// Windows that were found among prepared branches.
  public var hits = 0
  /// Windows that were not.
  public var misses = 0
  /// Branches that were prepared.
  public var branches = 0
  /// Tokens in them.
  public var branchTokens = 0
  /// The most rows of the drafter's cache that branches occupied at a time.
  public var branchRows = 0
  /// Bytes of those rows; 0 if the drafter's device does not say.
  public var branchBytes = 0
  /// Seconds of the drafter's thread in branches.
  public var branchSeconds = 0.0
  /// Seconds of the drafter's thread in windows that were not prepared to their end.
  public var windowSeconds = 0.0
  /// Messages that came too late and were dropped.
  public var lateMessages = 0
  /// Why the drafter stopped working, if it did.
  public var failure: String?

  /// Nothing to tell.
  public init() {}

  /// Windows in all.
  public var rounds: Int { cold + hits + misses }
  /// Hits of all windows that could have been.
  public var hitRate: Double? {
    hits + misses > 0 ? Double(hits) / Double(hits + misses) : nil
  }
}
