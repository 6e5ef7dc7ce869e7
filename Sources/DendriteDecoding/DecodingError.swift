// SPDX-License-Identifier: Apache-2.0
package import DendriteModel

/// What went wrong between logits and text: what was found, what was expected, what to do.
///
/// Messages hold numbers and the names of settings; never a prompt, never a completion.
public struct DecodingError: Error, Sendable {
  /// The kind of failure, for callers that act on it; more kinds may follow.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The code's name, as in `promptTooLong`.
    public let description: String

    private init(_ name: String) { description = name }

    /// A sampler, generation or context setting is outside its range.
    public static let badSetting = Code("badSetting")
    /// The prompt has no tokens, so there is nothing to continue.
    public static let emptyPrompt = Code("emptyPrompt")
    /// The prompt has more tokens than the context holds.
    public static let promptTooLong = Code("promptTooLong")
    /// A prompt holds an id that the vocabulary does not have.
    public static let badToken = Code("badToken")
    /// Tokenizer and model, or a memory and a model, disagree about the vocabulary.
    public static let vocabularyMismatch = Code("vocabularyMismatch")
    /// A memory of earlier sessions is no such file, or is damaged, or of another version.
    public static let badMemory = Code("badMemory")
    /// A memory of earlier sessions cannot be created, read, written or locked.
    public static let memoryUnavailable = Code("memoryUnavailable")
    /// The system has no thread left for the model.
    public static let noThread = Code("noThread")
    /// The model failed; `cause` is its own error.
    public static let model = Code("model")
    /// A drafter elsewhere cannot be reached, or does not answer as one does.
    public static let link = Code("link")
    /// A drafter works for somebody else already.
    public static let drafterInUse = Code("drafterInUse")
  }

  /// The kind of failure.
  public let code: Code
  /// What was found and what was expected.
  public let message: String
  /// What to do about it.
  public let remedy: String
  /// The error underneath, if there was one.
  public let cause: (any Error)?

  /// Makes an error; the message says what was found and what was expected.
  package init(_ code: Code, _ message: String, remedy: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.cause = cause
  }

  /// Passes a failure of the model on; its words already say what to do.
  package init(_ error: ModelError) {
    self.init(.model, error.message, remedy: error.remedy, cause: error)
  }
}

extension DecodingError: CustomStringConvertible {
  /// The message and the remedy, each on lines of their own.
  public var description: String { "decoding: \(message)\n  try: \(remedy)" }
}
