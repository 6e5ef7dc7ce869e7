// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Synchronization
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A drafter behind a wire: same text, and a cut wire costs speed only.
@Suite(.tags(.sameText)) struct RemoteMirrorTests {
  let tokenizer: Tokenizer
  let tokens: [String]

  init() throws {
    tokenizer = try ByteTokenizer.make()
    tokens = tokenizer.description.tokens
  }

  private let prompt = ByteTokenizer.ids("once upon a time there was")
  private let settings = GenerationSettings(
    maximumTokens: 60, sampler: SpeculationTests.samplers[1], ignoresEndOfGeneration: true)

  private func run(
    _ model: FakeModel, _ drafter: (any Drafter)? = nil
  ) throws -> (ids: [Int], statistics: GenerationStatistics) {
    var loop = try GenerationLoop(
      prompt: prompt, in: DecodingContext(model: model), tokenizer: tokenizer, settings: settings,
      drafters: drafter.map { [$0] } ?? [])
    while try loop.step() != nil {}
    return (loop.generatedIDs, loop.statistics)
  }

  /// A server on a thread of its own.
  private func serve(_ tokens: [String]? = nil) throws -> MirrorServer {
    let server = try MirrorServer(
      model: DrafterModel(model: FakeModel()), tokens: tokens ?? self.tokens, length: 8)
    Thread.detach { server.run() }
    return server
  }

  @Test func `the text is the same, and a drafter that is the target is always right`() throws {
    let server = try serve()
    defer { server.stop() }
    let want = try run(FakeModel()).ids
    for _ in 0..<2 {
      let remote = try RemoteMirror(host: "127.0.0.1", port: server.port, tokens: tokens)
      let mirror = MirrorDrafter(
        remote: remote, settings: .init(length: 5, branches: 8, givesUp: false, patience: 10),
        exit: ExitHead(rawAfter: 1))
      let got = try run(FakeModel(), mirror)
      #expect(got.ids == want)
      #expect(got.statistics.acceptedTokens == got.statistics.draftedTokens)
      #expect(got.statistics.drafter.failure == nil && got.statistics.acceptedTokens > 40)
    }
  }

  @Test func `cut in mid-sentence the text goes on unchanged`() throws {
    let server = try serve()
    defer { server.stop() }
    let want = try run(FakeModel()).ids
    let proxy = try Proxy(to: server.port)
    let remote = try RemoteMirror(host: "127.0.0.1", port: proxy.port, tokens: tokens)
    let target = FakeModel()
    target.with { $0.onSubmit = { if $0 == 6 { proxy.cut() } } }
    let got = try run(
      target, MirrorDrafter(remote: remote, settings: .init(length: 3, patience: 5)))
    #expect(got.ids == want)
    #expect(got.statistics.drafter.failure?.contains("is broken") == true)
    #expect(got.statistics.acceptedTokens > 0 && got.statistics.decodePasses > 30)
  }

  @Test
  func `a second target is told that the drafter is busy, and may come when the first is gone`()
    throws
  {
    let server = try serve()
    defer { server.stop() }
    let want = try run(FakeModel()).ids
    let proxy = try Proxy(to: server.port)
    let first = try RemoteMirror(host: "127.0.0.1", port: proxy.port, tokens: tokens)
    for _ in 0..<2 {
      #expect {
        try RemoteMirror(host: "127.0.0.1", port: server.port, tokens: tokens, patience: 1)
      } throws: {
        ($0 as? DecodingError)?.code == .drafterInUse
          && "\($0)".contains(
            "the drafter at 127.0.0.1:\(server.port) has served another target for ")
          && "\($0)".contains("try: wait until that target has ended and come again")
      }
    }
    // The first one is served as if nobody had knocked.
    let served = try run(
      FakeModel(), MirrorDrafter(remote: first, settings: .init(length: 4, patience: 10)))
    #expect(served.ids == want && served.statistics.acceptedTokens > 40)
    // Its process dies; the next one needs no new server, and has the whole drafter.
    proxy.cut()
    for _ in 0..<2 {
      let next = try RemoteMirror(host: "127.0.0.1", port: server.port, tokens: tokens)
      let got = try run(
        FakeModel(), MirrorDrafter(remote: next, settings: .init(length: 4, patience: 10)))
      #expect(got.ids == want && got.statistics.acceptedTokens > 40)
      #expect(got.statistics.drafter.failure == nil)
    }
  }

  @Test func `another vocabulary is refused, and so is somebody who is no drafter`() throws {
    let server = try serve(tokens.reversed())
    defer { server.stop() }
    #expect {
      try RemoteMirror(host: "127.0.0.1", port: server.port, tokens: tokens)
    } throws: { "\($0)".contains("has another vocabulary of 260 tokens") }
    #expect {
      try RemoteMirror(host: "127.0.0.1", port: 1, tokens: tokens)
    } throws: { "\($0)".contains("no connection to 127.0.0.1:1") }
    let silent = try Proxy(to: 1)
    #expect {
      try RemoteMirror(host: "127.0.0.1", port: silent.port, tokens: tokens)
    } throws: { "\($0)".contains("says nothing") }
    #expect {
      try MirrorServer(
        model: DrafterModel(model: FakeModel()), tokens: tokens, host: "no.such.host.invalid")
    } throws: { "\($0)".contains("is no host that is known here") }
  }

  @Test(arguments: 1...3)
  func `whatever is sent, the server says no and serves the next one`(seed: Int) throws {
    let server = try serve()
    defer { server.stop() }
    var random = SeededGenerator(seed: seed)
    for attempt in 0..<12 {
      var bytes = (0..<random.below(60)).map { _ in UInt8(random.below(256)) }
      if attempt % 3 == 0 { bytes = [UInt8(bytes.count), 0, 0, 0] + bytes }
      if attempt % 4 == 0 { bytes = [255, 255, 255, 255] + bytes }
      try Proxy.throwAt(server.port, bytes, greets: attempt % 2 == 0)
    }
    let remote = try RemoteMirror(host: "127.0.0.1", port: server.port, tokens: tokens)
    let got = try run(
      FakeModel(), MirrorDrafter(remote: remote, settings: .init(length: 4, patience: 10)))
    #expect(got.statistics.acceptedTokens > 0)
  }

  @Test(arguments: 1...5)
  func `orders and answers come through as they are, and damaged ones not at all`(
    seed: Int
  ) throws {
    var random = SeededGenerator(seed: seed)
    func ids(_ count: Int) -> [Int] { (0..<count).map { _ in random.below(200_000) } }
    for _ in 0..<60 {
      var sampler = SamplerSettings(seed: random.next())
      sampler.topK = random.below(2) == 0 ? nil : random.below(100)
      sampler.logitBias = [3: -.infinity, 70_000: 1.5]
      sampler.penalties.window = random.below(2) == 0 ? .all : .last(9)
      let orders: [MirrorOrder] = [
        .begin(
          reply: random.below(9),
          outline: ReplyOutline(
            sampler: sampler, vocabularySize: 128_256, capacity: 4_096,
            prompt: ids(random.below(300)), endTokens: Set(ids(2)))),
        .verdict(
          reply: 3, step: random.below(1_000), chosen: ids(1 + random.below(9)), wanted: 7,
          branches: 32),
        .foresee(
          reply: 3, step: 4,
          rows: (0..<random.below(9)).map { _ in
            ids(random.below(9)).map { .init(token: $0, score: Float(random.below(99)) - 0.5) }
          }),
      ]
      for order in orders {
        let bytes = MirrorCodec.encode(order)
        #expect(try MirrorCodec.decodeOrder(bytes[4...]) == order)
        // What is cut is refused; what is flipped may say something else, but traps nothing.
        #expect(throws: (any Error).self) { try MirrorCodec.decodeOrder(bytes[4...].dropLast()) }
        var flipped = bytes
        flipped[4 + random.below(bytes.count - 4)] ^= UInt8(1 << random.below(8))
        _ = try? MirrorCodec.decodeOrder(flipped[4...])
      }
      var effort = BranchEffort()
      effort.rows = random.below(1_000)
      let answers: [MirrorAnswer] = [
        .window(
          reply: 1, step: 2, source: .hit, tokens: ids(random.below(9)), effort: effort),
        .lost(reply: 7), .failed("NaN in layer 3 ü"),
      ]
      for answer in answers {
        let bytes = MirrorCodec.encode(answer)
        #expect(try MirrorCodec.decodeAnswer(bytes[4...]) == answer)
        #expect(throws: (any Error).self) { try MirrorCodec.decodeAnswer(bytes[4...].dropLast()) }
      }
    }
  }

  /// What a step costs on the wire: some hundred bytes, as the paper says.
  @Test func `a step sends a few hundred bytes`() {
    let rows = (0..<8).map { row in
      (0..<8).map { ExitGuesses.Guess(token: 100_000 + row * 8 + $0, score: 0.5) }
    }
    let bytes =
      MirrorCodec.encode(.foresee(reply: 1, step: 9, rows: rows)).count
      + MirrorCodec.encode(
        .verdict(reply: 1, step: 9, chosen: [1_000, 2_000, 3_000], wanted: 7, branches: 32)
      ).count
    #expect(bytes < 600)
  }
}
