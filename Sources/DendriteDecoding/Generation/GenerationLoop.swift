// SPDX-License-Identifier: Apache-2.0
public import DendriteTokenizer
internal import DendriteModel

/// Makes one reply, step by step, on the calling thread.
///
/// A step either reads a chunk of the prompt or adds a token to the reply:
///
///     feed the tokens that are not in the cache → sample → detokenise → look for an end
///
/// With a drafter, tokens that the model confirmed in one pass wait for the steps that follow. The ids depend on prompt, settings, seed and cache type; not on the chunk size, nor on what was
/// in the cache before. Between steps other contexts of the model may run.
///
/// ```swift
/// let context = try DecodingContext(model: model)
/// var loop = try GenerationLoop(prompt: ids, in: context, tokenizer: tokenizer)
/// while let step = try loop.step() {
///   if case .fragment(let fragment) = step { show(fragment.text) }
/// }
/// ```
///
/// - Complexity: a step of one token allocates nothing while its text is at most 15 bytes, which a
///   Swift string stores inline; a drafter may allocate for what it remembers.
public struct GenerationLoop {
  /// What a step did.
  public enum Step: Sendable, Hashable {
    /// A chunk of the prompt went into the cache.
    case prefill(PrefillProgress)
    /// The reply has one token more.
    case fragment(Fragment)
  }

  /// The prompt's ids.
  public let prompt: [Int]
  /// How the reply is made.
  public let settings: GenerationSettings
  /// What the reply has cost so far.
  public private(set) var statistics: GenerationStatistics

  private let context: DecodingContext
  private let tokenizer: Tokenizer
  private var sampler: Sampler
  private var detokenizer: StreamingDetokenizer
  private var matcher: StopStringMatcher
  private var guessing: Guessing?
  /// Tokens that the last pass chose; all but the last are in the cache.
  private var chosen: [SampledToken] = []
  /// How many of them belong to the reply already.
  private var shown = 0
  /// Passes that checked nothing, and their time.
  private var plainRounds = 0
  private var plainSeconds = 0.0
  /// The accepted guesses of the last pass.
  private var path: [Int] = []
  /// The rows of early guesses of a pass, and the candidates of one of them.
  private var foreseen: [[ExitGuesses.Guess]] = []
  private var candidates: [Candidate] = []
  private var hasFailed = false
  private let start = ContinuousClock.now
  private var firstTokenInstant: ContinuousClock.Instant?

  /// Checks prompt and settings, before any work, and keeps what the cache already holds.
  ///
  /// - Throws: `badSetting`, `emptyPrompt`, `promptTooLong`, `badToken`; `model`.
  public init(
    prompt: [Int], in context: DecodingContext, tokenizer: Tokenizer,
    settings: GenerationSettings = GenerationSettings(), kernelVariant: String = "",
    drafters: [any Drafter] = []
  ) throws(DecodingError) {
    let vocabularySize = context.model.description.vocabularySize
    try Self.check(
      prompt, settings, capacity: context.capacity, vocabularySize: vocabularySize)
    if case .drafter = settings.speculation, drafters.isEmpty {
      throw DecodingError(
        .badSetting, "guesses of a drafter are to be checked, and there is none, expected one",
        remedy: "load the model with a drafter, or let it guess from the text: .automatic")
    }
    self.prompt = prompt
    self.context = context
    self.tokenizer = tokenizer
    self.settings = settings
    sampler = try Sampler(settings.sampler, vocabularySize: vocabularySize)
    detokenizer = tokenizer.makeDetokenizer(continuingText: settings.continuesText)
    matcher = StopStringMatcher(settings.stopStrings)
    statistics = GenerationStatistics(
      promptTokens: prompt.count, seed: sampler.seed, kernelVariant: kernelVariant,
      cacheType: context.cacheType)
    statistics.reusedTokens = try context.keepCommonPrefix(with: prompt)
    var outline = ReplyOutline(
      sampler: sampler.settingsInUse, vocabularySize: vocabularySize, capacity: context.capacity,
      prompt: prompt,
      endTokens: settings.ignoresEndOfGeneration ? [] : tokenizer.endOfGenerationIDs)
    outline.trace = settings.trace
    guessing = Guessing(settings.speculation, drafters: drafters, reply: outline)
    generatedIDs.reserveCapacity(
      min(settings.maximumTokens ?? .max, context.capacity - prompt.count + 1))
  }

  /// The drafters, with what they have learned: for the next reply of a session.
  package var drafters: [any Drafter] { guessing?.drafters ?? [] }

  /// Why the reply ended; `nil` while it goes on.
  public var finishReason: FinishReason? { statistics.finishReason }

  /// The reply's ids so far, a token that ended it included.
  public private(set) var generatedIDs: [Int] = []

  /// Tokens before the last one of the reply: what the cache holds where nothing is guessed.
  private var historyLength: Int { prompt.count + generatedIDs.count - 1 }

  /// Does the next piece of work.
  ///
  /// - Returns: what was done, or `nil` when the reply has ended.
  /// - Throws: `model`; the reply is then over.
  public mutating func step() throws(DecodingError) -> Step? {
    guard finishReason == nil, !hasFailed else { return nil }
    do {
      return try advance()
    } catch {
      hasFailed = true
      throw error
    }
  }

  /// Times passes of one row at the end of the text, which leave no trace.
  package mutating func timePlainPass() {
    // The reply's own passes are the best witnesses, where there are some.
    guard plainRounds < 4 else {
      statistics.plainPassTime = .seconds(plainSeconds / Double(plainRounds))
      return
    }
    var times: [Duration] = []
    for _ in 0..<6 {
      let (context, position) = (context, context.tokens.count + 1)
      let time = context.timePlainPass {
        _ = sampler.sample($0, history: context.tokens, position: position)
      }
      guard let time else { return }
      times.append(time)
    }
    statistics.plainPassTime = times.dropFirst().sorted()[2]
  }

  /// Ends the reply here.
  ///
  /// - Returns: text that was held back and will not become a stop string.
  public mutating func cancel() -> String {
    guard finishReason == nil else { return "" }
    statistics.finishReason = .cancelled
    try? forgetUnshown()
    return matcher.append(detokenizer.finish()) + matcher.finish()
  }

  // MARK: One step

  private mutating func advance() throws(DecodingError) -> Step {
    if shown < chosen.count { return .fragment(try show()) }
    if let pending = chosen.last {
      try runRound(after: pending.id)
      return .fragment(try show())
    }
    let began = ContinuousClock.now
    let from = context.tokens.count
    precondition(from < prompt.count, "a context serves one reply at a time")
    let end = min(from + settings.prefillChunkSize, prompt.count)
    let isLast = end == prompt.count
    let pass = try context.feed(prompt[from..<end], wantsLogits: isLast)
    statistics.prefillTime += ContinuousClock.now - began
    guard isLast else {
      return .prefill(PrefillProgress(completedTokens: end, totalTokens: prompt.count))
    }
    do {
      try pass.withLogits(ofRow: end - from - 1) { choose(from: $0, history: context.tokens) }
    } catch {
      throw DecodingError(error)
    }
    return .fragment(try show())
  }

  /// Lets the drafter guess and the model decide.
  private mutating func runRound(after pending: Int) throws(DecodingError) {
    chosen.removeAll(keepingCapacity: true)
    shown = 0
    let (context, room, vocabularySize) = (context, roomForGuesses, sampler.vocabularySize)
    guessing?.propose(
      after: context.tokens, pending: pending, room: room, vocabularySize: vocabularySize)
    let draft = guessing?.draft ?? Draft()
    let position = context.tokens.count + 1
    let began = ContinuousClock.now
    var accepted: [Int] = []
    swap(&accepted, &path)
    var exits: ExitGuesses?
    do throws(DecodingError) {
      if let wish = guessing?.exitWish {
        exits = try verify(pending, draft, wish, &accepted)
      } else {
        try context.verify(pending, draft: draft, path: &accepted) { logits, history in
          choose(from: logits, history: history)
          return chosen[chosen.count - 1].id
        }
      }
    } catch {
      chosen.removeAll()
      throw error
    }
    swap(&accepted, &path)
    settings.trace?.note(.target, "check", since: began, count: draft.count + 1)
    statistics.decodePasses += 1
    statistics.draftedTokens += draft.count
    statistics.acceptedTokens += path.count
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    statistics.verifyTime += .seconds(seconds)
    if draft.isEmpty {
      plainSeconds += seconds
      plainRounds += 1
    }
    statistics.draftTime += .seconds(guessing?.draftSeconds ?? 0)
    let (verdict, way) = (chosen, path)
    guessing?.observe(
      chosen: verdict, path: way, position: position, exits: exits, seconds: seconds)
    if let report = guessing?.report { statistics.drafter = report }
  }

  /// A pass that shows its early guesses to the drafter while it goes on.
  private mutating func verify(
    _ pending: Int, _ draft: Draft, _ wish: ExitWish, _ accepted: inout [Int]
  ) throws(DecodingError) -> ExitGuesses {
    let context = context
    let position = context.tokens.count + 1
    let (count, early) = (
      min(max(0, wish.count), 256), min(wish.vocabularySize, sampler.vocabularySize)
    )
    foreseen.removeAll()
    let (trace, began) = (settings.trace, ContinuousClock.now)
    try context.verify(
      pending, draft: draft, exit: wish.head, early: early, path: &accepted,
      foresee: { row, scores, history in
        if let scores {
          rankExit(row, scores, history, draft, count)
        } else {
          let guesses = ExitGuesses(position: position, rows: foreseen)
          trace?.note(.exit, "early guesses", since: began, count: guesses.rows.count)
          guessing?.foresee(guesses)
        }
      },
      choose: { logits, history in
        choose(from: logits, history: history)
        return chosen[chosen.count - 1].id
      })
    return ExitGuesses(position: position, rows: foreseen)
  }

  /// Adds the early guesses of a row, without the tokens that the draft has behind it.
  private mutating func rankExit(
    _ row: Int, _ scores: UnsafeBufferPointer<Float>, _ history: [Int], _ draft: Draft, _ count: Int
  ) {
    let children = draft.parents.count(where: { $0 == row - 1 })
    sampler.rankCandidates(
      scores, history: history, position: history.count, count: count + children,
      into: &candidates)
    var guesses: [ExitGuesses.Guess] = []
    for candidate in candidates where guesses.count < count {
      guard draft.child(of: row - 1, token: candidate.id) == nil else { continue }
      guesses.append(.init(token: candidate.id, score: Float(candidate.score)))
    }
    foreseen.append(guesses)
  }

  /// Guesses that the reply may still take, and the context has room for beside the pending token.
  private var roomForGuesses: Int {
    let left = settings.maximumTokens.map { $0 - statistics.generatedTokens - 1 } ?? Int.max
    return min(left, context.capacity - context.tokens.count - 1)
  }

  private mutating func choose(from logits: UnsafeBufferPointer<Float>, history: [Int]) {
    chosen.append(sampler.sample(logits, history: history, position: history.count))
  }

  /// Drops tokens that were confirmed but do not belong to the reply, which ended before them.
  private mutating func forgetUnshown() throws(DecodingError) {
    let unshown = chosen.count - shown
    guard unshown > 0 else { return }
    statistics.acceptedTokens -= unshown
    chosen.removeSubrange(shown...)
    try context.truncate(to: historyLength)
  }

  /// Adds the next chosen token to the reply and decides whether it ends it.
  private mutating func show() throws(DecodingError) -> Fragment {
    let token = chosen[shown]
    shown += 1
    generatedIDs.append(token.id)
    statistics.generatedTokens += 1
    let now = ContinuousClock.now
    if let firstTokenInstant {
      statistics.decodeTime = now - firstTokenInstant
    } else {
      firstTokenInstant = now
      statistics.timeToFirstToken = now - start
    }
    var text = ""
    if tokenizer.isEndOfGeneration(token.id), !settings.ignoresEndOfGeneration {
      statistics.finishReason = .stop(token: token.id)
    } else {
      text = matcher.append(detokenizer.append(token.id))
      if let match = matcher.match {
        statistics.finishReason = .stopString(match)
      } else if statistics.generatedTokens == settings.maximumTokens {
        statistics.finishReason = .length
      } else if historyLength == context.capacity {
        statistics.finishReason = .contextFull
      }
    }
    if finishReason != nil, matcher.match == nil {
      text += matcher.append(detokenizer.finish())
      text += matcher.finish()
    }
    if finishReason != nil { try forgetUnshown() }
    return Fragment(
      text: text, tokenID: token.id, logProbability: token.logProbability,
      origin: origin(of: shown - 1))
  }

  /// How a token of the last round came about.
  private func origin(of index: Int) -> Fragment.Origin {
    guard let draft = guessing?.draft, !draft.isEmpty, !path.isEmpty || index == 0 else {
      return .plain
    }
    if index < path.count { return .accepted }
    let isLeaf = !draft.parents.contains(path.last ?? -1)
    return isLeaf ? .bonus : .correction
  }

  /// Checks everything that can be checked before any work.
  package static func check(
    _ prompt: [Int], _ settings: GenerationSettings, capacity: Int, vocabularySize: Int
  ) throws(DecodingError) {
    try settings.validate(vocabularySize: vocabularySize)
    guard !prompt.isEmpty else {
      throw DecodingError(
        .emptyPrompt, "the prompt has no tokens, expected at least one",
        remedy: "give some text; this model's vocabulary does not begin a text by itself")
    }
    guard prompt.count <= capacity else {
      throw DecodingError(
        .promptTooLong,
        "the prompt has \(prompt.count) tokens, expected at most \(capacity), "
          + "the capacity of the context",
        remedy: "shorten it by \(prompt.count - capacity) tokens, or give the session a larger "
          + "context if the model was trained for one")
    }
    if let id = prompt.first(where: { !(0..<vocabularySize).contains($0) }) {
      throw DecodingError(
        .badToken,
        "the prompt holds token id \(id), expected ids from 0 to \(vocabularySize - 1)",
        remedy: "encode the prompt with the tokenizer of this model")
    }
  }
}
