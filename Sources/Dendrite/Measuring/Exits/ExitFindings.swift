// SPDX-License-Identifier: Apache-2.0
package import DendriteModel
package import DendriteReport

/// What exits and a drafter would have said where a model chose, and how often they were right.
package struct ExitFindings: Sendable {
  /// Who made the drafts.
  package enum Draft: Sendable, Hashable {
    /// A smaller model, with guesses of its own beside the one that it makes.
    case model(String)
    /// What followed the last tokens before; where they are new there is no draft.
    case promptLookup
    /// The token that the model itself would have chosen next after its choice: always wrong, and plausible.
    case secondBest
  }

  /// A place where the model chose a token.
  package struct Row: Sendable, Hashable {
    /// The text that it belongs to.
    package var text: Int
    /// The token that the model chose.
    package var choice: Int
    /// The drafter's tokens, best first: the first is its draft.
    ///
    /// Empty if it makes none.
    package var drafts: [Int]

    /// A place.
    package init(text: Int, choice: Int, drafts: [Int]) {
      self.text = text
      self.choice = choice
      self.drafts = drafts
    }
  }

  /// Which rows a coverage is taken over.
  package enum Place: Sendable, Hashable {
    /// All: nothing is known of the token, as behind a window that was right to its end.
    case bonus
    /// Those whose draft was wrong: its token is no candidate.
    case rejection
  }

  /// What an exit costs in a pass.
  package struct Cost: Sendable, Hashable {
    /// The part of the pass's time before the layer is done.
    package var before: Estimate
    /// The time that scores for all rows take on one core, as a part of the pass's.
    package var head: Estimate

    /// A cost.
    package init(before: Estimate, head: Estimate) {
      self.before = before
      self.head = head
    }
  }

  /// Candidates that a coverage allows (κ).
  package let guesses: Int
  /// The exits.
  package let exits: [ExitHead]
  /// Who made the drafts.
  package var draft: Draft
  package var rows: [Row]
  /// By exit, then by row: its κ + 1 best tokens, best first.
  package var candidates: [[[Int]]]
  /// By exit; empty if nothing was timed.
  package var costs: [Cost] = []

  /// Findings from their parts.
  package init(
    guesses: Int, exits: [ExitHead], draft: Draft, rows: [Row] = [], candidates: [[[Int]]] = []
  ) {
    self.guesses = guesses
    self.exits = exits
    self.draft = draft
    self.rows = rows
    self.candidates = candidates.isEmpty ? exits.map { _ in [] } : candidates
  }

  /// Rows whose draft was wrong.
  package var rejections: Int { rows.count { Self.isRejected($0) } }

  /// Rows that had a draft.
  package var draftedRows: Int { rows.count { !$0.drafts.isEmpty } }

  /// How often the exit's best token was the model's choice.
  package func agreement(ofExit exit: Int) -> Estimate? {
    share { row, index in candidates[exit][index].first == row.choice }
  }

  /// How often the draft was the model's choice, where there was one.
  package func draftAgreement() -> Estimate? {
    share { row, _ in row.drafts.first.map { $0 == row.choice } }
  }

  /// How often the model's choice was among the candidates: the best κ of an exit, of the drafter, or of either.
  ///
  /// - Parameters:
  ///   - exit: whose candidates count; `nil` for the drafter's alone.
  ///   - withDrafts: whether the drafter's own count too.
  ///   - place: which rows are asked.
  /// - Returns: `nil` if there are no such rows.
  package func coverage(
    ofExit exit: Int?, withDrafts: Bool = false, at place: Place
  ) -> Estimate? {
    share { row, index in
      var excluded: Int?
      if place == .rejection {
        guard Self.isRejected(row) else { return nil }
        excluded = row.drafts.first
      }
      if let exit, contains(row.choice, candidates[exit][index], without: excluded) { return true }
      return (exit == nil || withDrafts) && contains(row.choice, row.drafts, without: excluded)
    }
  }

  private static func isRejected(_ row: Row) -> Bool {
    row.drafts.first.map { $0 != row.choice } ?? false
  }

  private func contains(_ token: Int, _ best: [Int], without excluded: Int?) -> Bool {
    var left = guesses
    for candidate in best where candidate != excluded {
      guard left > 0 else { return false }
      if candidate == token { return true }
      left -= 1
    }
    return false
  }

  /// The share of rows that hit, of those that count.
  private func share(_ isHit: (Row, Int) -> Bool?) -> Estimate? {
    var groups = [(hits: Int, trials: Int)](
      repeating: (0, 0), count: (rows.map(\.text).max() ?? -1) + 1)
    for (index, row) in rows.enumerated() {
      guard let hit = isHit(row, index) else { continue }
      groups[row.text].trials += 1
      if hit { groups[row.text].hits += 1 }
    }
    return Statistics.share(groups)
  }
}
