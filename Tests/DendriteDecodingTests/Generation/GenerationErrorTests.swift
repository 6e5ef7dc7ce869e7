// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteModel
import DendriteTokenizer
import Testing

@Suite(.tags(.wording)) struct GenerationErrorTests {
  /// Starts a loop that must be refused, and checks that the model was not called for it.
  func refusal(
    prompt: [Int], capacity: Int? = 16, _ settings: GenerationSettings = GenerationSettings()
  ) throws -> DecodingError {
    let model = FakeModel()
    let context = try DecodingContext(model: model, settings: ContextSettings(capacity: capacity))
    let tokenizer = try ByteTokenizer.make()
    let error = #expect(throws: DecodingError.self) {
      try GenerationLoop(prompt: prompt, in: context, tokenizer: tokenizer, settings: settings)
    }
    #expect(model.batches.isEmpty)
    return try #require(error)
  }

  @Test func `a prompt longer than the context is refused before any work`() throws {
    let error = try refusal(prompt: Array(0..<20))
    #expect(error.code == .promptTooLong)
    #expect(
      error.description == """
        decoding: the prompt has 20 tokens, expected at most 16, the capacity of the context
          try: shorten it by 4 tokens, or give the session a larger context if the model was \
        trained for one
        """)
  }

  @Test func `an empty prompt is refused`() throws {
    let error = try refusal(prompt: [])
    #expect(error.code == .emptyPrompt)
    #expect(error.message.contains("no tokens, expected at least one"))
  }

  @Test(arguments: [-1, 260, Int.max])
  func `an id outside the vocabulary is refused`(id: Int) throws {
    let error = try refusal(prompt: [1, id])
    #expect(error.code == .badToken)
    #expect(error.message.contains("id \(id), expected ids from 0 to 259"))
  }

  @Test func `generation settings outside their ranges are refused`() throws {
    for (settings, words) in [
      (GenerationSettings(maximumTokens: 0), "maximumTokens is 0, expected at least 1"),
      (GenerationSettings(stopStrings: ["a", ""]), "stop string 2 of 2 is empty"),
      (GenerationSettings(prefillChunkSize: 0), "prefillChunkSize is 0, expected from 1 to 512"),
      (GenerationSettings(prefillChunkSize: 513), "prefillChunkSize is 513"),
      (GenerationSettings(sampler: SamplerSettings(topK: -3)), "topK is -3"),
    ] {
      let error = try refusal(prompt: [1], settings)
      #expect(error.code == .badSetting)
      #expect(error.message.contains(words))
    }
  }

  @Test(arguments: [0, -5, 2_049, Int.max])
  func `a context that the model was not trained for is refused`(capacity: Int) throws {
    let model = FakeModel()
    let error = #expect(throws: DecodingError.self) {
      try DecodingContext(model: model, settings: ContextSettings(capacity: capacity))
    }
    #expect(error?.code == .badSetting)
    #expect(error?.message.contains("\(capacity) tokens, expected from 1 to 2048") == true)
    #expect(model.cacheCount == 0)
  }

  @Test func `a failure of the model passes on its words and ends the reply`() throws {
    let model = FakeModel()
    model.with {
      $0.failures[1] = ModelError(
        .notFinite, "row 0 holds NaN after layer 3", remedy: "check the file")
    }
    let context = try DecodingContext(model: model)
    var loop = try GenerationLoop(
      prompt: [1, 2, 3], in: context, tokenizer: ByteTokenizer.make(),
      settings: GenerationSettings(sampler: .greedy, ignoresEndOfGeneration: true))
    _ = try loop.step()
    let error = #expect(throws: DecodingError.self) { try loop.step() }
    #expect(error?.code == .model)
    #expect(error?.message == "row 0 holds NaN after layer 3")
    #expect(error?.cause is ModelError)
    #expect(try loop.step() == nil)
    #expect(context.tokens == [1, 2, 3])
  }
}
