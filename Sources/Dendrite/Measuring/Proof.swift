// SPDX-License-Identifier: Apache-2.0

/// What was compared to check one promise on one file, and whether it held.
package struct Proof: Sendable, Hashable {
  /// How a proof ended.
  package enum Outcome: Sendable, Hashable {
    /// Everything that was compared was as promised.
    case holds
    /// The first thing that was not.
    case broken(String)
    /// A figure to read, which proves nothing.
    case information
  }

  /// The number of the promise, as in `ARCHITECTURE.md`.
  package var promise: Int
  /// One word.
  package var name: String
  /// What was compared with what.
  package var claim: String
  /// How many comparisons were made.
  package var count: Int
  /// What was compared, in the plural; with ``count`` it says how much the proof is worth.
  package var unit: String
  /// How it ended.
  package var outcome: Outcome
  /// How long it took.
  package var seconds: Double

  /// Whether nothing was found against the promise.
  package var isBroken: Bool {
    if case .broken = outcome { true } else { false }
  }
}

/// The tokens and probabilities of a fixed prompt, seed and file, as a number for each length.
package struct TextHash: Sendable, Hashable {
  /// Tokens that hashes cover.
  package static let lengths = [4, 16, 64]

  /// The kernels that ran.
  package var variant: String
  /// Sixteen digits for each of ``lengths``; `nil` where the budget did not suffice.
  package var hashes: [String?]
}

/// All proofs of a file.
package struct ProofRecord: Sendable {
  /// In the order in which they were made.
  package var proofs: [Proof] = []
  /// One for each kernel variant.
  package var hashes: [TextHash] = []
  /// Seconds from beginning to end, loading not counted.
  package var seconds = 0.0

  /// Whether no promise was found broken.
  package var holds: Bool { !proofs.contains(where: \.isBroken) }
}

/// Counts comparisons and keeps the first that failed.
struct Tally {
  private(set) var count = 0
  private(set) var failure: String?

  /// Compares the fingerprints of two rows.
  mutating func compare(_ got: BitHash?, _ want: BitHash?, _ place: @autoclosure () -> String) {
    check(got != nil && got == want, place())
  }

  /// Counts something that must be true.
  mutating func check(_ holds: Bool, _ place: @autoclosure () -> String) {
    count += 1
    if !holds, failure == nil { failure = place() }
  }
}
