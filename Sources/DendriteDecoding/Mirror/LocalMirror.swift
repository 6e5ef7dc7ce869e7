// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel
internal import Synchronization

/// A drafter on a thread of its own.
package final class LocalMirror: MirrorLink {
  private let orders = Mailbox<MirrorOrder>()
  private let answers = Mailbox<MirrorAnswer>()
  private let broken = FailureNote()
  /// The drafter's vocabulary.
  package let vocabularySize: Int

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - model: the drafter; nobody else may call it while the mirror lives.
  ///   - length: guesses in a window, and in a branch.
  ///   - branchRows: rows of the drafter's cache for branches.
  /// - Throws: `drafterInUse`.
  package init(
    model: DrafterModel, length: Int, branchRows: Int = 512
  ) throws(DecodingError) {
    let claim = try model.claim(.alone)
    vocabularySize = model.model.description.vocabularySize
    let (orders, answers, broken) = (orders, answers, broken)
    let limits = MirrorWorker.Limits(branchRows: branchRows, length: length)
    let thread = NativeThread.start {
      detachThread()
      MirrorWorker(model: model, limits: limits) { answers.send($0) }.run(orders)
      broken.set("the drafter's thread has ended")
      claim.giveBack()
      answers.close()
    }
    if thread == nil {
      broken.set("the system gave no thread for the drafter")
      claim.giveBack()
      answers.close()
    }
  }

  deinit { orders.close() }

  /// Hands an order to the thread.
  package func send(_ order: MirrorOrder) { orders.send(order) }

  /// The thread's next answer.
  package func receive(atMost seconds: Double) -> MirrorAnswer? {
    answers.receive(atMost: seconds)
  }

  /// Why the thread works no more.
  package var failure: String? { broken.text }

  /// Ends the drafter's thread and waits until it has let the drafter go.
  package func finish() {
    orders.close()
    answers.waitUntilClosed()
  }

  /// Ends the drafter's thread, as a crash would; for tests.
  package func kill() { orders.close() }
}

/// The first reason why something broke.
final class FailureNote: Sendable {
  private let note = Mutex<String?>(nil)

  var text: String? { note.withLock { $0 } }

  func set(_ reason: String) { note.withLock { $0 = $0 ?? reason } }
}
