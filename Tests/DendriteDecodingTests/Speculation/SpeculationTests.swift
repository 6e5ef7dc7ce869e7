// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Promise 1: guesses never change a text, nor its log-probabilities, nor what the cache holds.
@Suite(.tags(.sameText)) struct SpeculationTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try ByteTokenizer.make() }

  /// Knows the reply, and is wrong or absurd now and then.
  struct Oracle: Drafter {
    let reply: [Int]
    let promptLength: Int
    let errorRate: Int
    var random: SeededGenerator

    init(_ reply: [Int], after promptLength: Int, errorsInHundred: Int, seed: Int) {
      self.reply = reply
      self.promptLength = promptLength
      errorRate = errorsInHundred
      random = SeededGenerator(seed: seed)
    }

    mutating func propose(
      after history: [Int], pending: Int, limit: Int, into draft: inout Draft
    ) {
      let next = history.count + 1 - promptLength
      for index in next..<next + random.below(limit + 4) {
        let truth = reply.indices.contains(index) ? reply[index] : random.below(260)
        let wrong = [random.below(260), -1, 260, Int.max, truth ^ 1][random.below(5)]
        draft.append(random.below(100) < errorRate ? wrong : truth)
      }
    }
  }

  /// Knows the reply to a prompt of two tokens, and always guesses as much of it as may be of use.
  struct Sure: Drafter {
    let reply: [Int]

    mutating func propose(
      after history: [Int], pending: Int, limit: Int, into draft: inout Draft
    ) {
      draft.append(contentsOf: reply.dropFirst(history.count - 1).prefix(limit))
    }
  }

  struct Outcome: Equatable {
    var fragments: [Fragment]
    var history: [Int]
    var reason: FinishReason?
    var ids: [Int]
  }

  private func run(
    _ prompt: [Int], in context: DecodingContext, _ settings: GenerationSettings,
    _ drafter: (any Drafter)? = nil
  ) throws -> (outcome: Outcome, statistics: GenerationStatistics) {
    var loop = try GenerationLoop(
      prompt: prompt, in: context, tokenizer: tokenizer, settings: settings,
      drafters: drafter.map { [$0] } ?? [])
    var fragments: [Fragment] = []
    while let step = try loop.step() {
      guard case .fragment(let fragment) = step else { continue }
      fragments.append(fragment.asSaid)
      #expect(loop.generatedIDs == fragments.map(\.tokenID))
    }
    let outcome = Outcome(
      fragments: fragments, history: context.tokens, reason: loop.finishReason,
      ids: loop.generatedIDs)
    return (outcome, loop.statistics)
  }

  static let samplers: [SamplerSettings] = [
    .greedy, SamplerSettings(seed: 3), .pure(temperature: 1.5, seed: 4),
    SamplerSettings(
      temperature: 0.7, penalties: Penalties(repetition: 1.3, presence: 0.2), seed: 5),
  ]

  /// Guesses that need nothing but the text.
  static func fromTheText(_ length: Int) -> [Speculation] {
    [.promptLookup(draftLength: length), .suffixes(draftLength: length), .automatic]
  }

  @Test(arguments: 0..<4, [1, 2, 3, 7, 8, 63])
  func `any drafter of any length leaves the text as it is`(sampler: Int, length: Int) throws {
    let prompt = ByteTokenizer.ids("once upon a time there was")
    for (seed, maximum) in [(1, 1), (2, 2), (3, 40), (4, 61)] {
      let plain = GenerationSettings(
        maximumTokens: maximum, sampler: Self.samplers[sampler], ignoresEndOfGeneration: true)
      let want = try run(prompt, in: DecodingContext(model: FakeModel()), plain).outcome
      var guessing = plain
      guessing.speculation = .promptLookup(draftLength: length)
      for errors in [0, 30, 100] {
        let oracle = Oracle(
          want.ids, after: prompt.count, errorsInHundred: errors, seed: seed * 100 + length)
        let model = FakeModel()
        let got = try run(prompt, in: DecodingContext(model: model), guessing, oracle)
        #expect(got.outcome == want, "\(errors) errors in 100, reply of \(maximum)")
        let statistics = got.statistics
        #expect(statistics.generatedTokens == maximum)
        #expect(1 + statistics.decodePasses + statistics.acceptedTokens == maximum)
        #expect(statistics.acceptedTokens <= statistics.draftedTokens)
        #expect(model.batches.dropFirst().allSatisfy { $0 <= length + 1 })
        if errors == 0, length == 63, maximum == 61 { #expect(statistics.decodePasses < 20) }
      }
      for speculation in Self.fromTheText(length) {
        guessing.speculation = speculation
        let got = try run(prompt, in: DecodingContext(model: FakeModel()), guessing).outcome
        #expect(got == want, "\(speculation)")
      }
      guessing.speculation = .automatic
      for errors in [0, 30, 100] {
        let oracle = Oracle(want.ids, after: prompt.count, errorsInHundred: errors, seed: seed)
        let got = try run(prompt, in: DecodingContext(model: FakeModel()), guessing, oracle)
        #expect(got.outcome == want, "automatic, \(errors) errors in 100")
      }
    }
  }

  @Test(arguments: [
    ("say this<|im_end|>", [String](), nil as Int?), ("stop at the END of it", ["END"], nil),
    ("stop at the END of it", ["he E", "of"], nil), ("a long line that is cut", [], 9),
    ("ends in the middle of ü", ["\u{fc}"], nil), ("no end at all", [], nil),
  ])
  func `a reply ends where it would have ended, and the cache holds as much`(
    text: String, stops: [String], maximum: Int?
  ) throws {
    var reply = ByteTokenizer.ids(text.replacing("<|im_end|>", with: ""))
    if text.hasSuffix("<|im_end|>") { reply.append(ByteTokenizer.imEnd) }
    let settings = GenerationSettings(
      maximumTokens: maximum, stopStrings: stops, sampler: .greedy)
    for capacity in [2_048, 12, 13, 20] {
      let context = ContextSettings(capacity: capacity)
      let prompt = [65, 66]
      let want = try run(
        prompt, in: DecodingContext(model: FakeModel(saying: reply, after: 2), settings: context),
        settings
      ).outcome
      for seed in 0..<8 {
        let oracle = Oracle(
          reply + [256], after: 2, errorsInHundred: seed * 5, seed: seed)
        let reused = try DecodingContext(
          model: FakeModel(saying: reply, after: 2), settings: context)
        let got = try run(prompt, in: reused, settings, oracle)
        #expect(got.outcome == want)
        let counted = got.statistics
        #expect(
          1 + counted.decodePasses + counted.acceptedTokens == counted.generatedTokens)
        // What is left behind serves the next reply.
        #expect(try run(prompt, in: reused, settings, oracle).outcome == want)
        #expect(try run(prompt, in: reused, settings).outcome == want)
      }
    }
  }

  @Test func `a reply that is cancelled among confirmed tokens forgets them`() throws {
    let reply = ByteTokenizer.ids("one two three four five six")
    let context = try DecodingContext(model: FakeModel(saying: reply, after: 2))
    let oracle = Oracle(reply, after: 2, errorsInHundred: 0, seed: 1)
    var loop = try GenerationLoop(
      prompt: [65, 66], in: context, tokenizer: tokenizer,
      settings: GenerationSettings(sampler: .greedy), drafters: [oracle])
    for _ in 0..<6 { _ = try loop.step() }
    #expect(context.tokens.count > 7)
    _ = loop.cancel()
    #expect(context.tokens == [65, 66] + reply.prefix(5))
    #expect(loop.generatedIDs == Array(reply.prefix(6)))
  }

  @Test func `a guess that the model cannot compute does not end the reply`() throws {
    let reply = ByteTokenizer.ids("one two three four five six")
    let settings = GenerationSettings(sampler: .greedy, speculation: .promptLookup(draftLength: 3))
    let want = try run(
      [65, 66], in: DecodingContext(model: FakeModel(saying: reply, after: 2)), settings
    )
    .outcome
    let model = FakeModel(saying: reply, after: 2)
    for batch in [1, 3, 5] {
      model.with { $0.failures[batch] = ModelError(.notFinite, "NaN", remedy: "get another") }
    }
    let got = try run(
      [65, 66], in: DecodingContext(model: model), settings, Sure(reply: reply + [256])
    ).outcome
    #expect(got == want)
  }

  @Test func `a model that fails in a round leaves the cache as it was`() throws {
    let reply = ByteTokenizer.ids("one two three four five six")
    let model = FakeModel(saying: reply, after: 2)
    let failure = ModelError(.notFinite, "NaN", remedy: "get another")
    model.with {
      $0.failures[2] = failure
      $0.failures[3] = failure
    }
    let context = try DecodingContext(model: model)
    let oracle = Oracle(reply, after: 2, errorsInHundred: 0, seed: 1)
    var loop = try GenerationLoop(
      prompt: [65, 66], in: context, tokenizer: tokenizer,
      settings: GenerationSettings(
        sampler: .greedy, speculation: .promptLookup(draftLength: 3)), drafters: [oracle])
    var shown: [Int] = []
    let error = #expect(throws: DecodingError.self) {
      while case .fragment(let fragment)? = try loop.step() { shown.append(fragment.tokenID) }
    }
    #expect(error?.code == .model)
    #expect(loop.generatedIDs == shown && shown.count > 1)
    #expect(context.tokens == [65, 66] + shown.dropLast())
  }

  @Test func `without a drafter a pass has one row`() throws {
    let model = FakeModel()
    let settings = GenerationSettings(
      maximumTokens: 12, sampler: .greedy, ignoresEndOfGeneration: true)
    let got = try run([65, 66, 67], in: DecodingContext(model: model), settings)
    #expect(model.batches == [3] + [Int](repeating: 1, count: 11))
    #expect(got.statistics.draftedTokens == 0 && got.statistics.meanAcceptanceLength == nil)
  }

  @Test(arguments: [0, 64, -1])
  func `a draft length out of range is refused`(length: Int) {
    for speculation in Self.fromTheText(length) where speculation != .automatic {
      let settings = GenerationSettings(speculation: speculation)
      #expect {
        try settings.validate(vocabularySize: 10)
      } throws: { "\($0)".contains("draft length is \(length), expected from 1 to 63") }
    }
  }

  /// The real engine: rows of a draft have the bits of rows alone, so everything is equal.
  @Test(arguments: ["llama3", "mistral"], CacheType.allCases)
  func `on the engine too`(name: String, type: CacheType) throws {
    let model = try CPUTransformer(
      file: GGUFFile(path: Repository.golden("logits/\(name).gguf")), machine: Machine(threads: 2))
    var random = SeededGenerator(seed: 9)
    let prompt = (0..<90).map { _ in random.below(90) }
    for sampler in Self.samplers {
      let plain = GenerationSettings(
        maximumTokens: 60, sampler: sampler, ignoresEndOfGeneration: true)
      let context = ContextSettings(capacity: 256, cacheType: type)
      let want = try run(prompt, in: DecodingContext(model: model, settings: context), plain)
        .outcome
      for length in [1, 5, 20] {
        var guessing = plain
        guessing.speculation = .drafter(draftLength: length)
        let got = try run(
          prompt, in: DecodingContext(model: model, settings: context), guessing,
          Oracle(want.ids, after: 90, errorsInHundred: 10, seed: length))
        #expect(got.outcome == want, "\(name), \(length) guesses")
        for speculation in Self.fromTheText(length) {
          guessing.speculation = speculation
          let got = try run(
            prompt, in: DecodingContext(model: model, settings: context), guessing)
          #expect(got.outcome == want, "\(name), \(speculation)")
        }
      }
    }
  }
}
