// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Glibc
#endif

/// A thread that runs the jobs of actors, one after another.
///
/// A forward pass keeps a core busy for a long time; on Swift's shared pool it would keep other
/// tasks from running, so passes run here. Jobs run in the order in which they are enqueued. The
/// thread waits without using a core while there are none, and ends after `stop()`.
///
/// `@unchecked Sendable`: `waiting` and `isStopping` are touched only inside `gate`'s closures,
/// which run under its lock.
final class EngineThread: SerialExecutor, @unchecked Sendable {
  private enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private let gate = Gate()
  private var waiting: [Work] = []
  private var isStopping = false

  /// Starts a thread, which keeps its executor alive until it ends.
  ///
  /// - Throws: `noThread`.
  static func start() throws(DecodingError) -> EngineThread {
    let executor = EngineThread()
    let thread = NativeThread.start {
      pthread_detach(pthread_self())  // nobody waits for its end
      executor.runUntilStopped()
    }
    guard thread != nil else {
      throw DecodingError(
        .noThread, "the system gave no thread, expected one for the model",
        remedy: "end other programs, or raise the limit on threads (ulimit -u)")
    }
    return executor
  }

  private init() {}

  /// Runs a closure on the thread and returns what it returns.
  func run<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      enqueue(.closure { continuation.resume(with: Swift.Result { try body() }) })
    }
  }

  /// Lets the thread end when it has run what is waiting.
  func stop() {
    gate.signal { isStopping = true }
  }

  // MARK: SerialExecutor

  func enqueue(_ job: consuming ExecutorJob) {
    enqueue(.job(UnownedJob(job)))
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  // MARK: The thread

  private func enqueue(_ work: Work) {
    gate.signal { waiting.append(work) }
  }

  private func runUntilStopped() {
    let executor = asUnownedSerialExecutor()
    // The two arrays change places, so that a queue in use allocates nothing.
    var batch: [Work] = []
    while true {
      gate.wait {
        guard !waiting.isEmpty || isStopping else { return false }
        swap(&batch, &waiting)
        return true
      }
      if batch.isEmpty { return }
      for work in batch {
        switch work {
        case .job(let job): job.runSynchronously(on: executor)
        case .closure(let body): body()
        }
      }
      batch.removeAll(keepingCapacity: true)
    }
  }
}
