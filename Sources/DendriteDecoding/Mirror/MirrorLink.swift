// SPDX-License-Identifier: Apache-2.0

/// The way to a drafter that works while the target does: another thread, or another computer.
package protocol MirrorLink: AnyObject, Sendable {
  /// Sends an order; never waits. After the link is broken it does nothing.
  func send(_ order: MirrorOrder)

  /// The next answer, if it comes within so many seconds.
  func receive(atMost seconds: Double) -> MirrorAnswer?

  /// Why the link is broken; `nil` while it is not.
  var failure: String? { get }

  /// The drafter's vocabulary: ids from there on mean nothing to it.
  var vocabularySize: Int { get }
}
