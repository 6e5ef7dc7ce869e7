// SPDX-License-Identifier: Apache-2.0

/// Decides how many guesses a pass should check, from what passes cost here and how often guesses are right.
///
/// With a_i the chance that guess i is right if those before it were, n guesses give
///
///     E(n) = 1 + a_1 + a_1·a_2 + … + a_1·…·a_n     tokens a pass,
///
/// and the pass takes c(n + 1), the time of so many rows. The policy takes the n with the largest E(n) / c(n + 1);
/// n = 0 is plain decoding. Both are measured as the text goes on, and what is old counts less. Costs of
/// widths that were not tried yet are read off the line between those that were. Costs are flat as long as memory
/// bounds a pass and steep from there on, so a line from one to many rows would hide the best width: a pass is at
/// most twice as wide as the widest one before.
///
/// It depends on clocks, so it decides speeds only: the text is the same with any answer.
///
/// - Complexity: O(longest draft) a decision, no allocation.
/// - Source: the goodput of Leviathan et al. 2023 (arXiv:2211.17192), §3.4, with measured costs.
package struct DraftLengthPolicy: Sendable {
  /// What a row more is thought to cost, in passes of one row, before wider passes were seen.
  static let hopefulRowCost = 0.04
  /// How much a new time counts.
  private static let costWeight = 0.25
  /// How much is left of what was counted when another draft is.
  private static let memory = 0.92
  /// Guesses right, of guesses made, before anything was seen.
  private static let prior = (right: 0.25, made: 0.5)

  /// Seconds of a pass of `index + 1` rows; 0 until one was seen.
  private var seconds: [Double]
  /// Guesses at each place of a draft that were reached, and those that were right.
  private var reached: [Double]
  private var right: [Double]

  /// A policy for drafts of at most `longest` guesses.
  package init(longest: Int = Speculation.longestDraft) {
    seconds = [Double](repeating: 0, count: longest + 1)
    reached = [Double](repeating: 0, count: longest)
    right = [Double](repeating: 0, count: longest)
  }

  /// A pass of so many rows took so long.
  package mutating func observe(rows: Int, seconds time: Double) {
    guard rows >= 1, rows <= seconds.count, time > 0 else { return }
    let known = seconds[rows - 1]
    // A pass that something interrupted says nothing of its cost.
    if known > 0 {
      seconds[rows - 1] = known + Self.costWeight * (min(time, 2 * known) - known)
    } else {
      seconds[rows - 1] = seconds[0] > 0 ? min(time, 3 * cost(rows: rows)) : time
    }
  }

  /// Of a draft of `proposed` guesses the first `accepted` were right, and the next, if there was one, was not.
  package mutating func observe(accepted: Int, of proposed: Int) {
    for place in 0..<min(accepted + 1, proposed, reached.count) {
      reached[place] = reached[place] * Self.memory + 1
      right[place] = right[place] * Self.memory + (place < accepted ? 1 : 0)
    }
  }

  /// How many guesses to check, `limit` at most.
  package func draftLength(atMost limit: Int) -> Int {
    let one = seconds[0]
    guard limit > 0, one > 0 else { return 0 }
    var best = (length: 0, rate: 1 / one)
    var tokens = 1.0
    var chance = 1.0
    let widest = (seconds.lastIndex { $0 > 0 } ?? 0) + 1
    for length in 1...min(limit, reached.count, 2 * widest - 1) {
      chance *= self.chance(length - 1)
      tokens += chance
      let rate = tokens / cost(rows: length + 1)
      if rate > best.rate { best = (length, rate) }
    }
    return best.length
  }

  /// The chance that the guess at a place is right if it is reached: what was seen there, and before that what was
  /// seen at the place before.
  private func chance(_ place: Int) -> Double {
    var expected = Self.prior.right / Self.prior.made
    for earlier in 0...place {
      expected =
        (right[earlier] + expected * Self.prior.made) / (reached[earlier] + Self.prior.made)
    }
    return expected
  }

  /// Seconds of a pass, seen or read off its neighbours.
  package func cost(rows: Int) -> Double {
    let index = rows - 1
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
