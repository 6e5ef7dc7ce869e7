// SPDX-License-Identifier: Apache-2.0
internal import Dendrite

/// Makes replies with one model: streams them, shows progress, listens for Ctrl-C.
struct ReplyMaker {
  let model: LocalModel
  let machine: Machine
  let context: ContextSettings
  var settings: GenerationSettings
  let printer: ReplyPrinter
  /// How prompts are written for the model.
  let format: PromptFormat
  /// The context that prompts continue, if there is one.
  var file: ContextFile?
  /// How many ranks share the context, if it is shared.
  var ranks: Int?

  /// Continues a text.
  ///
  /// - Returns: whether it ended by itself rather than by Ctrl-C.
  @discardableResult
  func continueText(_ text: String) async throws -> Bool {
    let tokenizer = model.engine.tokenizer
    // Behind a context stands no token that begins a text.
    let typed = tokenizer.encode(text, addingSpecial: file == nil)
    let ids = (file?.tokens ?? []) + typed
    let session = TextSession(engine: model.engine, settings: context, file: file)
    return try await show(prompt: typed) { progress in
      session.stream(ids: ids, settings: settings, progress: progress)
    }
  }

  /// Asks a question in a conversation.
  ///
  /// - Returns: whether the answer ended by itself rather than by Ctrl-C.
  @discardableResult
  func ask(_ question: String, in chat: ChatSession) async throws -> Bool {
    try await show(prompt: []) { progress in
      chat.streamResponse(to: question, settings: settings, progress: progress)
    }
  }

  /// Shows a reply, behind its prompt, from its first token on.
  private func show(
    prompt: [Int], _ begin: (@escaping @Sendable (PrefillProgress) -> Void) -> ReplyStream
  ) async throws -> Bool {
    let progress = ProgressLine("reading the prompt")
    defer { progress.finish() }
    let reply = begin { progress.update($0.fraction) }
    let interrupt = Interrupt { reply.cancel() }
    defer { interrupt.end() }
    var hasBegun = false
    var text = prompt
    for try await fragment in reply {
      text.append(fragment.tokenID)
      if !hasBegun {
        progress.finish()
        try printer.begin(prompt: prompt, tokenizer: model.engine.tokenizer)
        hasBegun = true
      }
      try printer.show(fragment)
    }
    progress.finish()
    let statistics = try await reply.statistics
    try model.memory?.append(text)
    try printer.end(
      ReplySummary(
        statistics: statistics, settings: settings, machine: machine, model: model.description,
        context: context, promptFormat: format,
        ranks: ranks))
    return statistics.finishReason != .cancelled
  }
}
