// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

@Suite struct GenerationLoopTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try ByteTokenizer.make() }

  /// Runs a loop to its end.
  func run(
    _ prompt: [Int], in context: DecodingContext, _ settings: GenerationSettings
  ) throws -> (ids: [Int], text: String, loop: GenerationLoop) {
    var loop = try GenerationLoop(
      prompt: prompt, in: context, tokenizer: tokenizer, settings: settings)
    var ids: [Int] = []
    var text = ""
    while let step = try loop.step() {
      guard case .fragment(let fragment) = step else { continue }
      ids.append(fragment.tokenID)
      text += fragment.text
    }
    #expect(ids == loop.generatedIDs)
    return (ids, text, loop)
  }

  /// Runs a model that says `reply`.
  func say(
    _ reply: [Int], capacity: Int? = nil, _ settings: GenerationSettings
  ) throws -> (ids: [Int], text: String, loop: GenerationLoop) {
    let model = FakeModel(saying: reply, after: 2)
    let context = try DecodingContext(
      model: model, settings: ContextSettings(capacity: capacity))
    return try run([65, 66], in: context, settings)
  }

  static func settings(
    _ sampler: SamplerSettings = .greedy, maximum: Int? = 24, stops: [String] = [],
    chunk: Int = 512, ignoring: Bool = false
  ) -> GenerationSettings {
    GenerationSettings(
      maximumTokens: maximum, stopStrings: stops, sampler: sampler,
      ignoresEndOfGeneration: ignoring, prefillChunkSize: chunk)
  }

  @Test(
    .tags(.sameText), arguments: [1, 2, 3, 7, 64, 299, 300, 301, 512],
    [SamplerSettings.greedy, SamplerSettings(seed: 5), .pure(seed: 6)])
  func `the ids do not depend on the chunk size`(chunk: Int, sampler: SamplerSettings) throws {
    var random = SeededGenerator(seed: 1)
    let prompt = (0..<300).map { _ in Int(random.next() % 256) }
    let whole = try run(
      prompt, in: DecodingContext(model: FakeModel()), Self.settings(sampler, ignoring: true))
    let model = FakeModel()
    let parts = try run(
      prompt, in: DecodingContext(model: model),
      Self.settings(sampler, chunk: chunk, ignoring: true))
    #expect(parts.ids == whole.ids)
    #expect(parts.ids.count == 24)
    let passes = (300 + chunk - 1) / chunk
    #expect(model.batches.prefix(passes).reduce(0, +) == 300)
    #expect(model.batches.count == passes + 23)
  }

  @Test(.tags(.sameText), arguments: [0, 1, 40, 99, 100])
  func `the ids do not depend on what the cache held before`(common: Int) throws {
    var random = SeededGenerator(seed: 2)
    let prompt = (0..<100).map { _ in Int(random.next() % 256) }
    let settings = Self.settings(SamplerSettings(seed: 5), ignoring: true)
    let fresh = try run(prompt, in: DecodingContext(model: FakeModel()), settings)

    let context = try DecodingContext(model: FakeModel())
    let other = prompt.prefix(common) + (0..<30).map { _ in Int(random.next() % 255) + 1 }
    _ = try run(Array(other), in: context, settings)
    let again = try run(prompt, in: context, settings)
    #expect(again.ids == fresh.ids)
    #expect(again.loop.statistics.reusedTokens >= min(common, 99))
    #expect(again.loop.statistics.reusedTokens <= 99)
  }

  @Test func `a cache that forgot its window is read again from there`() throws {
    let model = FakeModel()
    model.with { $0.window = 4 }
    let context = try DecodingContext(model: model)
    let settings = Self.settings(maximum: 3, ignoring: true)
    let first = try run(Array(1...20), in: context, settings)
    let again = try run(Array(1...20), in: context, settings)
    #expect(again.loop.statistics.reusedTokens == 4)
    #expect(again.ids == first.ids)
  }

  @Test func `a second turn reads only what is new`() throws {
    let model = FakeModel()
    let context = try DecodingContext(model: model)
    let first = try run(
      Array(1...50), in: context, Self.settings(maximum: 5, ignoring: true))
    let second = Array(1...50) + first.ids + [7, 8, 9]
    let before = model.batches.count
    let turn = try run(second, in: context, Self.settings(maximum: 1, ignoring: true))
    // The first reply's last token never went into the cache.
    #expect(turn.loop.statistics.reusedTokens == 54)
    #expect(model.batches[before...] == [4])
  }

  @Test func `the same seed gives the same ids and another choice others`() throws {
    let prompt = Array(1...20)
    func ids(seed: UInt64, choice: UInt32) throws -> [Int] {
      var sampler = SamplerSettings.pure(seed: seed)
      sampler.choice = choice
      let context = try DecodingContext(model: FakeModel())
      return try run(prompt, in: context, Self.settings(sampler, ignoring: true)).ids
    }
    #expect(try ids(seed: 1, choice: 0) == ids(seed: 1, choice: 0))
    #expect(try ids(seed: 1, choice: 0) != ids(seed: 2, choice: 0))
    #expect(try ids(seed: 1, choice: 0) != ids(seed: 1, choice: 1))
  }

  @Test func `the reported seed reproduces a reply whose seed was drawn`() throws {
    let prompt = Array(1...20)
    let drawn = try run(
      prompt, in: DecodingContext(model: FakeModel()), Self.settings(.pure(), ignoring: true))
    let again = try run(
      prompt, in: DecodingContext(model: FakeModel()),
      Self.settings(.pure(seed: drawn.loop.statistics.seed), ignoring: true))
    #expect(again.ids == drawn.ids)
  }

  // MARK: Ends

  @Test func `a token that ends the text ends the reply and is not text`() throws {
    let reply = ByteTokenizer.ids("yes") + [ByteTokenizer.imEnd] + ByteTokenizer.ids("no")
    let said = try say(reply, Self.settings())
    #expect(said.text == "yes")
    #expect(said.loop.finishReason == .stop(token: ByteTokenizer.imEnd))
    #expect(said.ids.last == ByteTokenizer.imEnd)

    let ignoring = try say(reply, Self.settings(maximum: 6, ignoring: true))
    #expect(ignoring.text == "yesno")
    #expect(ignoring.loop.finishReason == .length)
  }

  @Test func `a stop string across tokens ends the reply and does not come out`() throws {
    let said = try say(
      ByteTokenizer.ids("one END. two END two"), Self.settings(stops: ["END two", "###"]))
    #expect(said.text == "one END. two ")
    #expect(said.loop.finishReason == .stopString("END two"))
  }

  @Test func `text that was held back comes at the end`() throws {
    let cut = try say(ByteTokenizer.ids("one EN"), Self.settings(maximum: 6, stops: ["END"]))
    #expect(cut.text == "one EN")
    let ended = try say(ByteTokenizer.ids("one EN"), Self.settings(stops: ["END"]))
    #expect(ended.text == "one EN")
    #expect(ended.loop.finishReason == .stop(token: ByteTokenizer.endOfText))
  }

  @Test func `no fragment holds half a character`() throws {
    let text = "naïve 🧠, ok"
    let said = try say(ByteTokenizer.ids(text), Self.settings(maximum: nil))
    #expect(said.text == text)
    let half = try say(Array(ByteTokenizer.ids("🧠").prefix(2)), Self.settings(maximum: 2))
    #expect(half.text == "\u{FFFD}")
    #expect(half.loop.finishReason == .length)
  }

  @Test func `a full context ends the reply after the last token it had scores for`() throws {
    let said = try say(ByteTokenizer.ids("abcdefgh"), capacity: 5, Self.settings())
    #expect(said.text == "abcd")
    #expect(said.loop.finishReason == .contextFull)
    let exact = try say(ByteTokenizer.ids("abcdefgh"), capacity: 2, Self.settings())
    #expect(exact.text == "a")
  }

  @Test func `cancelling returns the text that waited`() throws {
    let context = try DecodingContext(
      model: FakeModel(saying: ByteTokenizer.ids("one END"), after: 2))
    var loop = try GenerationLoop(
      prompt: [65, 66], in: context, tokenizer: tokenizer, settings: Self.settings(stops: ["END"]))
    for _ in 0..<6 { _ = try loop.step() }
    #expect(loop.cancel() == "EN")
    #expect(loop.finishReason == .cancelled)
    #expect(try loop.step() == nil)
    #expect(loop.cancel() == "")
  }

  @Test func `statistics count what happened`() throws {
    let said = try say(ByteTokenizer.ids("abc"), Self.settings(SamplerSettings.greedy))
    let statistics = said.loop.statistics
    #expect(statistics.promptTokens == 2)
    #expect(statistics.generatedTokens == 4)
    #expect(statistics.reusedTokens == 0)
    #expect(statistics.cacheType == .f16)
    #expect(statistics.timeToFirstToken ?? .zero >= statistics.prefillTime)
    #expect(statistics.prefillRate ?? 0 > 0)
    #expect(statistics.decodeRate ?? 0 > 0)
    #expect(statistics.description.contains("4 tokens"))
    #expect(statistics.description.contains("seed \(statistics.seed)"))
  }
}
