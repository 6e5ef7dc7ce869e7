// SPDX-License-Identifier: Apache-2.0

/// Seconds of a pass by its number of rows, measured as passes go by; what is old counts less.
///
/// Widths that were not seen are read off the line between those that were. Costs are flat as long as memory bounds
/// a pass and steep from there on, so a line from one row to many would hide the best width: whoever chooses widths
/// should at most double the widest one seen.
package struct PassCosts: Sendable {
  /// What a row more is thought to cost, in passes of one row, before wider passes were seen.
  static let hopefulRowCost = 0.04
  /// How much a new time counts.
  private static let weight = 0.25

  /// Seconds of a pass of `index + 1` rows; 0 until one was seen.
  private var seconds: [Double]

  /// Costs of passes of at most so many rows.
  package init(rows: Int) { seconds = [Double](repeating: 0, count: rows) }

  /// The widest pass seen; 0 if there was none.
  package var widest: Int { (seconds.lastIndex { $0 > 0 } ?? -1) + 1 }

  /// Whether a pass of one row was seen.
  package var isKnown: Bool { seconds[0] > 0 }

  /// A pass of so many rows took so long.
  package mutating func observe(rows: Int, seconds time: Double) {
    guard rows >= 1, rows <= seconds.count, time > 0 else { return }
    let known = seconds[rows - 1]
    // A pass that something interrupted says nothing of its cost.
    if known > 0 {
      seconds[rows - 1] = known + Self.weight * (min(time, 2 * known) - known)
    } else {
      seconds[rows - 1] = isKnown ? min(time, 3 * cost(rows: rows)) : time
    }
  }

  /// Seconds of a pass, seen or read off its neighbours.
  package func cost(rows: Int) -> Double {
    let index = min(rows, seconds.count) - 1
    if seconds[index] > 0 { return seconds[index] }
    var below = index
    while below > 0, seconds[below] == 0 { below -= 1 }
    var above = index
    while above < seconds.count, seconds[above] == 0 { above += 1 }
    if above < seconds.count {
      let share = Double(index - below) / Double(above - below)
      return seconds[below] + share * (seconds[above] - seconds[below])
    }
    // Rows beyond the widest pass cost what the last ones did, or little if only one was seen.
    var before = below - 1
    while before >= 0, seconds[before] == 0 { before -= 1 }
    let slope =
      before >= 0
      ? (seconds[below] - seconds[before]) / Double(below - before)
      : seconds[below] * Self.hopefulRowCost
    return seconds[below] + max(0, slope) * Double(index - below)
  }
}
