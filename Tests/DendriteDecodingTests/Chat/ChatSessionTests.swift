// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChatSessionTests {
  static let template = "<|im_start|>…<|im_end|>"

  /// A model that ends each answer after `length` bytes.
  func model(
    answersOf length: Int = 5, template: String? = template
  ) throws -> (FakeModel, LocalModel) {
    let fake = FakeModel(vocabularySize: 260, contextLength: 2_048) { path in
      var random = SeededGenerator(seed: path.reduce(7) { $0 &* 31 &+ $1 })
      var logits = (0..<260).map { (97..<123).contains($0) ? random.normal() : -50 }  // a to z
      let answer = path.reversed().prefix { $0 != ByteTokenizer.imStart }.count
      if answer >= "assistant\n".utf8.count + length { logits[ByteTokenizer.imEnd] = 50 }
      return logits
    }
    let engine = try Engine(
      Engine.Parts(model: fake, tokenizer: ByteTokenizer.make(chatTemplate: template)))
    return (fake, LocalModel(engine: engine))
  }

  static let settings = GenerationSettings(maximumTokens: 40, sampler: .greedy)

  @Test func `questions and answers are remembered`() async throws {
    let (_, model) = try model()
    let chat = ChatSession(model, instructions: "Be brief.")
    let first = try await chat.respond(to: "one", settings: Self.settings)
    let second = try await chat.respond(to: "two", settings: Self.settings)
    #expect(first.statistics.finishReason == .stop(token: ByteTokenizer.imEnd))
    let messages = await chat.messages
    #expect(messages.map(\.role) == [.system, .user, .assistant, .user, .assistant])
    #expect(
      messages.map(\.text) == ["Be brief.", "one", first.text, "two", second.text])
  }

  @Test(.tags(.sameText))
  func `a later turn reads only what is new and says the same`() async throws {
    let (fake, model) = try model()
    let chat = ChatSession(model)
    let first = try await chat.respond(to: "one", settings: Self.settings)
    let second = try await chat.respond(to: "two", settings: Self.settings)
    // In the cache: the first prompt and the answer without the token that ended it.
    let begin = "<user\none>\n<assistant\n".utf8.count
    #expect(first.statistics.promptTokens == begin)
    #expect(second.statistics.reusedTokens == begin + 5)
    #expect(fake.batches.contains(second.statistics.promptTokens - begin - 5))

    // The same conversation, read in one piece.
    var prompt = model.engine.tokenizer.encode(
      model.promptFormat.opening(instructions: nil) + model.promptFormat.question("one"))
    prompt += ByteTokenizer.ids(first.text)
    prompt += model.engine.tokenizer.encode(
      model.promptFormat.separator + model.promptFormat.question("two"))
    let session = TextSession(engine: model.engine)
    var settings = Self.settings
    settings.continuesText = false
    var text = ""
    for try await fragment in session.stream(ids: prompt, settings: settings) {
      text += fragment.text
    }
    #expect(text == second.text)
  }

  @Test func `a question that failed leaves no trace`() async throws {
    let (_, model) = try model()
    let chat = ChatSession(model, context: ContextSettings(capacity: 100))
    _ = try await chat.respond(to: "one", settings: Self.settings)
    let question = String(repeating: "long ", count: 40)
    await #expect(throws: DecodingError.self) {
      try await chat.respond(to: question, settings: Self.settings)
    }
    #expect(await chat.messages.count == 2)
    _ = try await chat.respond(to: "two", settings: Self.settings)
    #expect(await chat.messages.count == 4)
  }

  @Test func `a cancelled answer stays as far as it came`() async throws {
    let (_, model) = try model(answersOf: 1_500)
    let chat = ChatSession(model)
    var seen = ""
    for try await fragment in chat.streamResponse(
      to: "one", settings: GenerationSettings(sampler: .greedy))
    {
      seen += fragment.text
      if seen.utf8.count > 20 { break }
    }
    let second = try await chat.respond(to: "two", settings: Self.settings)
    let messages = await chat.messages
    #expect(messages.count == 4)
    #expect(messages[1].text.hasPrefix(seen))
    #expect(messages[1].text.utf8.count < 1_400)
    #expect(second.statistics.reusedTokens > 0)
  }

  @Test func `a model without a template continues plain text`() async throws {
    let (_, model) = try model(template: nil)
    #expect(model.promptFormat == .plain)
    #expect(model.promptFormatNote == nil)
    let chat = ChatSession(model)
    let reply = try await chat.respond(
      to: "abc", settings: GenerationSettings(maximumTokens: 3, sampler: .greedy))
    #expect(reply.statistics.promptTokens == 3)
    let (_, unknown) = try self.model(template: "{{ something else }}")
    #expect(unknown.promptFormat == .plain)
    #expect(unknown.promptFormatNote != nil)
  }

  @Test(.requiresSharedData) func `a model file streams a story`() async throws {
    let model = try await LocalModel.load(SharedData.path("stories260K/stories260K.gguf"))
    let chat = ChatSession(model, context: ContextSettings(cacheType: .f32))
    let reply = try await chat.respond(
      to: "Once upon a time",
      settings: GenerationSettings(maximumTokens: 200, sampler: .greedy))
    let golden = try SharedData.text("stories260K/greedy-200-once_upon_a_time.txt")
    #expect(golden.contains("Once upon a time" + reply.text))
  }

  @Test(.tags(.wording)) func `a file that is not there is named`() async throws {
    let error = await #expect(throws: CheckpointError.self) {
      try await LocalModel.load("/nowhere/model.gguf")
    }
    #expect(error?.description.contains("/nowhere/model.gguf") == true)
  }
}
