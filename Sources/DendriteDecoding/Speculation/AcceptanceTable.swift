// SPDX-License-Identifier: Apache-2.0

/// How often guesses are right, by their place in the draft; what is old counts less.
package struct AcceptanceTable: Sendable {
  /// How much is left of what was counted when another draft is.
  private static let memory = 0.92
  /// Guesses right, of guesses made, before anything was seen.
  private static let prior = (right: 0.25, made: 0.5)

  /// Guesses at each place of a draft that were reached, and those that were right.
  private var reached: [Double]
  private var right: [Double]

  /// A table for drafts of at most `longest` guesses.
  package init(longest: Int) {
    reached = [Double](repeating: 0, count: longest)
    right = [Double](repeating: 0, count: longest)
  }

  /// The longest draft that is told apart.
  package var longest: Int { reached.count }
  /// Whether anything was seen.
  package var isEmpty: Bool { reached[0] == 0 }

  /// Of a draft of `proposed` guesses the first `accepted` were right, and the next, if there was one, was not.
  package mutating func observe(accepted: Int, of proposed: Int) {
    for place in 0..<min(accepted + 1, proposed, reached.count) {
      reached[place] = reached[place] * Self.memory + 1
      right[place] = right[place] * Self.memory + (place < accepted ? 1 : 0)
    }
  }

  /// The chance that the guess at a place is right if it is reached: what was seen there, and before that what was
  /// seen at the place before.
  package func chance(_ place: Int) -> Double {
    var expected = Self.prior.right / Self.prior.made
    for earlier in 0...min(place, reached.count - 1) {
      expected =
        (right[earlier] + expected * Self.prior.made) / (reached[earlier] + Self.prior.made)
    }
    return expected
  }
}
