// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// The thread on which a pass with exit rows runs while its caller reads the exits.
///
/// Started by the first such pass.
final class PassThread: @unchecked Sendable {
  // Sendable: every property is read and written under the gate's lock.
  private let gate = Gate()
  private var job: (@Sendable () -> Void)?
  private var isBusy = false
  private var isStopping = false
  private var thread: NativeThread?

  func run(_ job: @escaping @Sendable () -> Void) {
    if thread == nil { thread = NativeThread.start { [self] in live() } }
    guard thread != nil else {
      job()  // no thread to be had: the exits become ready with the rest
      return
    }
    gate.signal {
      self.job = job
      isBusy = true
    }
  }

  func waitUntilIdle() {
    guard thread != nil else { return }
    gate.wait { !isBusy }
  }

  func stop() {
    guard let thread else { return }
    gate.signal { isStopping = true }
    thread.join()
  }

  private func live() {
    while true {
      var next: (@Sendable () -> Void)?
      gate.wait {
        next = job
        job = nil
        return next != nil || isStopping
      }
      guard let next else { return }
      next()
      gate.signal { isBusy = false }
    }
  }
}
