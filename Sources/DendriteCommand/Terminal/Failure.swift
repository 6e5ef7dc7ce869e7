// SPDX-License-Identifier: Apache-2.0
internal import Dendrite

/// What a person reads when a command fails: what was found, what was expected, what to do.
struct Failure: Error {
  /// What was found and what was expected; further lines are context.
  var message: String
  /// What to do about it; `nil` if nothing can be said.
  var remedy: String?
  /// The failure underneath, in words.
  var cause: String?
  var status: ExitStatus

  init(_ status: ExitStatus, _ message: String, remedy: String? = nil, cause: String? = nil) {
    self.status = status
    self.message = message
    self.remedy = remedy
    self.cause = cause
  }
}

extension Failure: CustomStringConvertible {
  /// `dendrite: …`, the cause and the remedy, each on lines of their own.
  var description: String {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    var text = "dendrite: " + lines.joined(separator: "\n          ")
    if let cause { text += "\n  because: \(cause)" }
    if let remedy { text += "\n  try: \(remedy)" }
    return text
  }
}

// MARK: - Failures of the command itself

extension Failure {
  /// The reader of the output went away: nothing to say, and nobody to say it to.
  static let outputClosed = Failure(.outputClosed, "")

  /// A generation, or the writing of a file, was interrupted.
  static let interrupted = Failure(.interrupted, "")

  static func outputFailed(_ number: Int32) -> Failure {
    Failure(
      .outputFailed, "standard output cannot be written",
      remedy: "free some space, or send the output elsewhere",
      cause: StandardStream.reason(number))
  }

  static func unreadable(_ name: String, _ number: Int32) -> Failure {
    Failure(
      .noInput, "\(name) cannot be read, expected a text file",
      remedy: "check the path and its permissions", cause: StandardStream.reason(number))
  }
}

// MARK: - Failures of the rooms below

extension Failure {
  /// Translates any error that reaches the top.
  init(_ error: any Error) {
    switch error {
    case let error as Failure: self = error
    case is CancellationError: self = .interrupted
    case let error as CheckpointError:
      self.init(
        Failure.status(of: error), error.message, remedy: error.remedy,
        cause: error.cause.map { "\($0)" })
    case let error as TokenizerError:
      self.init(.badData, error.message, remedy: error.remedy, cause: error.cause.map { "\($0)" })
    case let error as ModelError:
      self.init(Failure.status(of: error), error.message, remedy: error.remedy)
    case let error as ComputeError:
      self.init(Failure.status(of: error), error.message, remedy: error.remedy)
    case let error as DistributedError:
      self.init(Failure.status(of: error), error.message, remedy: error.remedy)
    case let error as DecodingError:
      self.init(Failure.status(of: error), error.message, remedy: Failure.remedy(for: error))
    default:
      self.init(
        .failure, "\(error)", remedy: "this is a failure that should not happen; please report it")
    }
  }

  private static func status(of error: CheckpointError) -> ExitStatus {
    switch error.code {
    case .unreadable: .noInput
    case .unwritable: .cannotCreate
    case .unsuitableTarget: .usage
    case .cancelled: .interrupted
    default: .badData
    }
  }

  private static func status(of error: ModelError) -> ExitStatus {
    switch error.code {
    case .badCheckpoint, .contextFull, .badContext, .notFinite: .badData
    case .notEnoughMemory: .outOfMemory
    case .badSharding: .usage
    case .staleHandle, .badRow, .rankLost: .failure
    }
  }

  private static func status(of error: DistributedError) -> ExitStatus {
    switch error.code {
    case .badGroup, .badSetting, .ranksDisagree: .usage
    case .model: (error.cause as? ModelError).map { status(of: $0) } ?? .failure
    default: .failure
    }
  }

  private static func status(of error: ComputeError) -> ExitStatus {
    switch error.code {
    case .notEnoughMemory: .outOfMemory
    case .unknownVariant, .badMachine: .usage
    default: .badData
    }
  }

  private static func status(of error: DecodingError) -> ExitStatus {
    switch error.code {
    case .badSetting: .usage
    case .model: (error.cause as? ModelError).map { status(of: $0) } ?? .failure
    default: .badData
    }
  }

  /// The remedy in terms of the command's options.
  private static func remedy(for error: DecodingError) -> String {
    switch error.code {
    case .promptTooLong: "shorten the prompt, or give the reply more room with --context"
    default: error.remedy
    }
  }
}
