// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

/// How a reply is made and where it ends.
public struct GenerationSettings: Sendable, Hashable {
  /// The longest reply, in tokens; `nil` goes on until the context is full.
  public var maximumTokens: Int?
  /// Texts that end the reply where they first appear; they are not part of it.
  public var stopStrings: [String]
  /// How each token is chosen.
  public var sampler: SamplerSettings
  /// Whether guesses are checked along with each token; the text does not depend on it.
  public var speculation: Speculation
  /// Whether to go on past tokens that end a text or a turn; for benchmarks.
  public var ignoresEndOfGeneration: Bool
  /// Whether the reply continues the text of the prompt, so that a leading space belongs to it.
  public var continuesText: Bool
  /// Whether a plain pass is timed behind a reply with guesses, so that its speed can be compared.
  public var timesPlainPass = false
  /// Notes what target and drafter do when.
  public var trace: TraceRecorder?
  /// Rows of the prompt per pass, 1 to 512.
  ///
  /// Cancellation and progress happen between passes; the text does not depend on it.
  public var prefillChunkSize: Int

  /// Settings for one reply.
  public init(
    maximumTokens: Int? = nil, stopStrings: [String] = [],
    sampler: SamplerSettings = SamplerSettings(), speculation: Speculation = .none,
    ignoresEndOfGeneration: Bool = false, continuesText: Bool = true, prefillChunkSize: Int = 512
  ) {
    self.maximumTokens = maximumTokens
    self.stopStrings = stopStrings
    self.sampler = sampler
    self.speculation = speculation
    self.ignoresEndOfGeneration = ignoresEndOfGeneration
    self.continuesText = continuesText
    self.prefillChunkSize = prefillChunkSize
  }

  /// Checks every setting against its range, the sampler's among them.
  ///
  /// - Throws: `badSetting`, naming the setting, what was found, what is allowed and what to do.
  public func validate(vocabularySize: Int) throws(DecodingError) {
    if let maximumTokens, maximumTokens < 1 {
      throw DecodingError(
        .badSetting, "maximumTokens is \(maximumTokens), expected at least 1",
        remedy: "leave it out (nil) to go on until the model or the context ends the reply")
    }
    if let index = stopStrings.firstIndex(where: \.isEmpty) {
      throw DecodingError(
        .badSetting, "stop string \(index + 1) of \(stopStrings.count) is empty, expected text",
        remedy: "leave it out; an empty text would end every reply at once")
    }
    guard (1...512).contains(prefillChunkSize) else {
      throw DecodingError(
        .badSetting, "prefillChunkSize is \(prefillChunkSize), expected from 1 to 512",
        remedy: "use 512; smaller chunks only make progress and cancellation finer")
    }
    try speculation.validate()
    try sampler.validate(vocabularySize: vocabularySize)
  }
}

/// How much a session remembers, and how it stores it.
public struct ContextSettings: Sendable, Hashable {
  /// Tokens of prompt and reply together; `nil` takes what the model was trained for, at most 4,096.
  public var capacity: Int?
  /// How keys and values are stored.
  public var cacheType: CacheType

  /// Settings for one session.
  public init(capacity: Int? = nil, cacheType: CacheType = .f16) {
    self.capacity = capacity
    self.cacheType = cacheType
  }

  /// The capacity for a model.
  ///
  /// - Throws: `badSetting` if it is not positive or longer than the model was trained for.
  public func capacity(for model: ModelDescription) throws(DecodingError) -> Int {
    guard let capacity else { return min(model.contextLength, 4_096) }
    guard capacity >= 1, capacity <= model.contextLength else {
      throw DecodingError(
        .badSetting,
        "the context is to hold \(capacity) tokens, expected from 1 to \(model.contextLength), "
          + "for which the model was trained",
        remedy: "choose a capacity in this range, or leave it out (nil)")
    }
    return capacity
  }

  /// The capacity for a model whose context begins with a file's: what was asked for, or 4,096 tokens more than the file
  /// holds, as far as the model was trained for them.
  ///
  /// - Throws: `badSetting` if no token would fit behind the file's.
  package func capacity(
    for model: ModelDescription, beginningWith file: ContextFile
  ) throws(DecodingError) -> Int {
    var whole = self
    whole.capacity = capacity ?? min(model.contextLength, file.tokens.count + 4_096)
    let capacity = try whole.capacity(for: model)
    guard capacity > file.tokens.count else {
      throw DecodingError(
        .badSetting,
        "the context is to hold \(capacity) tokens, expected more than the \(file.tokens.count) of '\(file.path)'",
        remedy: "leave the capacity out, or build a shorter context")
    }
    return capacity
  }
}
