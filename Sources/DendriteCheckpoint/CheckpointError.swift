// SPDX-License-Identifier: Apache-2.0

/// What was found in a checkpoint, what was expected, and what to do about it.
///
/// Every failure of this room that files can cause is one of these. The message names the place
/// (file, key or tensor), the value found and the value expected; the remedy is an instruction.
/// Neither holds text a person wrote: prompts and completions never reach this room.
public struct CheckpointError: Error, Sendable {
  /// The kind of failure, for callers that act on it; more kinds may follow.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// The code's name, as in `unreadable`.
    public let description: String

    private init(_ name: String) { description = name }

    /// The file cannot be opened, read or mapped.
    public static let unreadable = Code("unreadable")
    /// The file is of another format, byte order or version.
    public static let unsupportedFormat = Code("unsupportedFormat")
    /// The file ends before the data that its header promises.
    public static let truncated = Code("truncated")
    /// The header contradicts itself or the format.
    public static let malformed = Code("malformed")
    /// A tensor is stored in a type that this package does not read.
    public static let unsupportedTensorType = Code("unsupportedTensorType")
    /// A shard of a split file is missing or does not belong to the others.
    public static let incompleteSplit = Code("incompleteSplit")
    /// A metadata key that the model needs is missing.
    public static let missingKey = Code("missingKey")
    /// A metadata value has the wrong type or an impossible value.
    public static let invalidValue = Code("invalidValue")
    /// A tensor that the model needs is missing.
    public static let missingTensor = Code("missingTensor")
    /// A tensor's shape does not follow from the configuration.
    public static let wrongShape = Code("wrongShape")
    /// The architecture, or a feature of it, is not implemented here.
    public static let unsupportedModel = Code("unsupportedModel")
    /// The tokenizer's kind or pre-tokenizer is not implemented here.
    public static let unsupportedVocabulary = Code("unsupportedVocabulary")
    /// A model cannot be inflated to the shape or stored in the type that was asked for.
    public static let unsuitableTarget = Code("unsuitableTarget")
    /// What was to be written is not a valid file, or the file cannot be written.
    public static let unwritable = Code("unwritable")
    /// The task was cancelled while a file was being written.
    public static let cancelled = Code("cancelled")
  }

  /// The kind of failure.
  public let code: Code
  /// What was found and what was expected; further lines are context.
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
}

extension CheckpointError: CustomStringConvertible {
  /// The message, its context indented, the cause and the remedy, each on lines of their own.
  public var description: String {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    var text = "checkpoint: " + lines.joined(separator: "\n            ")
    if let cause { text += "\n  because: \(cause)" }
    return text + "\n  try: \(remedy)"
  }
}

/// A call of the operating system that failed.
public struct SystemCallError: Error, Sendable, CustomStringConvertible {
  /// The name of the call.
  public let call: String
  /// Its `errno`.
  public let number: Int32
  /// The operating system's words for `number`.
  public let reason: String

  /// Names the call and the system's reason, as in `open: No such file or directory (errno 2)`.
  public var description: String { "\(call): \(reason) (errno \(number))" }

  package init(call: String, number: Int32, reason: String) {
    self.call = call
    self.number = number
    self.reason = reason
  }
}

/// A name from a file, made fit for a message: quoted, control characters escaped, shortened.
func quoted(_ name: String) -> String {
  var text = "'"
  var count = 0
  for scalar in name.unicodeScalars {
    count += 1
    if count > 80 {
      text += "…"
      break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      text += "\\u{\(String(scalar.value, radix: 16))}"
    default:
      text.unicodeScalars.append(scalar)
    }
  }
  return text + "'"
}
