// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import Synchronization

/// An operation in which every thread of a pool takes part, and none leaves before all have come.
///
/// Empty parts alone do not show what it costs to wake the others: one thread takes them all before
/// anybody else has looked.
final class Meeting: Sendable {
  private let threads: Int
  private let arrivals = Atomic<Int>(0)

  init(threads: Int) { self.threads = threads }

  private struct Call {
    let meeting: Unmanaged<Meeting>
    /// Arrivals when everybody is there.
    let expected: Int
  }

  /// Calls all threads together and waits until each has come and gone.
  ///
  /// On fewer cores than threads somebody may leave early, so that it ends.
  func hold(on machine: Machine) {
    let call = Call(
      meeting: .passUnretained(self), expected: arrivals.load(ordering: .relaxed) + threads)
    machine.run(parts: threads, call) { context, _ in
      let call = context.load(as: Call.self)
      call.meeting._withUnsafeGuaranteedRef { meeting in
        meeting.arrivals.add(1, ordering: .acquiringAndReleasing)
        var patience = 1 << 20
        while meeting.arrivals.load(ordering: .acquiring) < call.expected, patience > 0 {
          patience -= 1
        }
      }
    }
  }
}
