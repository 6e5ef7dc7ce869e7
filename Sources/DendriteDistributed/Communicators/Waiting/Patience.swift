// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// How a rank waits for another: it looks again at once, then lets other threads run, then sleeps, up to a deadline.
///
/// A rank that is stopped and continued as a whole (a debugger, a job that is put to sleep) gets the time back: only time
/// during which it could look counts.
package struct Patience {
  /// What `rest` did.
  package enum Step { case looked, gaveWay, slept, isOver }

  private let isCrowded: Bool
  private var began: UInt64
  private var limit: UInt64
  private var last: UInt64
  private var turns = 0
  private var nap: UInt64

  /// Nanoseconds of looking without a rest: about as long as the ranks of one machine are apart when they compute alike.
  private static let spinning: UInt64 = 50_000
  /// Nanoseconds of giving way before the first sleep.
  private static let yielding: UInt64 = 5_000_000
  private static let crowdedYielding: UInt64 = 200_000
  private static let naps: (first: UInt64, longest: UInt64) = (20_000, 500_000)
  /// Nanoseconds from which on this rank waits for work rather than for an exchange, and may sleep longer.
  private static let idling: UInt64 = 1_000_000_000
  private static let longestIdleNap: UInt64 = 2_000_000
  /// A gap between two looks from which on this rank was not running.
  private static let gap: UInt64 = 1_000_000_000

  /// Begins to wait.
  ///
  /// - Parameters:
  ///   - seconds: how long at most.
  ///   - isCrowded: whether ranks outnumber cores: then nobody spins.
  package init(seconds: Double, isCrowded: Bool) {
    self.isCrowded = isCrowded
    began = Clock.nanoseconds()
    last = began
    limit = began &+ UInt64(max(0, min(seconds, 1e9)) * 1e9)
    nap = Patience.naps.first
  }

  /// Passes a moment.
  package mutating func rest() -> Step {
    turns += 1
    // The clock is read on every eighth look only.
    if !isCrowded, turns & 7 != 0, last &- began < Patience.spinning {
      Clock.pause()
      return .looked
    }
    let now = Clock.nanoseconds()
    if now &- last > Patience.gap {
      began = now
      limit &+= now &- last
    }
    last = now
    if now >= limit { return .isOver }
    let waited = now &- began
    if !isCrowded, waited < Patience.spinning { return .looked }
    if waited < (isCrowded ? Patience.crowdedYielding : Patience.yielding) {
      Clock.giveWay()
      return .gaveWay
    }
    Clock.sleep(nanoseconds: min(nap, limit &- now))
    nap = min(
      nap * 2, waited < Patience.idling ? Patience.naps.longest : Patience.longestIdleNap)
    return .slept
  }
}
