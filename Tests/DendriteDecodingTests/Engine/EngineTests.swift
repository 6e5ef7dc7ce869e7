// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteModel
import DendriteTokenizer
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct EngineTests {
  let model: FakeModel
  let engine: Engine

  init() throws {
    model = FakeModel()
    engine = try Engine(
      Engine.Parts(model: model, tokenizer: ByteTokenizer.make(), kernelVariant: "fake"))
  }

  static let settings = GenerationSettings(
    maximumTokens: 20, sampler: SamplerSettings(seed: 3), ignoresEndOfGeneration: true)

  /// Settings of a reply that would take long.
  static let endless = GenerationSettings(
    maximumTokens: nil, sampler: SamplerSettings(seed: 3), ignoresEndOfGeneration: true)

  static func ids(of reply: ReplyStream) async throws -> [Int] {
    var ids: [Int] = []
    for try await fragment in reply { ids.append(fragment.tokenID) }
    return ids
  }

  /// Waits until something becomes true; the time limit of the suite ends a wait in vain.
  static func eventually(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(2)) }
  }

  @Test(.tags(.sameText)) func `a stream gives what the loop gives`() async throws {
    let prompt = Array(1...30)
    var loop = try GenerationLoop(
      prompt: prompt, in: DecodingContext(model: FakeModel()), tokenizer: ByteTokenizer.make(),
      settings: Self.settings)
    while try loop.step() != nil {}
    let reply = TextSession(engine: engine).stream(ids: prompt, settings: Self.settings)
    #expect(try await Self.ids(of: reply) == loop.generatedIDs)
    let statistics = try await reply.statistics
    #expect(statistics.finishReason == .length)
    #expect(statistics.kernelVariant == "fake")
    #expect(statistics.seed == 3)
    #expect(statistics.generatedTokens == 20)
  }

  @Test func `one thread alone calls the model`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let session = TextSession(engine: engine)
          for _ in 0..<3 {
            _ = try await Self.ids(of: session.stream("hello", settings: Self.settings))
          }
        }
      }
      try await group.waitForAll()
    }
    try await Self.eventually { model.cacheCount == 0 }
    #expect(model.with { $0.threads.count } == 1)
  }

  @Test(.tags(.sameText))
  func `sessions beside each other do not change each other`() async throws {
    let alone = try await Self.ids(
      of: TextSession(engine: engine).stream("one", settings: Self.settings))
    let first = TextSession(engine: engine).stream("one", settings: Self.settings)
    let second = TextSession(engine: engine).stream("two", settings: Self.settings)
    async let a = Self.ids(of: first)
    async let b = Self.ids(of: second)
    #expect(try await a == alone)
    #expect(try await b != alone)
  }

  @Test func `sessions take turns`() async throws {
    let long = TextSession(engine: engine).stream("one", settings: Self.endless)
    try await Self.eventually { model.batches.count > 2 }
    let short = TextSession(engine: engine).stream("two", settings: Self.settings)
    #expect(try await Self.ids(of: short).count == 20)
    // The long reply has not finished meanwhile: it has about as many tokens as the short one.
    #expect(model.batches.count < 1_500)
    long.cancel()
    #expect(try await long.statistics.finishReason == .cancelled)
  }

  @Test func `replies of one session come in the order of their requests`() async throws {
    let session = TextSession(engine: engine)
    let first = session.stream(ids: Array(1...40), settings: Self.settings)
    let second = session.stream(ids: Array(1...50), settings: Self.settings)
    let later = try await second.statistics
    let earlier = try await first.statistics
    #expect(earlier.reusedTokens == 0)
    #expect(later.reusedTokens >= 40)
  }

  @Test func `a cancelled listener gets an error and the model rests`() async throws {
    let session = TextSession(engine: engine)
    let seen = Atomic(0)
    let listener = Task {
      for try await _ in session.stream("hello", settings: Self.endless) {
        seen.add(1, ordering: .relaxed)
      }
    }
    try await Self.eventually { seen.load(ordering: .relaxed) > 3 }
    listener.cancel()
    await #expect(throws: CancellationError.self) { try await listener.value }
    try await expectRest()
    // The session goes on as if nothing had happened.
    let next = session.stream("hello", settings: Self.settings)
    let fresh = TextSession(engine: engine).stream("hello", settings: Self.settings)
    #expect(try await Self.ids(of: next) == Self.ids(of: fresh))
    #expect(try await next.statistics.reusedTokens == 4)
  }

  /// The model is not called any more.
  func expectRest() async throws {
    var last = -1
    while model.batches.count != last {
      last = model.batches.count
      try await Task.sleep(for: .milliseconds(30))
    }
    #expect(last < 2_000)
  }

  @Test func `a listener who stops iterating ends the reply`() async throws {
    for try await _ in TextSession(engine: engine).stream("hello", settings: Self.endless) {
      break
    }
    try await expectRest()
    try await Self.eventually { model.cacheCount == 0 }
  }

  @Test func `a stream that nobody reads ends the reply when it goes`() async throws {
    do { _ = TextSession(engine: engine).stream("hello", settings: Self.endless) }
    try await expectRest()
    try await Self.eventually { model.cacheCount == 0 }
  }

  @Test func `a slow listener holds up nobody`() async throws {
    let slow = TextSession(engine: engine).stream("slow", settings: Self.settings)
    let quick = TextSession(engine: engine).stream("quick", settings: Self.settings)
    var iterator = slow.makeAsyncIterator()
    _ = try await iterator.next()
    #expect(try await Self.ids(of: quick).count == 20)
    #expect(try await slow.statistics.generatedTokens == 20)
    var count = 1
    while try await iterator.next() != nil { count += 1 }
    #expect(count == 20)
  }

  @Test func `cancelling between chunks of a prompt ends it early`() async throws {
    let session = TextSession(engine: engine)
    let reply = Mutex<ReplyStream?>(nil)
    let progress = Mutex<[Int]>([])
    model.with { $0.delay = .milliseconds(20) }
    let settings = GenerationSettings(sampler: .greedy, prefillChunkSize: 10)
    let stream = session.stream(ids: Array(1...200), settings: settings) { state in
      progress.withLock { $0.append(state.completedTokens) }
      if state.completedTokens >= 30 { reply.withLock { $0?.cancel() } }
    }
    reply.withLock { $0 = stream }
    let statistics = try await stream.statistics
    #expect(statistics.finishReason == .cancelled)
    #expect(statistics.generatedTokens == 0)
    #expect(progress.withLock { $0 }.starts(with: [10, 20, 30]))
    #expect(model.batches.count < 20)
    reply.withLock { $0 = nil }
  }

  @Test func `errors come where the reply is read, and the next reply works`() async throws {
    let session = TextSession(engine: engine, settings: ContextSettings(capacity: 64))
    let long = session.stream(ids: Array(repeating: 1, count: 65), settings: Self.settings)
    await #expect(throws: DecodingError.self) { try await Self.ids(of: long) }
    await #expect(throws: DecodingError.self) { try await long.statistics }
    #expect(model.cacheCount == 0)
    let next = session.stream(ids: [1, 2, 3], settings: Self.settings)
    #expect(try await Self.ids(of: next).count == 20)
  }

  @Test func `engine, thread and caches go with their last reference`() async throws {
    let model = FakeModel()
    var engine: Engine? = try Engine(
      Engine.Parts(model: model, tokenizer: ByteTokenizer.make()))
    weak let gone = engine
    var session: TextSession? = try TextSession(engine: #require(engine))
    _ = try await Self.ids(of: #require(session).stream("x", settings: Self.settings))
    engine = nil
    #expect(gone != nil)
    session = nil
    try await Self.eventually { model.cacheCount == 0 && gone == nil }
  }

  @Test func `a model is loaded on the engine's thread`() async throws {
    let model = FakeModel()
    let engine = try await Engine.loading {
      _ = try model.makeCache(capacity: 1, type: .f16)
      return Engine.Parts(model: model, tokenizer: try ByteTokenizer.make())
    }
    _ = try await engine.withModel { try $0.makeCache(capacity: 1, type: .f16) }
    #expect(model.with { $0.threads.count } == 1)

    struct Refusal: Error {}
    await #expect(throws: Refusal.self) { _ = try await Engine.loading { throw Refusal() } }
  }

  @Test(.tags(.wording)) func `a tokenizer larger than the model is refused`() throws {
    let error = #expect(throws: DecodingError.self) {
      try Engine(
        Engine.Parts(model: FakeModel(vocabularySize: 100), tokenizer: ByteTokenizer.make()))
    }
    #expect(error?.code == .vocabularyMismatch)
    #expect(error?.message == "the tokenizer has 260 tokens, expected at most the model's 100")
  }
}
