// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Promise 1 with trees of guesses, and with early exits that look on.
@Suite(.tags(.sameText)) struct TreeTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try ByteTokenizer.make() }

  /// Grows random trees, with the truth somewhere in them, twins, and absurd ids.
  struct Gardener: Drafter {
    let reply: [Int]
    let promptLength: Int
    var random: SeededGenerator
    var exitWish: ExitWish?
    var seen: Seen?

    /// What the drafter was told, for the test to read.
    final class Seen: @unchecked Sendable {
      var guesses: [ExitGuesses] = []
      var records: [VerificationRecord] = []
    }

    mutating func propose(
      after history: [Int], pending: Int, limit: Int, into draft: inout Draft
    ) {
      var next = history.count + 1 - promptLength
      var truth = -1
      for _ in 0..<random.below(limit + 4) {
        let known = reply.indices.contains(next) ? reply[next] : random.below(260)
        switch random.below(6) {
        case 0, 1:
          truth = draft.append(known, after: truth)
          next += 1
        case 2: draft.append(known, after: truth)  // maybe a twin
        case 3:
          draft.append(
            [-1, 260, Int.max][random.below(3)], after: random.below(draft.count + 1) - 1)
        default: draft.append(random.below(260), after: random.below(draft.count + 1) - 1)
        }
      }
    }

    mutating func foresee(_ guesses: ExitGuesses) { seen?.guesses.append(guesses) }
    mutating func observe(_ record: VerificationRecord) { seen?.records.append(record) }
  }

  private func run(
    _ prompt: [Int], in context: DecodingContext, _ settings: GenerationSettings,
    _ drafter: (any Drafter)? = nil
  ) throws -> (fragments: [Fragment], history: [Int], statistics: GenerationStatistics) {
    var loop = try GenerationLoop(
      prompt: prompt, in: context, tokenizer: tokenizer, settings: settings,
      drafters: drafter.map { [$0] } ?? [])
    var fragments: [Fragment] = []
    while let step = try loop.step() {
      if case .fragment(let fragment) = step { fragments.append(fragment.asSaid) }
    }
    return (fragments, context.tokens, loop.statistics)
  }

  @Test(arguments: 0..<4, 1...6)
  func `a tree leaves the text as it is`(sampler: Int, seed: Int) throws {
    let prompt = ByteTokenizer.ids("once upon a time")
    let settings = GenerationSettings(
      maximumTokens: 50, sampler: SpeculationTests.samplers[sampler], ignoresEndOfGeneration: true)
    let want = try run(prompt, in: DecodingContext(model: FakeModel()), settings)
    let reply = want.fragments.map(\.tokenID)
    for wishes in [false, true] {
      let seen = Gardener.Seen()
      let gardener = Gardener(
        reply: reply, promptLength: prompt.count, random: SeededGenerator(seed: seed),
        exitWish: wishes ? ExitWish(head: ExitHead(rawAfter: 1), count: 5) : nil, seen: seen)
      let got = try run(prompt, in: DecodingContext(model: FakeModel()), settings, gardener)
      #expect(got.fragments == want.fragments && got.history == want.history)
      #expect(got.statistics.acceptedTokens > 0)
      #expect(
        1 + got.statistics.decodePasses + got.statistics.acceptedTokens
          == got.statistics.generatedTokens)
      let records = seen.records
      #expect(records.count == got.statistics.decodePasses)
      #expect(seen.guesses.count == (wishes ? records.count : 0))
      for (index, record) in records.enumerated() {
        #expect(record.proposed.child(of: record.path.last ?? -1, token: record.next) == nil)
        guard wishes else { continue }
        let guesses = seen.guesses[index]
        #expect(guesses == record.exits && guesses.position == record.position)
        #expect(guesses.rows.count == record.proposed.count + 1)
        for (row, list) in guesses.rows.enumerated() {
          #expect(list.count <= 5)
          for guess in list {
            #expect(record.proposed.child(of: row - 1, token: guess.token) == nil)
          }
        }
      }
    }
  }

  @Test(arguments: ["llama3", "mistral"], [CacheType.f16, .q8])
  func `on the engine too, with exits at every layer`(name: String, type: CacheType) throws {
    let model = try CPUTransformer(
      file: GGUFFile(path: Repository.golden("logits/\(name).gguf")), machine: Machine(threads: 2))
    var random = SeededGenerator(seed: 9)
    let prompt = (0..<90).map { _ in random.below(90) }
    for sampler in SpeculationTests.samplers {
      let settings = GenerationSettings(
        maximumTokens: 40, sampler: sampler, ignoresEndOfGeneration: true)
      let context = ContextSettings(capacity: 256, cacheType: type)
      let want = try run(prompt, in: DecodingContext(model: model, settings: context), settings)
      for layer in 0...model.description.layerCount {
        let seen = Gardener.Seen()
        let gardener = Gardener(
          reply: want.fragments.map(\.tokenID), promptLength: 90,
          random: SeededGenerator(seed: layer),
          exitWish: ExitWish(head: ExitHead(rawAfter: layer), count: 3), seen: seen)
        let got = try run(
          prompt, in: DecodingContext(model: model, settings: context), settings, gardener)
        #expect(got.fragments == want.fragments, "\(name), exit after \(layer)")
        // Behind the last layer the exit says what the model says: the oracle of the channel.
        guard layer == model.description.layerCount else { continue }
        for record in seen.records {
          let row = (record.path.last ?? -1) + 1
          #expect(record.exits?.rows[row].first?.token == record.next)
        }
      }
    }
  }

  /// Oracle 8: what thousands of accepted, rejected and discarded rows leave behind are the bytes of a prefill.
  @Test(.tags(.slow)) func `after ten thousand random rounds a cache is one built from scratch`()
    throws
  {
    let model = try CPUTransformer(
      file: GGUFFile(path: Repository.golden("logits/llama3.gguf")), machine: Machine(threads: 1))
    var random = SeededGenerator(seed: 21)
    var rounds = 0
    var replies = 0
    // One context for all replies, so that each begins with a truncation; it ends where a block does, since
    // the rest of a block keeps what was rejected.
    for type in [CacheType.f16, .q8] {
      let context = ContextSettings(capacity: 256, cacheType: type)
      let used = try DecodingContext(model: model, settings: context)
      let plain = try DecodingContext(model: model, settings: context)
      let end = rounds + 5_000
      while rounds < end {
        let prompt = (0..<20 + random.below(60)).map { _ in random.below(90) }
        let settings = GenerationSettings(
          maximumTokens: 192 + 1 - prompt.count,
          sampler: .pure(temperature: 1.2, seed: random.next()),
          ignoresEndOfGeneration: true)
        let reply = try run(prompt, in: plain, settings).fragments.map(\.tokenID)
        let gardener = Gardener(
          reply: reply, promptLength: prompt.count, random: SeededGenerator(seed: replies))
        let got = try run(prompt, in: used, settings, gardener)
        rounds += got.statistics.decodePasses
        replies += 1
        #expect(got.history.count == 192)
        guard replies % 8 == 1 else { continue }
        let fresh = try DecodingContext(model: model, settings: context)
        _ = try fresh.feed(got.history, wantsLogits: false)
        #expect(try used.save() == fresh.save(), "\(type), reply \(replies)")
      }
    }
    #expect(rounds >= 10_000)
  }

  @Test func `what cannot be checked is dropped with what follows it`() {
    var draft = Draft()
    let a = draft.append(5, after: -1)
    let bad = draft.append(900, after: a)
    draft.append(6, after: bad)
    let twin = draft.append(5, after: -1)
    draft.append(7, after: twin)
    draft.append(8, after: a)
    #expect(!draft.isChain && draft.depth == 3)
    var clean = draft
    clean.sanitise(vocabularySize: 10, depth: 9, limit: 9)
    #expect(clean.tokens == [5, 7, 8] && clean.parents == [-1, 0, 0])
    clean = draft
    clean.sanitise(vocabularySize: 10, depth: 1, limit: 9)
    #expect(clean.tokens == [5])
    clean = draft
    clean.sanitise(vocabularySize: 10, depth: 9, limit: 2)
    #expect(clean.tokens == [5, 7])
    var chain = Draft([1, 2, 30, 4])
    chain.sanitise(vocabularySize: 10, depth: 9, limit: 9)
    #expect(chain.tokens == [1, 2] && chain.isChain)
  }

  @Test(arguments: 0..<5, 1...4)
  func `the candidates of a row begin with what is chosen, and are the best`(
    sampler: Int, seed: Int
  ) throws {
    let settings =
      sampler < 4
      ? SpeculationTests.samplers[sampler]
      : SamplerSettings(temperature: 1, topK: nil, topP: 0.9, minP: nil, seed: 8)
    var random = SeededGenerator(seed: seed)
    var candidates: [Candidate] = []
    for position in 0..<40 {
      let size = [260, 4, 1, 1_001][position % 4]
      var machine = try Sampler(settings, vocabularySize: size)
      let logits = random.logits(count: size)
      let history = (0..<30).map { _ in random.below(size) }
      let choice = logits.withUnsafeBufferPointer {
        machine.rankCandidates(
          $0, history: history, position: position, count: 6, into: &candidates)
        return machine.sample($0, history: history, position: position).id
      }
      #expect(candidates.first?.id == choice)
      #expect(candidates.count <= 6 && !candidates.isEmpty)
      #expect(zip(candidates, candidates.dropFirst()).allSatisfy { $1 < $0 })
      // Without the winner the second one wins.
      guard candidates.count > 1, settings.topP == nil, settings.minP == nil else { continue }
      var rest = logits
      rest[choice] = -.infinity
      guard settings.topK == nil else { continue }
      let second = rest.withUnsafeBufferPointer {
        machine.sample($0, history: history, position: position).id
      }
      #expect(candidates[1].id == second)
    }
  }
}
