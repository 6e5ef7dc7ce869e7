// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Streams guess several tokens a pass, and sidecar files are believed only where they fit.
@Suite(.tags(.sameText)) struct StreamTests {
  /// A sidecar of random vectors.
  static func streams(width: Int, count: Int, type: String = "dendrite.streams") throws -> GGUFFile
  {
    var random = SeededGenerator(seed: 4)
    var writer = GGUFWriter()
    try writer.add("general.architecture", string: "llama")
    try writer.add("general.type", string: "adapter")
    try writer.add("adapter.type", string: type)
    try writer.add("dendrite.base.embedding_length", uint32: width)
    try writer.add("dendrite.streams.count", uint32: count)
    for index in 1...count {
      let values = random.logits(count: width, spread: 0.1)
      try writer.addTensor("stream.\(index).weight", shape: [width], floats: values)
    }
    return try GGUFFile(bytes: writer.bytes())
  }

  @Test(arguments: [1, 3], 1...3)
  func `streams leave the text as it is, and the small model's own choice stands`(
    count: Int, seed: Int
  ) throws {
    func load() throws -> CPUTransformer {
      try CPUTransformer(
        file: GGUFFile(path: Repository.golden("logits/llama3.gguf")), machine: Machine(threads: 1))
    }
    let tokenizer = try ByteTokenizer.make()
    let (target, small) = (try load(), try load())
    let streams = try StreamVectors(
      file: Self.streams(width: small.description.hiddenSize, count: count),
      hiddenSize: small.description.hiddenSize)
    #expect(streams.count == count)
    var random = SeededGenerator(seed: seed)
    let prompt = (0..<30).map { _ in random.below(90) }
    for sampler in SpeculationTests.samplers {
      var settings = GenerationSettings(
        maximumTokens: 40, sampler: sampler, ignoresEndOfGeneration: true)
      func run(_ drafters: [any Drafter]) throws -> ([Int], GenerationStatistics) {
        var loop = try GenerationLoop(
          prompt: prompt,
          in: DecodingContext(model: target, settings: ContextSettings(capacity: 128)),
          tokenizer: tokenizer, settings: settings, drafters: drafters)
        while try loop.step() != nil {}
        return (loop.generatedIDs, loop.statistics)
      }
      let want = try run([]).0
      for length in [1, 2, 5, 8] {
        settings.speculation = .drafter(draftLength: length)
        let drafter = try ModelDrafter(
          DrafterModel(model: small, streams: streams), shape: .streams)
        let got = try run([drafter])
        #expect(got.0 == want)
        // The drafter is the target, so what it stands by itself is right: the first guess of every draft at least.
        #expect(got.1.drafter.failure == nil)
        #expect(got.1.acceptedTokens * 2 >= got.1.decodePasses)
      }
    }
  }

  @Test func `a sidecar for something else is refused`() throws {
    let file = try Self.streams(width: 64, count: 2)
    #expect {
      try StreamVectors(file: file, hiddenSize: 32)
    } throws: { "\($0)".contains("for a model of width 64, expected 32") }
    #expect {
      try ExitHead(file: file, layer: 1, hiddenSize: 64)
    } throws: {
      "\($0)".contains("found dendrite.streams, expected an adapter of kind dendrite.exits")
    }
    #expect {
      try StreamVectors(file: Self.streams(width: 64, count: 2, type: "lora"), hiddenSize: 64)
    } throws: { "\($0)".contains("found lora, expected an adapter of kind dendrite.streams") }
    #expect {
      try StreamVectors(
        file: GGUFFile(path: Repository.golden("logits/llama3.gguf")), hiddenSize: 64)
    } throws: { "\($0)".contains("expected an adapter of kind dendrite.streams") }
  }
}
