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
///     after history: [Int], pending: Int, limit: Int, into draft: inout Draft
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
  mutating func begin(_ reply: ReplyOutline)

  /// Adds guesses that may follow.
  ///
  /// - Parameters:
  ///   - history: the tokens that the model has read.
  ///   - pending: the token that follows them; guesses follow it.
  ///   - limit: how many guesses are of use; more are cut off.
  ///   - draft: empty; ids that the vocabulary does not have end their branch.
  mutating func propose(after history: [Int], pending: Int, limit: Int, into draft: inout Draft)

  /// The early guesses of the model that the drafter wants to see; `nil` if none.
  var exitWish: ExitWish? { get }

  /// Hears what the model thinks half-way through the check of the last draft; must not wait for anything.
  mutating func foresee(_ guesses: ExitGuesses)

  /// Learns what became of a draft, an empty one included.
  mutating func observe(_ record: VerificationRecord)

  /// What the drafter did since the reply began, for statistics.
  var report: DrafterReport { get }
}

extension Drafter {
  /// Remembers nothing, forgets nothing.
  public mutating func begin(_ reply: ReplyOutline) {}

  /// Has no use for early guesses.
  public var exitWish: ExitWish? { nil }

  /// Has no use for early guesses.
  public mutating func foresee(_ guesses: ExitGuesses) {}

  /// Learns nothing.
  public mutating func observe(_ record: VerificationRecord) {}

  /// Nothing to tell.
  public var report: DrafterReport { DrafterReport() }
}

/// What a drafter knows of a reply before it begins.
public struct ReplyOutline: Sendable, Hashable {
  /// How the model's tokens are chosen, with the seed in use: a drafter that chooses by the same noise agrees
  /// more often.
  public var sampler: SamplerSettings
  /// Tokens of the model's vocabulary.
  public var vocabularySize: Int
  /// Tokens of prompt and reply together, at most.
  public var capacity: Int
  /// The prompt's ids, so that a drafter may read them while the model does.
  public var prompt: [Int]
  /// Tokens that end the reply: nothing is worth guessing behind them.
  public var endTokens: Set<Int>
  /// Notes what the drafter does, where it does it in this process.
  public var trace: TraceRecorder?

  /// Describes a reply.
  public init(
    sampler: SamplerSettings, vocabularySize: Int, capacity: Int, prompt: [Int] = [],
    endTokens: Set<Int> = []
  ) {
    self.prompt = prompt
    self.endTokens = endTokens
    self.sampler = sampler
    self.vocabularySize = vocabularySize
    self.capacity = capacity
  }
}

/// What one pass of the model said of a draft.
public struct VerificationRecord: Sendable, Hashable {
  /// The place in the history of the first proposed token.
  public var position: Int
  /// The draft.
  public var proposed: Draft
  /// The guesses that the model chose too, as indices into the draft, in order.
  public var path: [Int]
  /// The token that the model chose after those: a correction, or a bonus if the path ends in a leaf.
  public var next: Int
  /// The model's early guesses in this pass, if somebody asked for them.
  public var exits: ExitGuesses?
  /// Seconds that the draft took.
  public var draftSeconds: Double
  /// Seconds that its check took.
  public var verifySeconds: Double

  /// How many guesses were right.
  public var accepted: Int { path.count }

  /// The tokens that the model chose: the accepted ones and the next.
  public var chosen: [Int] { path.map { proposed.tokens[$0] } + [next] }

  /// A verdict.
  public init(
    position: Int, proposed: Draft, path: [Int], next: Int, exits: ExitGuesses? = nil,
    draftSeconds: Double = 0, verifySeconds: Double = 0
  ) {
    self.position = position
    self.proposed = proposed
    self.path = path
    self.next = next
    self.exits = exits
    self.draftSeconds = draftSeconds
    self.verifySeconds = verifySeconds
  }
}
