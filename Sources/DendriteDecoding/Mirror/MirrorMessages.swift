// SPDX-License-Identifier: Apache-2.0

/// What the target's side tells the drafter's: ids and scores, nothing else.
///
/// Step s of a reply is one pass of the target. Orders of another reply or step than the one that is due are late and
/// are dropped.
package enum MirrorOrder: Sendable, Hashable {
  /// A reply begins; the drafter reads the prompt while the target does.
  case begin(reply: Int, outline: ReplyOutline)
  /// The target chose these tokens behind what was known: draft a window for step `step`.
  ///
  /// `wanted` guesses are of use; `branches` outcomes may be prepared meanwhile.
  case verdict(reply: Int, step: Int, chosen: [Int], wanted: Int, branches: Int)
  /// What the target thinks half-way through step `step`.
  case foresee(reply: Int, step: Int, rows: [[ExitGuesses.Guess]])
}

/// What the drafter's side answers.
package enum MirrorAnswer: Sendable, Hashable {
  /// Guesses for step `step`, and where they come from.
  case window(reply: Int, step: Int, source: WindowSource, tokens: [Int], effort: BranchEffort)
  /// An order was missing before this one: begin again.
  case lost(reply: Int)
  /// The drafter cannot go on.
  case failed(String)
}

/// Where the guesses of a step come from.
package enum WindowSource: UInt8, Sendable, Hashable {
  /// Nothing could have been prepared.
  case cold
  /// The outcome was prepared for.
  case hit
  /// It was not.
  case miss
}

/// What was prepared for a step.
package struct BranchEffort: Sendable, Hashable {
  /// Outcomes, guesses in them, and rows of the cache.
  package var branches = 0
  package var tokens = 0
  package var rows = 0
  /// Bytes of those rows; 0 if the drafter's device does not say.
  package var bytes = 0
  /// Outcomes that only the exit suggested.
  package var fromExit = 0
  /// Seconds in passes over branches, and in passes for the window before it was sent.
  package var branchSeconds = 0.0
  package var windowSeconds = 0.0

  package init() {}
}
