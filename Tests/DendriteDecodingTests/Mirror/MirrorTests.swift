// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Promise 1 with a drafter that works at the same time, over links that do what links do.
@Suite(.tags(.sameText)) struct MirrorTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try ByteTokenizer.make() }

  struct Outcome: Equatable {
    var fragments: [Fragment]
    var history: [Int]
    var reason: FinishReason?
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
      if case .fragment(let fragment) = step { fragments.append(fragment.asSaid) }
    }
    return (
      Outcome(fragments: fragments, history: context.tokens, reason: loop.finishReason),
      loop.statistics
    )
  }

  /// A model that mostly agrees with `FakeModel()`: some of its scores are other ones.
  private func cousin(disagreesIn every: Int) -> FakeModel {
    let original = FakeModel()
    return FakeModel(vocabularySize: 260, contextLength: 2_048) { path in
      var scores = original.scoresOf(path)
      if every > 0, path.reduce(0, &+) % every == 0 {
        for index in 0..<40 { scores[(path.count * 7 + index) % 260] += 3 }
      }
      return scores
    }
  }

  /// Windows that a link carried, by reply and step.
  private func windows(_ link: FlakyLink) -> [[Int]: [Int]] {
    var windows: [[Int]: [Int]] = [:]
    for case .window(let reply, let step, _, let tokens, _) in link.answers {
      windows[[reply, step]] = tokens
    }
    return windows
  }

  private let prompt = ByteTokenizer.ids("once upon a time there was")

  @Test(arguments: 0..<4, [0, 1, 8])
  func `the text is the same with any link, and every window has one source`(
    sampler: Int, exits: Int
  ) throws {
    let faults = [
      FlakyLink.Fault(), FlakyLink.Fault(longestDelay: 800),
      FlakyLink.Fault(lostInHundred: 8, repeatedInHundred: 10),
    ]
    let plain = GenerationSettings(
      maximumTokens: 70, sampler: SpeculationTests.samplers[sampler], ignoresEndOfGeneration: true)
    let want = try run(prompt, in: DecodingContext(model: FakeModel()), plain).outcome
    for (number, fault) in faults.enumerated() {
      for (branches, length, every) in [(0, 3, 5), (1, 1, 4), (6, 4, 3), (40, 7, 6)] {
        let link = FlakyLink(
          try LocalMirror(model: DrafterModel(model: cousin(disagreesIn: every)), length: length),
          fault, seed: sampler * 100 + number * 10 + length)
        let mirror = MirrorDrafter(
          link: link,
          settings: .init(
            length: length, branches: branches, exitCount: exits, givesUp: length == 7,
            patience: number == 2 ? 0.05 : 5),
          exit: exits > 0 ? ExitHead(rawAfter: 1) : nil)
        let got = try run(prompt, in: DecodingContext(model: FakeModel()), plain, mirror)
        #expect(got.outcome == want, "\(fault), \(branches) branches of \(length)")
        let statistics = got.statistics
        #expect(1 + statistics.decodePasses + statistics.acceptedTokens == 70)
        let report = statistics.drafter
        if number < 2 {
          // Every round that had room for guesses got one window, from one source.
          let rounds = report.cold + report.hits + report.misses
          #expect(report.cold == 1 && report.lateMessages == 0 && report.failure == nil)
          #expect(
            rounds == statistics.decodePasses || rounds + 1 == statistics.decodePasses)
          if branches == 0 { #expect(report.branchTokens == 0) }
        }
      }
    }
  }

  @Test(arguments: 0..<4)
  func `a window is the same whether it was prepared or not`(sampler: Int) throws {
    let plain = GenerationSettings(
      maximumTokens: 120, sampler: SpeculationTests.samplers[sampler],
      ignoresEndOfGeneration: true)
    func windows(branches: Int, delay: UInt32) throws -> (windows: [[Int]: [Int]], hits: Int) {
      let link = FlakyLink(
        try LocalMirror(model: DrafterModel(model: cousin(disagreesIn: 4)), length: 4),
        .init(longestDelay: delay), seed: 3)
      let mirror = MirrorDrafter(
        link: link,
        settings: .init(
          length: 4, branches: branches, exitCount: 8, givesUp: false, patience: 5),
        exit: ExitHead(rawAfter: 1))
      let target = FakeModel()
      target.with { $0.delay = .microseconds(branches > 0 ? 4_000 : 0) }
      let got = try run(prompt, in: DecodingContext(model: target), plain, mirror)
      return (self.windows(link), got.statistics.drafter.hits)
    }
    let unprepared = try windows(branches: 0, delay: 0)
    let prepared = try windows(branches: 60, delay: 0)
    #expect(unprepared.hits == 0 && prepared.hits > 0)
    #expect(prepared.windows == unprepared.windows)
  }

  /// Oracle 21: the orders of a run, given again, make the same windows.
  @Test(arguments: 0..<4) func `a recorded run replays`(sampler: Int) throws {
    let plain = GenerationSettings(
      maximumTokens: 80, sampler: SpeculationTests.samplers[sampler], ignoresEndOfGeneration: true)
    let link = FlakyLink(
      try LocalMirror(model: DrafterModel(model: cousin(disagreesIn: 4)), length: 4), .init(),
      seed: 1)
    let mirror = MirrorDrafter(
      link: link,
      settings: .init(length: 4, branches: 12, exitCount: 4, givesUp: false, patience: 5),
      exit: ExitHead(rawAfter: 1))
    _ = try run(prompt, in: DecodingContext(model: FakeModel()), plain, mirror)
    let again = try LocalMirror(model: DrafterModel(model: cousin(disagreesIn: 4)), length: 4)
    var windows: [[Int]: [Int]] = [:]
    for order in link.orders {
      again.send(order)
      guard case .verdict = order else { continue }
      guard case .window(let reply, let step, _, let tokens, _) = again.receive(atMost: 10) else {
        Issue.record("no window")
        return
      }
      windows[[reply, step]] = tokens
    }
    // The last verdict's window came when nobody waited for it any more.
    for (key, tokens) in self.windows(link) { #expect(windows[key] == tokens) }
    #expect(windows.count > 10)
  }

  @Test func `a drafter that is the target is always right`() throws {
    for sampler in SpeculationTests.samplers {
      let plain = GenerationSettings(
        maximumTokens: 61, sampler: sampler, ignoresEndOfGeneration: true)
      let mirror = try MirrorDrafter(
        model: DrafterModel(model: FakeModel()),
        settings: .init(length: 5, branches: 8, givesUp: false, patience: 5))
      let got = try run(prompt, in: DecodingContext(model: FakeModel()), plain, mirror)
      #expect(got.statistics.acceptedTokens == 50 && got.statistics.decodePasses == 10)
    }
  }

  @Test func `a drafter whose thread ends leaves plain decoding`() throws {
    let plain = GenerationSettings(
      maximumTokens: 60, sampler: SpeculationTests.samplers[1], ignoresEndOfGeneration: true)
    let want = try run(prompt, in: DecodingContext(model: FakeModel()), plain).outcome
    let link = try LocalMirror(model: DrafterModel(model: FakeModel()), length: 3)
    let target = FakeModel()
    target.with { $0.onSubmit = { if $0 == 5 { link.kill() } } }
    let got = try run(
      prompt, in: DecodingContext(model: target), plain,
      MirrorDrafter(link: link, settings: .init(length: 3, patience: 5)))
    #expect(got.outcome == want)
    #expect(got.statistics.drafter.failure?.contains("thread has ended") == true)
  }

  @Test func `a drafter that fails says why, and the reply goes on`() throws {
    let plain = GenerationSettings(
      maximumTokens: 40, sampler: .greedy, ignoresEndOfGeneration: true)
    let want = try run(prompt, in: DecodingContext(model: FakeModel()), plain).outcome
    for model in [FakeModel(), FakeModel()] {
      model.with { $0.failures[4] = ModelError(.notFinite, "NaN in layer 3", remedy: "another") }
      let drafters: [any Drafter] = try [
        MirrorDrafter(
          model: DrafterModel(model: model), settings: .init(length: 3, patience: 5)),
        ModelDrafter(DrafterModel(model: model)),
      ]
      for drafter in drafters {
        let got = try run(prompt, in: DecodingContext(model: FakeModel()), plain, drafter)
        #expect(got.outcome == want)
        if case .some(let reason) = got.statistics.drafter.failure {
          #expect(reason.contains("NaN in layer 3"))
        }
      }
    }
  }

  @Test func `a text longer than the drafter reads silences it for that reply only`() throws {
    let settings = GenerationSettings(
      maximumTokens: 160, sampler: .greedy, ignoresEndOfGeneration: true)
    func small() -> DrafterModel {
      DrafterModel(model: FakeModel(vocabularySize: 260, contextLength: 90))
    }
    let drafters: [any Drafter] = try [
      MirrorDrafter(
        model: small(), settings: .init(length: 5, branches: 30, givesUp: false, patience: 5)),
      ModelDrafter(small()), ModelDrafter(small(), shape: .tree(width: 3)),
    ]
    for drafter in drafters {
      let long = try run(prompt, in: DecodingContext(model: FakeModel()), settings)
      let got = try run(prompt, in: DecodingContext(model: FakeModel()), settings, drafter)
      #expect(got.outcome == long.outcome && got.statistics.drafter.failure == nil)
      #expect(got.statistics.acceptedTokens > 20 && got.statistics.acceptedTokens < 100)
      var short = settings
      short.maximumTokens = 30
      let next = try run(prompt, in: DecodingContext(model: FakeModel()), short, drafter)
      #expect(next.statistics.acceptedTokens > 15)
    }
  }

  @Test func `a drafter that is dropped elsewhere leaves its cache to whoever calls the model`()
    async throws
  {
    let model = FakeModel()
    let shared = DrafterModel(model: model)
    let settings = GenerationSettings(
      maximumTokens: 12, sampler: .greedy, ignoresEndOfGeneration: true)
    var first: ModelDrafter? = try ModelDrafter(shared)
    if let first { _ = try run(prompt, in: DecodingContext(model: FakeModel()), settings, first) }
    let calls = model.cacheCount
    #expect(calls == 1)
    let dropped = first
    first = nil
    await Task.detached { _ = dropped }.value
    _ = try run(
      prompt, in: DecodingContext(model: FakeModel()), settings, try ModelDrafter(shared))
    #expect(model.cacheCount <= 2)
  }

  @Test(.tags(.badInput)) func `a drafter works for one mirror, or in turn, and says so`() throws {
    func refusal(_ make: () throws -> Void) -> String {
      do {
        try make()
        return "none"
      } catch {
        guard let error = error as? DecodingError, error.code == .drafterInUse else {
          return "\(error)"
        }
        return error.message
      }
    }
    let busy =
      "works for a mirror already, on a thread of its own, expected one that nobody else calls"
    let turns = "drafts in turn with a target already, expected one that nobody else calls"
    let mirrored = DrafterModel(model: FakeModel())
    let link = try LocalMirror(model: mirrored, length: 3)
    #expect(refusal { _ = try MirrorDrafter(model: mirrored) }.hasSuffix(busy))
    #expect(refusal { _ = try ModelDrafter(mirrored) }.hasSuffix(busy))
    #expect(refusal { _ = try MirrorServer(model: mirrored, tokens: ["a"]) }.hasSuffix(busy))
    // The thread that has ended has let it go.
    link.finish()
    #expect(refusal { _ = try ModelDrafter(mirrored) } == "none")
    #expect(refusal { try LocalMirror(model: mirrored, length: 3).finish() } == "none")
    // Drafters that take turns share; a mirror beside them is refused until they are gone.
    let shared = DrafterModel(model: FakeModel())
    var drafters = [try ModelDrafter(shared), try ModelDrafter(shared, shape: .tree(width: 2))]
    #expect(refusal { _ = try MirrorDrafter(model: shared) }.hasSuffix(turns))
    drafters.removeLast()
    #expect(refusal { _ = try MirrorDrafter(model: shared) }.hasSuffix(turns))
    drafters.removeLast()
    #expect(refusal { _ = try MirrorDrafter(model: shared) } == "none")
  }

  @Test func `a session goes on with the next prompt, and with another one`() throws {
    let settings = GenerationSettings(
      maximumTokens: 20, sampler: .greedy, ignoresEndOfGeneration: true)
    let drafters: [any Drafter] = try [
      MirrorDrafter(
        model: DrafterModel(model: FakeModel()), settings: .init(length: 4, patience: 5)),
      ModelDrafter(DrafterModel(model: FakeModel())),
      ModelDrafter(DrafterModel(model: FakeModel()), shape: .tree(width: 3)),
    ]
    for drafter in drafters {
      let (plain, guessed) = (
        try DecodingContext(model: FakeModel()), try DecodingContext(model: FakeModel())
      )
      var prompt = self.prompt
      for turn in 0..<4 {
        let want = try run(prompt, in: plain, settings)
        let got = try run(prompt, in: guessed, settings, drafter)
        #expect(got.outcome == want.outcome && got.statistics.acceptedTokens > 0)
        prompt = turn == 1 ? [7, 8, 9] : plain.tokens + [1, 2, turn]
      }
    }
  }

  /// The real engine: branches have the bits of texts of their own, exits come from real layers.
  @Test(arguments: ["llama3", "mistral"])
  func `on the engine too`(name: String) throws {
    func load() throws -> CPUTransformer {
      try CPUTransformer(
        file: GGUFFile(path: Repository.golden("logits/\(name).gguf")),
        machine: Machine(threads: 1))
    }
    let target = try load()
    var random = SeededGenerator(seed: 9)
    let prompt = (0..<40).map { _ in random.below(90) }
    let context = ContextSettings(capacity: 256)
    for sampler in SpeculationTests.samplers {
      let plain = GenerationSettings(
        maximumTokens: 50, sampler: sampler, ignoresEndOfGeneration: true)
      let want = try run(prompt, in: DecodingContext(model: target, settings: context), plain)
        .outcome
      let drafters: [any Drafter] = try [
        MirrorDrafter(
          model: DrafterModel(model: try load()),
          settings: .init(length: 5, branches: 20, givesUp: false, patience: 20),
          exit: ExitHead(rawAfter: 1)),
        ModelDrafter(DrafterModel(model: try load())),
        ModelDrafter(DrafterModel(model: try load()), shape: .tree(width: 3)),
      ]
      for (number, drafter) in drafters.enumerated() {
        let got = try run(
          prompt, in: DecodingContext(model: target, settings: context), plain, drafter)
        #expect(got.outcome == want, "drafter \(number)")
        // The drafter is the target: every guess of a chain is right.
        if number < 2 {
          #expect(got.statistics.acceptedTokens == got.statistics.draftedTokens)
        }
      }
    }
  }
}
