// SPDX-License-Identifier: Apache-2.0

/// One reply's drafters, its current draft, and what has been learned of both.
struct Guessing: Sendable {
  /// Guesses that are made when none are checked, to see whether they would have been right.
  private static let shadowLength = 8
  /// Rounds between trials of a drafter that does not pay, at first and at most.
  private static let patience = 4...256

  /// Somebody who guesses.
  private struct Source: Sendable {
    var drafter: any Drafter
    /// Whether guesses take no time worth counting, so that they may be made to be looked at.
    var isFree: Bool
    /// A draft that nothing is staked on: what the reply says shows how good it was, at no cost.
    var shadow: [Int] = []
    var shadowClass = 0
    var shadowRight = 0
    /// Rounds until a drafter that costs something is tried again, and how many they were last time.
    var wait = 0
    var lastWait = Guessing.patience.lowerBound
  }

  /// The guesses of this round.
  private(set) var draft = Draft()
  /// Seconds that they took.
  private(set) var draftSeconds = 0.0

  private var sources: [Source]
  /// Whose draft it is.
  private var current: Int?
  private let longest: Int
  /// Decides how much of a draft is checked, and whose; `nil` if all of it is.
  private var policy: DraftLengthPolicy?
  /// What was proposed last, until it is taken or left.
  private var other = Draft()

  /// What a setting asks for, with drafters of one's own or the setting's; `nil` if nobody guesses.
  ///
  /// - Parameters:
  ///   - speculation: how much is guessed.
  ///   - own: asked in this order; with a fixed draft length only the first is.
  ///   - reply: what the drafters are told.
  init?(_ speculation: Speculation, drafters own: [any Drafter], reply: ReplyOutline) {
    let drafters = own.isEmpty ? speculation.makeDrafters() : own
    guard !drafters.isEmpty else { return nil }
    sources = drafters.map { Source(drafter: $0, isFree: !($0 is any CostlyDrafter)) }
    longest = speculation == .none ? Speculation.longestDraft : speculation.draftLength
    if speculation == .automatic {
      policy = DraftLengthPolicy(longest: longest, sources: sources.count)
    }
    for index in sources.indices { sources[index].drafter.begin(reply) }
  }

  /// What the drafter of this round wants to know early.
  var exitWish: ExitWish? { current.flatMap { sources[$0].drafter.exitWish } }

  /// The drafters, with what they have learned.
  var drafters: [any Drafter] { sources.map(\.drafter) }

  /// What the drafters did, put together.
  var report: DrafterReport {
    var report = DrafterReport()
    for source in sources {
      let more = source.drafter.report
      report.cold += more.cold
      report.hits += more.hits
      report.misses += more.misses
      report.branches += more.branches
      report.branchTokens += more.branchTokens
      report.branchRows = max(report.branchRows, more.branchRows)
      report.branchBytes = max(report.branchBytes, more.branchBytes)
      report.lateMessages += more.lateMessages
      report.branchSeconds += more.branchSeconds
      report.windowSeconds += more.windowSeconds
      report.failure = report.failure ?? more.failure
    }
    return report
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
    draft.removeAll()
    draftSeconds = 0
    current = policy == nil ? 0 : nil
    let limit = min(longest, room)
    guard limit > 0 else { return }
    if policy == nil {
      ask(0, after: history, pending: pending, limit: limit)
      swap(&draft, &other)
      draft.sanitise(vocabularySize: vocabularySize, depth: room, limit: longest)
    } else {
      choose(after: history, pending: pending, limit: limit, vocabularySize: vocabularySize)
    }
  }

  /// Takes the draft that promises most tokens a second, or none.
  private mutating func choose(
    after history: [Int], pending: Int, limit: Int, vocabularySize: Int
  ) {
    guard let policy else { return }
    var best = policy.best(atMost: 0)
    for index in sources.indices where sources[index].isFree {
      ask(index, after: history, pending: pending, limit: limit)
      other.sanitise(vocabularySize: vocabularySize, depth: limit, limit: limit)
      guard !other.isEmpty else { continue }
      let offer = policy.best(
        atMost: other.count, source: index, confidence: other.confidence, isDrafted: true)
      if offer.length > 0, offer.rate > best.rate {
        if let current { watch(current, draft) }
        best = offer
        swap(&draft, &other)
        current = index
      } else {
        watch(index, other)
      }
    }
    for index in sources.indices where !sources[index].isFree {
      let offer = policy.best(atMost: limit, source: index)
      sources[index].wait -= 1
      let isTired = sources[index].wait > Self.patience.upperBound / 2
      let pays = !isTired && offer.length > 0 && offer.rate > best.rate
      guard policy.costs.isKnown, pays || (sources[index].wait <= 0 && current == nil) else {
        continue
      }
      if pays {
        sources[index].lastWait = Self.patience.lowerBound
      } else {
        // Not believed to pay: tried now and then, ever more rarely, since what is drafted may change.
        sources[index].wait = sources[index].lastWait
        sources[index].lastWait = min(2 * sources[index].lastWait, Self.patience.upperBound)
      }
      ask(index, after: history, pending: pending, limit: max(1, offer.length))
      guard !other.isEmpty else {
        // It has nothing to say here: too long a text, or it has failed.
        sources[index].wait = Self.patience.upperBound
        continue
      }
      if let current { watch(current, draft) }
      swap(&draft, &other)
      draft.sanitise(vocabularySize: vocabularySize, depth: limit, limit: limit)
      best = offer
      current = index
    }
    if let current, sources[current].isFree { draft.truncate(to: best.length) }
  }

  /// Lets somebody guess into `other`.
  private mutating func ask(_ index: Int, after history: [Int], pending: Int, limit: Int) {
    var draft = Draft()
    swap(&draft, &other)
    draft.removeAll()
    let began = ContinuousClock.now
    sources[index].drafter.propose(after: history, pending: pending, limit: limit, into: &draft)
    swap(&draft, &other)
    guard !sources[index].isFree || policy == nil else { return }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    draftSeconds += seconds
    guard !other.isEmpty else { return }
    policy?.observe(drafted: other.count, seconds: seconds, source: index)
  }

  /// Looks at a draft without staking anything on it, unless one is being looked at.
  private mutating func watch(_ index: Int, _ draft: Draft) {
    guard sources[index].shadow.isEmpty, draft.isChain else { return }
    sources[index].shadow.append(contentsOf: draft.tokens.prefix(Self.shadowLength))
    sources[index].shadowClass = draft.confidence
  }

  /// Passes on what the model thinks half-way.
  mutating func foresee(_ guesses: ExitGuesses) {
    guard let current else { return }
    sources[current].drafter.foresee(guesses)
  }

  /// Learns what became of the draft.
  ///
  /// - Parameters:
  ///   - chosen: what the model chose in this round, one token more than it accepted.
  ///   - path: the accepted guesses, as indices into the draft.
  ///   - position: the place in the history of the first of them.
  ///   - exits: the model's early guesses, if there were any.
  ///   - seconds: how long the pass took.
  mutating func observe(
    chosen: [SampledToken], path: [Int], position: Int, exits: ExitGuesses?, seconds: Double
  ) {
    policy?.observe(rows: draft.count + 1, seconds: seconds)
    compareShadows(with: chosen)
    guard let next = chosen.last else { return }
    if let current, !draft.isEmpty, draft.isChain {
      policy?.observe(
        accepted: path.count, of: draft.count, source: current, confidence: draft.confidence)
    }
    let record = VerificationRecord(
      position: position, proposed: draft, path: path, next: next.id, exits: exits,
      draftSeconds: draftSeconds, verifySeconds: seconds)
    for index in sources.indices where index == current || !sources[index].isFree {
      sources[index].drafter.observe(record)
    }
  }

  /// Compares what was only guessed with what the model said, and tells the policy when it is known.
  private mutating func compareShadows(with chosen: [SampledToken]) {
    guard policy != nil else { return }
    for index in sources.indices where !sources[index].shadow.isEmpty {
      let shadow = sources[index].shadow
      var right = sources[index].shadowRight
      var isKnown = false
      for token in chosen {
        if shadow[right] == token.id {
          right += 1
          if right < shadow.count { continue }
        }
        isKnown = true
        break
      }
      sources[index].shadowRight = right
      guard isKnown else { continue }
      policy?.observe(
        accepted: right, of: shadow.count, source: index, confidence: sources[index].shadowClass)
      sources[index].shadowRight = 0
    }
    // Outside the loop: `shadow` above shares the array.
    for index in sources.indices where sources[index].shadowRight == 0 {
      sources[index].shadow.removeAll(keepingCapacity: true)
    }
  }
}

/// A drafter whose guesses take time, so that none are made only to be looked at.
package protocol CostlyDrafter: Drafter {}
