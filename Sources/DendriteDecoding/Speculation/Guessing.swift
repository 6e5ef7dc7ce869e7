// SPDX-License-Identifier: Apache-2.0

/// One reply's drafter, its current draft, and what has been learned of both.
struct Guessing: Sendable {
  /// Guesses that are made when none are checked, to see whether they would have been right.
  private static let shadowLength = 8

  /// The guesses of this round.
  private(set) var draft: [Int] = []

  private var drafter: any Drafter
  private let longest: Int
  /// Decides how much of a draft is checked; `nil` if all of it is.
  private var policy: DraftLengthPolicy?
  /// A draft that nothing is staked on: what the reply says shows how good it was, at no cost.
  private var shadow: [Int] = []
  private var shadowRight = 0

  /// What a setting asks for, with a drafter of one's own or the setting's; `nil` if nobody guesses.
  init?(_ speculation: Speculation, drafter own: (any Drafter)?) {
    guard let drafter = own ?? speculation.makeDrafter() else { return nil }
    self.drafter = drafter
    longest = speculation == .none ? Speculation.longestDraft : speculation.draftLength
    if speculation == .automatic { policy = DraftLengthPolicy(longest: longest) }
    self.drafter.begin()
  }

  /// Makes the draft of a round.
  ///
  /// - Parameters:
  ///   - history: what the model has read.
  ///   - pending: the token that follows.
  ///   - room: how many guesses the reply and the context have room for.
  ///   - vocabularySize: ids from there on end a draft.
  mutating func propose(
    after history: [Int], pending: Int, room: Int, vocabularySize: Int
  ) {
    draft.removeAll(keepingCapacity: true)
    let limit = min(longest, room)
    guard limit > 0 else { return }
    let staked = policy?.draftLength(atMost: limit) ?? limit
    guard staked > 0 || shadow.isEmpty else { return }
    let wanted = staked > 0 ? staked : min(limit, Self.shadowLength)
    drafter.propose(after: history, pending: pending, limit: wanted, into: &draft)
    let valid = draft.prefix(wanted).prefix { (0..<vocabularySize).contains($0) }.count
    draft.removeSubrange(valid...)
    guard staked == 0 else { return }
    swap(&draft, &shadow)
    draft.removeAll(keepingCapacity: true)
  }

  /// Learns what became of the draft.
  ///
  /// - Parameters:
  ///   - chosen: what the model chose in this round, one token more than it accepted.
  ///   - position: the place in the history of the first of them.
  ///   - seconds: how long the pass took.
  mutating func observe(chosen: [SampledToken], position: Int, seconds: Double) {
    policy?.observe(rows: draft.count + 1, seconds: seconds)
    compareShadow(with: chosen)
    guard !draft.isEmpty, let next = chosen.last else { return }
    let accepted = chosen.count - 1
    policy?.observe(accepted: accepted, of: draft.count)
    drafter.observe(
      VerificationRecord(position: position, proposed: draft, accepted: accepted, next: next.id))
  }

  /// Compares what was only guessed with what the model said, and tells the policy when it is known.
  private mutating func compareShadow(with chosen: [SampledToken]) {
    guard !shadow.isEmpty else { return }
    for token in chosen {
      if shadow[shadowRight] == token.id {
        shadowRight += 1
        if shadowRight < shadow.count { continue }
      }
      policy?.observe(accepted: shadowRight, of: shadow.count)
      shadow.removeAll(keepingCapacity: true)
      shadowRight = 0
      return
    }
  }
}
