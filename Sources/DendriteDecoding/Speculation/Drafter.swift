// SPDX-License-Identifier: Apache-2.0

/// Guesses what a model will say, so that one pass of the model can check several tokens.
///
/// A drafter cannot change a text: every guess is compared with the token that the sampler chooses from
/// the model's own scores, and the first that differs ends the draft. A bad drafter only costs time. Write one
/// in ten lines:
///
/// ```swift
/// struct Echo: Drafter {
///   mutating func propose(
///     after history: [Int], pending: Int, limit: Int, into draft: inout [Int]
///   ) {
///     draft.append(contentsOf: history.suffix(limit))
///   }
/// }
/// ```
///
/// - Source: Leviathan et al. 2023 (arXiv:2211.17192); acceptance by equality under noise that is shared by
///   position: Daliri, Musco, Suresh 2024 (arXiv:2408.07978).
public protocol Drafter: Sendable {
  /// A reply begins: what was learned from another history may not fit.
  mutating func begin()

  /// Appends up to `limit` tokens that may follow.
  ///
  /// - Parameters:
  ///   - history: the tokens that the model has read.
  ///   - pending: the token that follows them; guesses follow it.
  ///   - limit: how many guesses are of use; more are cut off.
  ///   - draft: empty; ids that the vocabulary does not have end it.
  mutating func propose(after history: [Int], pending: Int, limit: Int, into draft: inout [Int])

  /// Learns what became of a draft.
  mutating func observe(_ record: VerificationRecord)
}

extension Drafter {
  /// Remembers nothing, forgets nothing.
  public mutating func begin() {}

  /// Learns nothing.
  public mutating func observe(_ record: VerificationRecord) {}
}

/// What one pass of the model said of a draft.
public struct VerificationRecord: Sendable, Hashable {
  /// The place in the history of the first proposed token.
  public var position: Int
  /// The draft.
  public var proposed: [Int]
  /// How many of its first tokens the model chose too.
  public var accepted: Int
  /// The token that the model chose after those: a correction, or a bonus if the whole draft was accepted.
  public var next: Int

  /// A verdict.
  public init(position: Int, proposed: [Int], accepted: Int, next: Int) {
    self.position = position
    self.proposed = proposed
    self.accepted = accepted
    self.next = next
  }
}
