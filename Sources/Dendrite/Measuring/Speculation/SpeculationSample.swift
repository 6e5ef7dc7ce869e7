// SPDX-License-Identifier: Apache-2.0

/// One question answered in one way: its turns added up.
package struct SpeculationSample: Sendable, Hashable {
  /// Tokens of all replies, tokens that ended them included.
  package var tokens = 0
  /// Seconds of all calls, prefill included.
  package var seconds = 0.0
  /// Of these, seconds behind the first token of each reply.
  package var decodeSeconds = 0.0
  /// Passes behind the prompts, and the tokens that each gave.
  package var acceptedLengths: [Int] = []
  /// Guesses that were checked, and those that were right.
  package var drafted = 0
  package var accepted = 0
  /// Seconds that the model waited for guesses, and seconds of its passes.
  package var draftSeconds = 0.0
  package var verifySeconds = 0.0
  /// Tokens inside loops, and their part of the seconds.
  package var loopTokens = 0
  package var loopSeconds = 0.0
  /// Windows that were found among prepared branches, those that were not, and those that could not have been.
  package var hits = 0
  package var misses = 0
  package var cold = 0
  /// Seconds that a mirror's thread spent on windows and branches.
  package var drafterSeconds = 0.0
  /// The most of the drafter's cache that branches took at a time.
  package var branchRows = 0
  package var branchBytes = 0
  /// Why a drafter stopped working, if one did.
  package var failure: String?

  /// Nothing yet.
  package init() {}

  /// Adds a turn.
  package mutating func add(_ reply: TimedReply) {
    let statistics = reply.statistics
    tokens += reply.ids.count
    seconds += reply.seconds
    decodeSeconds += reply.decodeSeconds
    acceptedLengths += reply.acceptedLengths
    drafted += statistics.draftedTokens
    accepted += statistics.acceptedTokens
    draftSeconds += statistics.draftTime / .seconds(1)
    verifySeconds += statistics.verifyTime / .seconds(1)
    let loops = reply.loops
    loopTokens += loops.tokens
    loopSeconds += loops.seconds
    hits += statistics.drafter.hits
    misses += statistics.drafter.misses
    cold += statistics.drafter.cold
    drafterSeconds += statistics.drafter.branchSeconds + statistics.drafter.windowSeconds
    branchRows = max(branchRows, statistics.drafter.branchRows)
    branchBytes = max(branchBytes, statistics.drafter.branchBytes)
    failure = failure ?? statistics.drafter.failure
  }

  /// Whether a mirror drafted.
  package var hasMirror: Bool { hits + misses + cold > 0 }
  /// Windows that were there, of those that could have been; `nil` without any.
  package var hitRate: Double? {
    hits + misses > 0 ? Double(hits) / Double(hits + misses) : nil
  }
  /// Seconds that the model waited for guesses before a pass behind a prompt.
  package var waitPerPass: Double? { passes > 0 ? draftSeconds / Double(passes) : nil }
  /// The share of the drafter's work that the model did not wait for; `nil` if it did none.
  package var hiddenShare: Double? {
    hasMirror && drafterSeconds > 0 ? max(0, 1 - draftSeconds / drafterSeconds) : nil
  }

  /// Passes behind the prompts.
  package var passes: Int { acceptedLengths.count }
  /// Tokens of those passes.
  package var passTokens: Int { acceptedLengths.reduce(0, +) }
  /// Tokens a second as Spec-Bench counts: the whole call, prefill included.
  package var rate: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
}
