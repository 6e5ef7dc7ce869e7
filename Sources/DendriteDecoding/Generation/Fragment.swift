// SPDX-License-Identifier: Apache-2.0

/// One token of a reply and the text that it completed.
///
/// The text may be empty (the token ends in the middle of a character, or its text may become a
/// stop string) and may hold text of earlier tokens that waited. The fragments' texts, put together,
/// are the reply.
public struct Fragment: Sendable, Hashable {
  /// Text that is safe to show.
  public var text: String
  /// The token's id.
  public var tokenID: Int
  /// log p of the token under the model's own distribution.
  public var logProbability: Float

  /// How the token came about; the token does not depend on it.
  public var origin: Origin

  /// How a token came about.
  public enum Origin: String, Sendable, Hashable, CaseIterable {
    /// Nothing was guessed.
    case plain
    /// A guess that the model confirmed.
    case accepted
    /// The model's own, where the guess was another.
    case correction
    /// The model's own, behind guesses that were all right.
    case bonus
  }

  /// A fragment of a reply.
  public init(text: String, tokenID: Int, logProbability: Float, origin: Origin = .plain) {
    self.origin = origin
    self.text = text
    self.tokenID = tokenID
    self.logProbability = logProbability
  }
}

/// How far a prompt has been read.
public struct PrefillProgress: Sendable, Hashable {
  /// Tokens in the cache, reused ones included.
  public var completedTokens: Int
  /// Tokens of the prompt.
  public var totalTokens: Int

  /// Progress through a prompt.
  public init(completedTokens: Int, totalTokens: Int) {
    self.completedTokens = completedTokens
    self.totalTokens = totalTokens
  }

  /// From 0 to 1.
  public var fraction: Double { Double(completedTokens) / Double(max(totalTokens, 1)) }
}
