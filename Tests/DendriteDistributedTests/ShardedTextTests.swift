// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteDistributed
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Promises 1 and 2 together: text from a sharded context, with any drafter, is the text of one model.
@Suite(.tags(.slow, .invariance)) struct ShardedTextTests {
  private let target: CPUTransformer
  private let small: CPUTransformer
  private let tokenizer: Tokenizer
  private let prompt: [Int]

  init() throws {
    let file = try GGUFFile(path: Repository.bundledModel)
    tokenizer = try Tokenizer(file.vocabularyDescription())
    target = try CPUTransformer(file: file, machine: Machine(threads: 1))
    small = try CPUTransformer(
      file: GGUFFile(path: Repository.bundledDrafter),
      machine: Machine(threads: 1))
    prompt = tokenizer.encode(
      "Question: Tom has 12 apples and gives 3 to each of his 2 brothers. How many are left?\nAnswer:"
    )
  }

  private func reply(
    of model: any CausalModel, _ sampler: SamplerSettings, drafter: (any Drafter)? = nil
  ) throws -> [Int] {
    var settings = GenerationSettings(
      maximumTokens: 70, sampler: sampler, ignoresEndOfGeneration: true)
    if drafter != nil { settings.speculation = .drafter(draftLength: 4) }
    let context = try DecodingContext(
      model: model, settings: ContextSettings(capacity: 512, cacheType: .f16))
    var loop = try GenerationLoop(
      prompt: prompt, in: context, tokenizer: tokenizer, settings: settings,
      drafters: drafter.map { [$0] } ?? [])
    while try loop.step() != nil {}
    return loop.generatedIDs
  }

  @Test(arguments: [2, 4], [SamplerSettings.greedy, .pure(temperature: 1, seed: 11)])
  func `text on several ranks is the text of one, plain or guessed ahead`(
    ranks: Int, sampler: SamplerSettings
  ) throws {
    let want = try reply(of: target, sampler)
    let got = try leading(target, ranks: ranks) { leader in
      let drafts = DrafterModel(model: small)
      return [
        try reply(of: leader, sampler),
        try reply(of: leader, sampler, drafter: SuffixDrafter()),
        try reply(of: leader, sampler, drafter: try ModelDrafter(drafts)),
        try reply(of: leader, sampler, drafter: try ModelDrafter(drafts, shape: .tree(width: 3))),
      ]
    }.value
    for (way, text) in zip(["plain", "suffixes", "chain", "tree"], got) {
      #expect(text == want, "\(way)")
    }
  }

  @Test func `a mirror works beside a sharded context`() throws {
    let want = try reply(of: target, .greedy)
    let got = try leading(target, ranks: 2) { leader in
      let drafter = try MirrorDrafter(
        model: DrafterModel(model: small), settings: MirrorDrafter.Settings(),
        exit: ExitHead(rawAfter: 2))
      return try reply(of: leader, .greedy, drafter: drafter)
    }.value
    #expect(got == want)
  }
}
