// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

/// Reads a text once and keeps it in a file, to be continued by any process.
///
/// ```swift
/// let builder = ContextBuilder(engine: model.engine)
/// try await builder.build(ids: model.engine.tokenizer.encode(handbook), to: "handbook.ctx")
/// ```
public actor ContextBuilder {
  /// The engine whose thread reads.
  public nonisolated let engine: Engine

  /// Jobs of the builder run on the engine's thread, so they may call the model.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { engine.unownedExecutor }

  /// A builder for an engine's model.
  public init(engine: Engine) { self.engine = engine }

  /// Reads tokens and writes them with their keys and values.
  ///
  /// - Parameters:
  ///   - ids: the tokens, with the one that begins a text if the model wants it.
  ///   - cacheType: how keys and values are stored.
  ///   - path: the file; it appears, or replaces what was there, when it is complete.
  ///   - progress: called after each chunk.
  /// - Throws: `emptyPrompt`, `promptTooLong`, `badToken`, `model`; `CancellationError`. Then there is no file.
  public func build(
    ids: [Int], cacheType: CacheType = .f16, to path: String,
    progress: (@Sendable (PrefillProgress) -> Void)? = nil
  ) async throws {
    guard !ids.isEmpty else {
      throw DecodingError(
        .emptyPrompt, "the text has no tokens, expected at least one",
        remedy: "name a file that holds a text")
    }
    let limit = engine.description.contextLength
    guard ids.count < limit else {
      throw DecodingError(
        .promptTooLong,
        "the text has \(ids.count) tokens, expected less than \(limit), for which the model was trained",
        remedy: "take a part of it, or a model with a longer context")
    }
    if let bad = ids.first(where: { !(0..<engine.description.vocabularySize).contains($0) }) {
      throw DecodingError(
        .badToken, "token \(bad), expected 0 to \(engine.description.vocabularySize - 1)",
        remedy: "encode the text with this model's own vocabulary")
    }
    let context = try DecodingContext(
      model: engine.model, settings: ContextSettings(capacity: ids.count + 1, cacheType: cacheType))
    var known = 0
    while known < ids.count {
      let end = min(ids.count, known + 512)
      _ = try context.feed(ids[known..<end], wantsLogits: false)
      known = end
      progress?(PrefillProgress(completedTokens: known, totalTokens: ids.count))
      try Task.checkCancellation()
      await Task.yield()
    }
    try context.write(to: path)
  }
}
