// SPDX-License-Identifier: Apache-2.0
internal import DendriteTokenizer
public import DendriteModel
internal import Synchronization

/// One thread of text on an engine: prompts go in, replies come out, the cache stays.
///
/// A prompt that begins like the last one and its reply is only read from where it differs. Replies
/// of one session are made one after another, in the order of their requests; sessions of one engine
/// take turns token by token. For conversations with roles use `ChatSession`.
public actor TextSession {
  /// What a reply was, for whoever keeps a transcript.
  package struct Outcome: Sendable {
    package var prompt: [Int]
    /// The reply's ids, a token that ended it included.
    package var reply: [Int]
    package var text: String
    package var finishReason: FinishReason
  }

  /// The engine whose thread this session runs on.
  public nonisolated let engine: Engine
  /// How much the session remembers.
  public nonisolated let settings: ContextSettings

  /// Made with the first reply, on the engine's thread.
  private var context: DecodingContext?
  /// Who guessed in the last reply, and for which setting: they remember the text as the cache does.
  private var kept: (speculation: Speculation, drafters: [any Drafter])?
  /// The last reply that was asked for; the next one waits for it.
  private nonisolated let lastReply = Mutex<Task<GenerationStatistics, any Error>?>(nil)

  /// Jobs of the session run on the engine's thread, so they may call the model.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { engine.unownedExecutor }

  /// The context that the session begins with, if it does; prompts that begin with its tokens are read from behind them.
  public nonisolated let file: ContextFile?

  /// Opens a session; memory is reserved with the first reply.
  public init(
    engine: Engine, settings: ContextSettings = ContextSettings(), file: ContextFile? = nil
  ) {
    self.engine = engine
    self.settings = settings
    self.file = file
  }

  /// Continues a text.
  ///
  /// - Parameters:
  ///   - prompt: The text; characters that spell control tokens are text.
  ///   - settings: How the reply is made.
  ///   - progress: Called on the engine's thread after each chunk of the prompt but the last.
  /// - Returns: the reply; its errors come when it is read.
  public nonisolated func stream(
    _ prompt: String, settings: GenerationSettings = GenerationSettings(),
    progress: (@Sendable (PrefillProgress) -> Void)? = nil
  ) -> ReplyStream {
    let tokenizer = engine.tokenizer
    return stream(settings: settings, progress: progress) { tokenizer.encode(prompt) }
  }

  /// Continues a sequence of tokens.
  public nonisolated func stream(
    ids prompt: [Int], settings: GenerationSettings = GenerationSettings(),
    progress: (@Sendable (PrefillProgress) -> Void)? = nil
  ) -> ReplyStream {
    stream(settings: settings, progress: progress) { prompt }
  }

  /// Continues a prompt that is known only when the replies before it have ended.
  ///
  /// - Parameters:
  ///   - settings: How the reply is made.
  ///   - progress: Called after each chunk of the prompt but the last.
  ///   - completion: Called when the reply has ended, unless by an error.
  ///   - prompt: Makes the prompt's ids.
  /// - Returns: the reply.
  package nonisolated func stream(
    settings: GenerationSettings, progress: (@Sendable (PrefillProgress) -> Void)?,
    completion: @escaping @Sendable (Outcome) async -> Void = { _ in },
    prompt: @escaping @Sendable () async throws -> [Int]
  ) -> ReplyStream {
    let (fragments, continuation) = AsyncThrowingStream.makeStream(
      of: Fragment.self, throwing: (any Error).self)
    let producer = lastReply.withLock { last in
      let previous = last
      let producer = Task {
        _ = await previous?.result
        do {
          let statistics = try await generate(
            prompt(), settings, into: continuation, progress, completion)
          continuation.finish()
          return statistics
        } catch {
          continuation.finish(throwing: error)
          throw error
        }
      }
      last = producer
      return producer
    }
    // Called when the listener is cancelled or the stream goes unread.
    continuation.onTermination = { reason in
      if case .cancelled = reason { producer.cancel() }
    }
    return ReplyStream(fragments: fragments, producer: producer)
  }

  /// Makes a reply, giving the thread away between steps.
  private func generate(
    _ prompt: [Int], _ settings: GenerationSettings,
    into continuation: AsyncThrowingStream<Fragment, any Error>.Continuation,
    _ progress: (@Sendable (PrefillProgress) -> Void)?,
    _ completion: @Sendable (Outcome) async -> Void
  ) async throws -> GenerationStatistics {
    var loop = try GenerationLoop(
      prompt: prompt, in: context(for: prompt, settings), tokenizer: engine.tokenizer,
      settings: settings, kernelVariant: engine.kernelVariant,
      drafters: try drafters(for: settings.speculation))
    var text = ""
    while !Task.isCancelled, let step = try loop.step() {
      switch step {
      case .prefill(let state):
        progress?(state)
      case .fragment(let fragment):
        text += fragment.text
        continuation.yield(fragment)
      }
      await Task.yield()
    }
    kept = (settings.speculation, loop.drafters)
    text += loop.cancel()
    if settings.timesPlainPass, settings.speculation != .none, loop.statistics.decodePasses > 0 {
      loop.timePlainPass()
    }
    let outcome = Outcome(
      prompt: prompt, reply: loop.generatedIDs, text: text,
      finishReason: loop.finishReason ?? .cancelled)
    await completion(outcome)
    return loop.statistics
  }

  /// Who guesses; empty if the setting says it all.
  private func drafters(
    for speculation: Speculation
  ) throws(DecodingError) -> [any Drafter] {
    if let kept, kept.speculation == speculation, !kept.drafters.isEmpty { return kept.drafters }
    switch speculation {
    case .none, .promptLookup, .suffixes: return []
    case .drafter, .automatic:
      guard let own = try engine.makeDrafter?() else { return [] }
      return speculation.makeDrafters() + [own]
    }
  }

  /// The session's context, made when it is first needed and the prompt would fit.
  private func context(
    for prompt: [Int], _ settings: GenerationSettings
  ) throws(DecodingError) -> DecodingContext {
    if let context { return context }
    let capacity =
      if let file {
        try self.settings.capacity(for: engine.description, beginningWith: file)
      } else {
        try self.settings.capacity(for: engine.description)
      }
    try GenerationLoop.check(
      prompt, settings, capacity: capacity, vocabularySize: engine.description.vocabularySize)
    let release: @Sendable (CacheHandle) -> Void = { [engine] cache in
      Task { await engine.release(cache) }
    }
    let made =
      if let file {
        try DecodingContext(
          model: engine.model, settings: self.settings, file: file, release: release)
      } else {
        try DecodingContext(model: engine.model, settings: self.settings, release: release)
      }
    context = made
    return made
  }
}
