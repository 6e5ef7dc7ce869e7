// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import Synchronization

/// Runs a function on a thread for each rank and waits for all of them.
func onEveryRank<Value: Sendable>(
  of group: InProcessGroup, _ body: @escaping @Sendable (any Communicator) throws -> Value
) -> [Result<Value, any Error>] {
  let results = Results<Value>(count: group.communicators.count)
  let threads = group.communicators.compactMap { communicator in
    NativeThread.start {
      let result = Result { try body(communicator) }
      results.values.withLock { $0[communicator.rank] = result }
    }
  }
  for thread in threads { thread.join() }
  return results.values.withLock { $0.map { $0 ?? .failure(NoResult()) } }
}

/// A rank that could not be started.
struct NoResult: Error {}

private final class Results<Value: Sendable>: Sendable {
  let values: Mutex<[Result<Value, any Error>?]>

  init(count: Int) { values = Mutex(Array(repeating: nil, count: count)) }
}
