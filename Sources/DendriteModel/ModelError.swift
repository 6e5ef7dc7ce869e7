// SPDX-License-Identifier: Apache-2.0

/// What went wrong in a model: what was found, what was expected, what to do.
public struct ModelError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure, for programs; the message is for people.
  public enum Code: Sendable, Hashable {
    /// The checkpoint lacks something, or holds it in a shape the family does not have.
    case badCheckpoint
    /// Weights or caches would not fit into the memory that is available.
    case notEnoughMemory
    /// A cache has no room for the rows of the pass.
    case contextFull
    /// A handle names a cache or a scratch node that no longer exists.
    case staleHandle
    /// A row asks for something that the model cannot give (a token id, a layer, a parent).
    case badRow
    /// A row that was read out holds NaN or infinity; the message names the layer.
    case notFinite
    /// A number of ranks that contexts cannot be cut for, or work that one rank cannot do alone.
    case badSharding
    /// Another rank of the group failed, stalled or left.
    case rankLost
    /// A saved context belongs to another model, cache type or numerics version, or is damaged.
    case badContext
  }

  /// What kind of failure it is.
  public let code: Code
  /// What was found and what was expected.
  public let message: String
  /// What the reader can do about it.
  public let remedy: String
  /// The failure underneath, if there was one.
  public let cause: (any Error)?

  /// An error with what was found and expected, and what to do.
  public init(_ code: Code, _ message: String, remedy: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.cause = cause
  }

  /// The message, the remedy, and the cause if there is one.
  public var description: String {
    var text = "model: \(message)\n  try: \(remedy)"
    if let cause { text += "\n  because: \(cause)" }
    return text
  }
}
