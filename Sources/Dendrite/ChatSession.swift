// SPDX-License-Identifier: Apache-2.0
public import DendriteDecoding
internal import DendriteTokenizer

/// A conversation with a model: questions go in, answers come out, both are remembered.
///
/// ```swift
/// let chat = ChatSession(model, instructions: "Answer in one sentence.")
/// for try await fragment in chat.streamResponse(to: "What is a dendrite?") {
///   print(fragment.text, terminator: "")
/// }
/// ```
///
/// Earlier turns stay in the cache, token by token as they were made, so a turn only reads what is
/// new. Answers are made in the order of the questions. An answer that was cancelled stays in the
/// conversation as far as it came; a question that failed leaves no trace.
public actor ChatSession {
  /// One turn of the conversation.
  public struct Message: Sendable, Hashable {
    /// Who speaks.
    public enum Role: String, Sendable, Hashable {
      case system, user, assistant
    }

    /// Who speaks.
    public var role: Role
    /// What is said.
    public var text: String

    /// A turn.
    public init(role: Role, text: String) {
      self.role = role
      self.text = text
    }
  }

  /// A whole answer.
  public struct Reply: Sendable, Hashable {
    /// What the model said.
    public var text: String
    /// What it cost.
    public var statistics: GenerationStatistics
  }

  /// The model.
  public nonisolated let model: LocalModel
  /// How the conversation is written for the model.
  public nonisolated let promptFormat: PromptFormat
  /// The conversation so far.
  public private(set) var messages: [Message]

  private nonisolated let session: TextSession
  private let instructions: String?
  /// The ids of all turns so far, without a token that ended the last one.
  private var transcript: [Int] = []

  /// Opens a conversation; memory is reserved with the first answer.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - instructions: What the model is told before the first question (the system prompt).
  ///   - promptFormat: How turns are marked; by default as the model's file says.
  ///   - context: How much is remembered.
  public init(
    _ model: LocalModel, instructions: String? = nil, promptFormat: PromptFormat? = nil,
    context: ContextSettings = ContextSettings()
  ) {
    self.model = model
    self.promptFormat = promptFormat ?? model.promptFormat
    self.instructions = instructions
    messages = instructions.map { [Message(role: .system, text: $0)] } ?? []
    session = TextSession(engine: model.engine, settings: context)
  }

  /// Asks a question and returns the answer as it is made.
  ///
  /// - Parameters:
  ///   - text: The question; characters that spell control tokens are text.
  ///   - settings: How the answer is made; `continuesText` follows from the prompt format.
  ///   - progress: Called on the engine's thread after each chunk of a long prompt.
  /// - Returns: the answer; its errors come when it is read.
  public nonisolated func streamResponse(
    to text: String, settings: GenerationSettings = GenerationSettings(),
    progress: (@Sendable (PrefillProgress) -> Void)? = nil
  ) -> ReplyStream {
    var settings = settings
    settings.continuesText = promptFormat == .plain
    return session.stream(
      settings: settings, progress: progress,
      completion: { await self.remember(text, $0) },
      prompt: { await self.prompt(asking: text) })
  }

  /// Asks a question and waits for the whole answer.
  ///
  /// - Throws: `DecodingError`; `CancellationError` if the calling task was cancelled.
  public nonisolated func respond(
    to text: String, settings: GenerationSettings = GenerationSettings()
  ) async throws -> Reply {
    let stream = streamResponse(to: text, settings: settings)
    var answer = ""
    for try await fragment in stream { answer += fragment.text }
    return Reply(text: answer, statistics: try await stream.statistics)
  }

  // MARK: Memory

  /// The ids of the whole conversation and a new question.
  private func prompt(asking text: String) -> [Int] {
    let before =
      transcript.isEmpty
      ? promptFormat.opening(instructions: instructions) : promptFormat.separator
    return transcript + model.engine.tokenizer.encode(before + promptFormat.question(text))
  }

  private func remember(_ question: String, _ outcome: TextSession.Outcome) {
    var reply = outcome.reply
    if case .stop(let token) = outcome.finishReason, reply.last == token { reply.removeLast() }
    transcript = outcome.prompt + reply
    messages.append(Message(role: .user, text: question))
    messages.append(Message(role: .assistant, text: outcome.text))
  }
}
