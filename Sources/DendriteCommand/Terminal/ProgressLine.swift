// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// One line on the terminal that says how far something slow has come, and goes when it is done.
///
/// Appears only on a terminal and only after a second, so that what is quick stays silent.
final class ProgressLine: Sendable {
  private struct State {
    var isVisible = false
    var isDone = false
    var lastPercent = -1
  }

  private let label: String
  private let isEnabled: Bool
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  /// - Parameter label: what is going on, such as `loading`.
  init(_ label: String) {
    self.label = label
    isEnabled = StandardStream.error.isTerminal
    // The first news may be long in coming.
    if isEnabled {
      Task { [weak self] in
        try await Task.sleep(for: ProgressLine.patience)
        self?.update(0)
      }
    }
  }

  /// How long something may take in silence.
  private static let patience = Duration.seconds(1)

  /// Shows a share from 0 to 1; may be called from any thread.
  func update(_ fraction: Double) {
    guard isEnabled, ContinuousClock.now - start >= ProgressLine.patience else { return }
    let percent = Int(min(max(fraction, 0), 1) * 100)
    state.withLock { state in
      guard !state.isDone, percent > state.lastPercent else { return }
      state.isVisible = true
      state.lastPercent = percent
      try? StandardStream.error.write("\r\(label) \(percent) %\u{1B}[K")
    }
  }

  /// Removes the line; later updates show nothing.
  func finish() {
    state.withLock { state in
      if state.isVisible { try? StandardStream.error.write("\r\u{1B}[K") }
      state.isVisible = false
      state.isDone = true
    }
  }
}
