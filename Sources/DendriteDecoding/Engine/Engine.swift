// SPDX-License-Identifier: Apache-2.0
public import DendriteModel
public import DendriteTokenizer

/// A model, its tokenizer, and the thread that alone calls the model.
///
/// Sessions are actors on the engine's thread: their steps take turns, one token each, and nothing
/// of a forward pass runs on Swift's shared pool. The thread ends with the engine's last reference.
public actor Engine {
  /// What the model is.
  public nonisolated let description: ModelDescription
  /// The model's vocabulary.
  public nonisolated let tokenizer: Tokenizer
  /// The kernels that run, for statistics.
  public nonisolated let kernelVariant: String
  /// The model; only jobs of the engine's thread may call it.
  package nonisolated let model: any CausalModel

  /// Makes a session's own drafter, if the engine was given one.
  package nonisolated let makeDrafter: (@Sendable () throws(DecodingError) -> any Drafter)?

  private nonisolated let thread: EngineThread

  /// Jobs of the engine and of its sessions run on the engine's thread.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    thread.asUnownedSerialExecutor()
  }

  /// A model with everything that belongs to it.
  public struct Parts: Sendable {
    /// The model.
    public var model: any CausalModel
    /// Its tokenizer.
    public var tokenizer: Tokenizer
    /// The kernels that the model runs, for statistics.
    public var kernelVariant: String
    /// Makes a drafter for each session; `nil` if guesses come from the text alone.
    public var makeDrafter: (@Sendable () throws(DecodingError) -> any Drafter)?

    /// Puts a model and its tokenizer together.
    public init(
      model: any CausalModel, tokenizer: Tokenizer, kernelVariant: String = "",
      makeDrafter: (@Sendable () throws(DecodingError) -> any Drafter)? = nil
    ) {
      self.model = model
      self.tokenizer = tokenizer
      self.kernelVariant = kernelVariant
      self.makeDrafter = makeDrafter
    }
  }

  /// Starts an engine for a model that is loaded already.
  ///
  /// - Throws: `vocabularyMismatch` if the tokenizer has tokens that the model does not know;
  ///   `noThread`.
  public init(_ parts: Parts) throws(DecodingError) {
    try self.init(parts, on: EngineThread.start())
  }

  /// Loads a model on the engine's thread, which keeps the caller's free, and starts an engine.
  ///
  /// - Throws: what `load` throws; `vocabularyMismatch`, `noThread`.
  public static func loading(_ load: @escaping @Sendable () throws -> Parts) async throws -> Engine
  {
    let thread = try EngineThread.start()
    let parts: Parts
    do {
      parts = try await thread.run(load)
    } catch {
      thread.stop()
      throw error
    }
    return try Engine(parts, on: thread)
  }

  private init(_ parts: Parts, on thread: EngineThread) throws(DecodingError) {
    description = parts.model.description
    tokenizer = parts.tokenizer
    kernelVariant = parts.kernelVariant
    model = parts.model
    makeDrafter = parts.makeDrafter
    self.thread = thread
    let expected = description.vocabularySize
    guard tokenizer.vocabularySize <= expected else {
      thread.stop()
      throw DecodingError(
        .vocabularyMismatch,
        "the tokenizer has \(tokenizer.vocabularySize) tokens, expected at most the model's "
          + "\(expected)",
        remedy: "take tokenizer and weights from the same file")
    }
  }

  deinit { thread.stop() }

  /// Runs synchronous work with the model on the engine's thread; sessions wait meanwhile.
  ///
  /// For tools that drive the model themselves, such as benchmarks.
  public func withModel<Result: Sendable>(
    _ body: @Sendable (any CausalModel) throws -> Result
  ) rethrows -> Result {
    try body(model)
  }

  /// Gives a session's cache back.
  func release(_ cache: CacheHandle) {
    model.release(cache)
  }
}
