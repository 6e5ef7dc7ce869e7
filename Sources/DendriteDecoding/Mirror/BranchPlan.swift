// SPDX-License-Identifier: Apache-2.0

/// Says how likely each outcome of a check is, so that the likely ones are prepared first.
///
/// The chance that the target accepts j guesses and then says token v is
///
///     P(A = j) · P(v | A = j),
///
/// the first from how often guesses are right by their place, the second from how often the token came at v's
/// rank among the guesses of its source, apart for rows where the draft goes on (the token is then known to
/// be another) and for the last one (where nothing is excluded). Both are learned from every verdict.
///
/// - Source: the hit rate of Mirror-SD (arXiv:2510.13161), §3, taken apart by rows; few guesses for rows that are
///   rarely the last, as in Saguaro (arXiv:2603.03251).
package struct BranchPlan: Sendable {
  /// Who suggested a token.
  package enum Source: Int, Sendable, CaseIterable {
    case drafter, exit
  }

  /// How much is left of what was counted when another outcome is.
  private static let memory = 0.98
  /// Ranks that are told apart.
  static let ranks = 16

  private var acceptance: AcceptanceTable
  /// By source, by whether the row is the last, by rank: how often the token was there.
  private var found: [Double]
  /// By source, by whether the row is the last: how often one was looked for.
  private var sought: [Double]

  /// Nothing is known yet.
  package init(longest: Int) {
    acceptance = AcceptanceTable(longest: max(1, longest))
    found = []
    sought = []
    for source in Source.allCases {
      for isLast in [false, true] {
        // Before anything is known: ranks are right ever more rarely, the exit a little more often.
        let first = isLast ? 0.5 : source == .exit ? 0.3 : 0.25
        sought.append(4)
        for rank in 0..<Self.ranks {
          var share = first
          for _ in 0..<rank { share *= 0.6 }
          found.append(4 * share)
        }
      }
    }
  }

  /// The chance that the path ends behind row j of a window of `length` guesses.
  package func chanceOfEnd(row: Int, length: Int) -> Double {
    var chance = 1.0
    for place in 0..<row { chance *= acceptance.chance(place) }
    return row < length ? chance * (1 - acceptance.chance(row)) : chance
  }

  /// The chance that the token at a rank is the one, if the path ends there.
  package func chance(rank: Int, of source: Source, isLast: Bool) -> Double {
    let table = source.rawValue * 2 + (isLast ? 1 : 0)
    return found[table * Self.ranks + min(rank, Self.ranks - 1)] / sought[table]
  }

  /// Learns where a path ended.
  package mutating func observe(accepted: Int, of length: Int) {
    acceptance.observe(accepted: accepted, of: length)
  }

  /// Learns at which rank the token was, `nil` if at none.
  package mutating func observe(rank: Int?, of source: Source, isLast: Bool) {
    let table = source.rawValue * 2 + (isLast ? 1 : 0)
    sought[table] = sought[table] * Self.memory + 1
    for index in 0..<Self.ranks { found[table * Self.ranks + index] *= Self.memory }
    if let rank, rank < Self.ranks { found[table * Self.ranks + rank] += 1 }
  }
}
