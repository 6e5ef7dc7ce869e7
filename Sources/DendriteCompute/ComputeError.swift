// SPDX-License-Identifier: Apache-2.0

/// What the machine could not do: what was found, what was expected, what to do.
public struct ComputeError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure, for programs; the message is for people.
  public enum Code: Sendable, Hashable {
    /// A buffer would not fit into the memory that is available.
    case notEnoughMemory
    /// This CPU cannot run the kernels that were asked for, or there are none of that name.
    case unknownVariant
    /// A weight holds NaN or infinity.
    case notFinite
    /// A tensor type that no kernel multiplies.
    case unsupportedType
    /// The number of threads or parts is out of range.
    case badMachine
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

  /// The message and the remedy.
  public var description: String { "compute: \(message)\n  try: \(remedy)" }
}
