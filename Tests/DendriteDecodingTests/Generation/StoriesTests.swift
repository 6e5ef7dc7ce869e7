// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// A trained model of 260 K parameters, through the whole of this room.
@Suite(.requiresSharedData) struct StoriesTests {
  let tokenizer: Tokenizer
  let model: CPUTransformer

  init() throws {
    let file = try GGUFFile(path: SharedData.path("stories260K/stories260K.gguf"))
    tokenizer = try Tokenizer(file.vocabularyDescription())
    model = try CPUTransformer(file: file, machine: Machine())
  }

  func run(
    _ prompt: [Int], in context: DecodingContext, _ settings: GenerationSettings
  ) throws -> (ids: [Int], text: String, statistics: GenerationStatistics) {
    var loop = try GenerationLoop(
      prompt: prompt, in: context, tokenizer: tokenizer, settings: settings)
    var text = ""
    while let step = try loop.step() {
      if case .fragment(let fragment) = step { text += fragment.text }
    }
    return (loop.generatedIDs, text, loop.statistics)
  }

  @Test(
    .tags(.sameText),
    arguments: [
      ("Once upon a time", "once_upon_a_time"), ("The little bird", "the_little_bird"),
      ("Tom and his dog went to the park", "tom_and_his_dog_went_to_the_park"),
    ])
  func `greedy text is llama.cpp's`(prompt: String, file: String) throws {
    let golden = try SharedData.text("stories260K/greedy-200-\(file).txt")
    let context = try DecodingContext(model: model, settings: ContextSettings(cacheType: .f32))
    let told = try run(
      tokenizer.encode(prompt), in: context,
      GenerationSettings(maximumTokens: 200, sampler: .greedy))
    // The golden begins with the space that the tokenizer put before the prompt, and ends with two
    // line feeds that llama.cpp prints.
    #expect(" " + prompt + told.text + "\n\n" == golden)
  }

  @Test(.tags(.sameText), arguments: CacheType.allCases)
  func `sampled ids depend neither on the chunk size nor on a warm cache`(type: CacheType) throws {
    let prompt = tokenizer.encode(
      "Lily and Tom were friends. They liked to play in the big park near the old house. One day")
    var settings = GenerationSettings(maximumTokens: 40, sampler: SamplerSettings(seed: 9))
    let whole = try run(
      prompt, in: DecodingContext(model: model, settings: ContextSettings(cacheType: type)),
      settings)
    let context = try DecodingContext(model: model, settings: ContextSettings(cacheType: type))
    for chunk in [1, 2, 5, 16, 33] {
      settings.prefillChunkSize = chunk
      let cold = try run(
        prompt, in: DecodingContext(model: model, settings: ContextSettings(cacheType: type)),
        settings)
      #expect(cold.ids == whole.ids)
      #expect(cold.statistics.reusedTokens == 0)
      let warm = try run(prompt, in: context, settings)
      #expect(warm.ids == whole.ids)
      #expect(warm.statistics.reusedTokens == (chunk == 1 ? 0 : prompt.count - 1))
    }
  }
}
