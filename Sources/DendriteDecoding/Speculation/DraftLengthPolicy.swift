// SPDX-License-Identifier: Apache-2.0

/// Decides how many guesses a pass should check, from what passes and drafts cost here and how often guesses are
/// right.
///
/// With a_i the chance that guess i is right if those before it were, n guesses give
///
///     E(n) = 1 + a_1 + a_1·a_2 + … + a_1·…·a_n     tokens a pass,
///
/// the pass takes c(n + 1), the time of so many rows, and the guesses take n · d. The policy takes the n with the
/// largest E(n) / (c(n + 1) + n · d); n = 0 is plain decoding. All of it is measured as the text goes on, apart for
/// each source of guesses and each class of its confidence.
///
/// It depends on clocks, so it decides speeds only: the text is the same with any answer.
///
/// - Complexity: O(longest draft) a decision, no allocation.
/// - Source: the goodput of Leviathan et al. 2023 (arXiv:2211.17192), §3.4, with measured costs.
package struct DraftLengthPolicy: Sendable {
  /// What passes cost.
  package private(set) var costs: PassCosts
  /// By source, then by class of confidence.
  private var tables: [AcceptanceTable]
  /// Seconds a guess, by source.
  private var draftSeconds: [Double?]

  /// How much a new time of a draft counts.
  private static let draftWeight = 0.2

  /// A policy for drafts of at most `longest` guesses.
  package init(longest: Int = Speculation.longestDraft, sources: Int = 1) {
    costs = PassCosts(rows: longest + 1)
    tables = [AcceptanceTable](
      repeating: AcceptanceTable(longest: longest), count: sources * Draft.classCount)
    draftSeconds = [Double?](repeating: nil, count: sources)
  }

  /// A pass of so many rows took so long.
  package mutating func observe(rows: Int, seconds: Double) {
    costs.observe(rows: rows, seconds: seconds)
  }

  /// A draft of so many guesses took so long.
  package mutating func observe(drafted count: Int, seconds: Double, source: Int) {
    guard count > 0, seconds >= 0 else { return }
    let one = seconds / Double(count)
    guard let known = draftSeconds[source] else {
      draftSeconds[source] = one
      return
    }
    draftSeconds[source] = known + Self.draftWeight * (min(one, 3 * known) - known)
  }

  /// Of a draft of `proposed` guesses the first `accepted` were right, and the next, if there was one, was not.
  package mutating func observe(
    accepted: Int, of proposed: Int, source: Int = 0, confidence: Int = 0
  ) {
    tables[table(source, confidence)].observe(accepted: accepted, of: proposed)
  }

  /// How many guesses to check, `limit` at most.
  package func draftLength(atMost limit: Int, source: Int = 0, confidence: Int = 0) -> Int {
    best(atMost: limit, source: source, confidence: confidence).length
  }

  /// The best length and the tokens a second that are expected of it.
  ///
  /// - Parameters:
  ///   - limit: the longest draft.
  ///   - source: whose guesses.
  ///   - confidence: their class.
  ///   - isDrafted: whether the guesses are there already, so that they cost nothing more.
  /// - Returns: the length, 0 if plain decoding is best, and its tokens a second.
  package func best(
    atMost limit: Int, source: Int = 0, confidence: Int = 0, isDrafted: Bool = false
  ) -> (length: Int, rate: Double) {
    guard costs.isKnown else { return (0, 0) }
    var best = (length: 0, rate: 1 / costs.cost(rows: 1))
    let table = tables[table(source, confidence)]
    guard limit > 0 else { return best }
    let draft = isDrafted ? 0 : draftSeconds[source] ?? 0
    var tokens = 1.0
    var chance = 1.0
    for length in 1...min(limit, table.longest, 2 * costs.widest - 1) {
      chance *= table.chance(length - 1)
      tokens += chance
      let rate = tokens / (costs.cost(rows: length + 1) + Double(length) * draft)
      if rate > best.rate { best = (length, rate) }
    }
    return best
  }

  /// Seconds of a pass, seen or read off its neighbours.
  package func cost(rows: Int) -> Double { costs.cost(rows: rows) }

  /// Seconds of a draft of so many guesses, as far as it is known.
  package func draftCost(_ count: Int, source: Int) -> Double {
    Double(count) * (draftSeconds[source] ?? 0)
  }

  private func table(_ source: Int, _ confidence: Int) -> Int {
    source * Draft.classCount + min(max(0, confidence), Draft.classCount - 1)
  }
}
