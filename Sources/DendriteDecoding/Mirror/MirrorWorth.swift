// SPDX-License-Identifier: Apache-2.0

/// Decides whether preparing for outcomes pays, by trying both ways.
///
/// Rounds come in epochs; each way has its turn, then the faster one goes on, and the other is tried again now and
/// then. Below break-even (hits too few, the exit too dear, cores taken from the target) branches are given up.
///
/// - Source: the break-even of Mirror-SD's latency law with its missing terms, measured instead of computed.
package struct MirrorWorth: Sendable {
  /// Rounds in an epoch, and epochs between trials of the slower way.
  package static let epoch = 16
  private static let patience = 12

  /// Whether outcomes are prepared for.
  package private(set) var isOn: Bool
  private let decides: Bool
  private var rounds = 0
  private var tokens = 0
  private var seconds = 0.0
  /// Tokens a second of each way when it was last tried; 0 before.
  private var rates: (on: Double, off: Double) = (0, 0)
  private var epochsLeft = 0

  /// Begins with one way; with `decides` false it stays.
  package init(isOn: Bool, decides: Bool) {
    self.isOn = isOn
    self.decides = decides && isOn
  }

  /// A round gave so many tokens in so many seconds.
  package mutating func observe(tokens: Int, seconds: Double) {
    guard decides, seconds > 0 else { return }
    rounds += 1
    self.tokens += tokens
    self.seconds += seconds
    guard rounds >= Self.epoch else { return }
    let rate = Double(self.tokens) / self.seconds
    if isOn { rates.on = rate } else { rates.off = rate }
    (rounds, self.tokens, self.seconds) = (0, 0, 0)
    epochsLeft -= 1
    if rates.on == 0 || rates.off == 0 {
      isOn.toggle()
    } else if epochsLeft <= 0 {
      isOn = rates.on >= rates.off ? false : true  // a trial of the slower way
      epochsLeft = Self.patience
    } else {
      isOn = rates.on >= rates.off
    }
  }
}
