// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
package import DendriteDecoding
package import DendriteModel
internal import DendriteReport
internal import DendriteTokenizer

/// A reply that nobody guessed at.
package struct PlainReply: Sendable {
  /// How its tokens were chosen.
  package var sampler: SamplerSettings
  /// How keys and values were stored.
  package var cacheType: CacheType
  package var prompt: [Int]
  /// Its tokens with their log-probabilities and texts.
  package var fragments: [Fragment]
  /// The cache of the same history, fed at once; `nil` if it does not fill its blocks.
  package var cache: [UInt8]?

  /// Prompt and reply.
  var text: [Int] { prompt + fragments.map(\.tokenID) }
}

/// Promise 1: whoever guesses, the reply is the one that nobody guessed at.
extension Prover {
  /// A way to guess.
  private enum Way: CaseIterable {
    case lookup1, lookup4, lookup16, automatic, tree, wrong, exits, mirror, slowMirror

    var name: String {
      switch self {
      case .lookup1: "look-up of 1 token"
      case .lookup4: "look-up of 4 tokens"
      case .lookup16: "look-up of 16 tokens"
      case .automatic: "as many guesses as pay"
      case .tree: "random trees around the reply"
      case .wrong: "wrong guesses"
      case .exits: "early exits"
      case .mirror: "a mirror of the same model"
      case .slowMirror: "a mirror behind a slow link"
      }
    }

    var speculation: Speculation {
      switch self {
      case .lookup1: .promptLookup(draftLength: 1)
      case .lookup4: .promptLookup(draftLength: 4)
      case .lookup16: .promptLookup(draftLength: 16)
      case .automatic: .automatic
      case .tree: .drafter(draftLength: 12)
      case .wrong, .exits, .mirror, .slowMirror: .drafter(draftLength: 4)
      }
    }
  }

  /// Every way to guess leaves ids, log-probabilities, texts and the cache as plain decoding makes them.
  ///
  /// Each way is tried on one reply, then, as long as time is left, on the others. Replies to the same prompt
  /// share a context, whose cache has the prompt and whatever the guesses before left behind it.
  func guesses() throws -> Finding {
    guard let tokenizer = ownTokenizer() else { return unreadableVocabulary() }
    let start = Clock.seconds()
    if plainReplies.isEmpty { plainReplies = try makePlainReplies(tokenizer) }
    let contexts = try plainReplies.map { try context(for: $0) }
    var tally = Tally()
    var (guessed, right) = (0, 0)
    var dice = RandomTokens(seed: settings.seed &+ 0x6775_6573)
    for round in plainReplies.indices {
      for (number, way) in Way.allCases.enumerated() {
        guard round == 0 || Clock.seconds() - start < settings.budget / 12 else { break }
        let turn = (number + round) % plainReplies.count
        let want = plainReplies[turn]
        let got = try reply(
          want, in: contexts[turn], tokenizer, way.speculation,
          try drafter(way, want, seed: dice.next()))
        guessed += got.statistics.draftedTokens
        right += got.statistics.acceptedTokens
        compare(got.fragments, got.cache, with: want, way.name, &tally)
      }
    }
    return Finding(
      claim:
        "a reply with look-up, trees, wrong guesses, early exits or a mirror, and its cache = without: "
        + "\(Figures.text(guessed)) guesses, \(Figures.text(right)) right",
      unit: "tokens and caches", tally: tally)
  }

  private func compare(
    _ got: [Fragment], _ cache: [UInt8]?, with want: PlainReply, _ name: String,
    _ tally: inout Tally
  ) {
    for (index, fragment) in want.fragments.enumerated() {
      let isSame =
        index < got.count && got[index].tokenID == fragment.tokenID
        && got[index].logProbability.bitPattern == fragment.logProbability.bitPattern
        && got[index].text == fragment.text
      tally.check(
        isSame, "token \(index) of a reply with \(name), \(want.cacheType.rawValue) cache")
    }
    tally.check(
      got.count == want.fragments.count, "the length of a reply with \(name)")
    guard let expected = want.cache else { return }
    tally.check(
      cache == expected, "the \(want.cacheType.rawValue) cache behind a reply with \(name)")
  }

  /// Greedy and sampled replies to a prompt that repeats itself, with their caches.
  ///
  /// The prompt is as long as it takes for the history to fill its last block of 64 positions: then no
  /// byte of the cache is left over from a guess.
  private func makePlainReplies(_ tokenizer: Tokenizer) throws -> [PlainReply] {
    let ids = hashPrompt()
    let affordable = Int(min(1e6, settings.budget / 12 / (24 * max(speed.alone, 1e-9))))
    let wanted = min(effort.short, max(8, affordable))
    let length = min(
      (ids.count + wanted - 1 + 63) / 64 * 64, max(1, model.description.contextLength))
    let count = min(wanted, length)
    let prompt = (0..<length - count + 1).map { ids[$0 % ids.count] }
    let ways: [(SamplerSettings, CacheType)] = [
      (.greedy, .f16), (SamplerSettings(seed: 42), .f16), (.pure(seed: 43), .q8),
    ]
    return try ways.map { sampler, type in
      var plain = PlainReply(sampler: sampler, cacheType: type, prompt: prompt, fragments: [])
      // As many empty tokens as are wanted: their number is all that is read of them.
      plain.fragments = Array(
        repeating: Fragment(text: "", tokenID: 0, logProbability: 0), count: count)
      plain.fragments = try reply(plain, in: context(for: plain), tokenizer, .none, nil).fragments
      guard length % 64 == 0 else { return plain }
      plain.cache = try withCache(type, capacity: length) { cache in
        try feed(plain.text.dropLast(), to: cache, reads: { _ in false })
        return try model.save(cache)
      }
      return plain
    }
  }

  /// An empty context with room for a reply and guesses behind it.
  private func context(for plain: PlainReply) throws -> DecodingContext {
    let capacity = min(
      plain.prompt.count + plain.fragments.count + 64, model.description.contextLength)
    return try DecodingContext(
      model: model, settings: ContextSettings(capacity: capacity, cacheType: plain.cacheType))
  }

  /// Makes a reply as long as a plain one, with guesses.
  private func reply(
    _ plain: PlainReply, in context: DecodingContext, _ tokenizer: Tokenizer,
    _ speculation: Speculation,
    _ drafter: (any Drafter)?
  ) throws -> (fragments: [Fragment], statistics: GenerationStatistics, cache: [UInt8]) {
    var loop = try GenerationLoop(
      prompt: plain.prompt, in: context, tokenizer: tokenizer,
      settings: GenerationSettings(
        maximumTokens: plain.fragments.count, sampler: plain.sampler, speculation: speculation,
        ignoresEndOfGeneration: true),
      drafters: drafter.map { [$0] } ?? [])
    var fragments: [Fragment] = []
    while let step = try loop.step() {
      if case .fragment(let fragment) = step { fragments.append(fragment) }
    }
    return (fragments, loop.statistics, try context.save())
  }

  /// The drafter of a way to guess; `nil` if it needs none of its own.
  private func drafter(_ way: Way, _ reply: PlainReply, seed: UInt64) throws -> (any Drafter)? {
    let exit = ExitHead(rawAfter: model.description.layerCount / 2)
    var guesser = Guesser(
      text: reply.text, vocabulary: vocabulary, random: RandomTokens(seed: seed), kind: .tree)
    switch way {
    case .lookup1, .lookup4, .lookup16, .automatic: return nil
    case .tree: return guesser
    case .wrong:
      guesser.kind = .wrong
      return guesser
    case .exits:
      guesser.kind = .mostlyRight
      guesser.exitWish = ExitWish(head: exit, count: 8)
      return guesser
    case .mirror, .slowMirror:
      let machine = try Machine(threads: 1, variant: model.machine.variant)
      let mirror = try LocalMirror(model: DrafterModel(model: model.copy(on: machine)), length: 4)
      return MirrorDrafter(
        link: way == .mirror ? mirror : SlowLink(mirror, longestDelay: 2e-3, seed: seed),
        settings: .init(length: 4, branches: 6, exitCount: 4, givesUp: false, patience: 10),
        exit: way == .mirror ? exit : nil)
    }
  }
}
