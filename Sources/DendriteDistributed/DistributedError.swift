// SPDX-License-Identifier: Apache-2.0
package import DendriteModel

/// What went wrong between ranks: what was found, what was expected, what to do.
public struct DistributedError: Error, Sendable {
  /// The kind of failure, for callers that act on it; more kinds may follow.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The code's name, as in `rankStalled`.
    public let description: String

    private init(_ name: String) { description = name }

    /// A number of ranks that a context cannot be cut for, or a rank that is not among them.
    public static let badGroup = Code("badGroup")
    /// Ranks were started with different models, versions or options.
    public static let ranksDisagree = Code("ranksDisagree")
    /// A rank did not answer within the time that it may take.
    public static let rankStalled = Code("rankStalled")
    /// A rank ended, or said that it failed.
    public static let rankLost = Code("rankLost")
    /// A message is not one that this rank expects.
    public static let badMessage = Code("badMessage")
    /// The transport is not there, or refuses to work.
    public static let noTransport = Code("noTransport")
    /// A parameter of a plan, a link or a profile is outside its range.
    public static let badSetting = Code("badSetting")
    /// The model failed on a rank; `cause` is its own error.
    public static let model = Code("model")
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

extension DistributedError: CustomStringConvertible {
  /// The message and the remedy, each on lines of their own.
  public var description: String { "ranks: \(message)\n  try: \(remedy)" }
}
