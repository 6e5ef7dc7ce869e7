// SPDX-License-Identifier: Apache-2.0

/// Finds where a text runs in circles, which small models do and drafters thrive on.
package enum Repetition {
  /// The longest circle that is looked for, in tokens.
  package static let longestPeriod = 64

  /// For each token, whether it goes on with a repetition: for some period the two periods before it are equal,
  /// and the token is what stands one period before it.
  ///
  /// The first two times round are no loop yet: nobody could know.
  ///
  /// - Complexity: O(tokens × longest period).
  package static func marks(
    in tokens: [Int], longestPeriod: Int = Repetition.longestPeriod
  ) -> [Bool] {
    var marks = [Bool](repeating: false, count: tokens.count)
    guard longestPeriod >= 1 else { return marks }
    // For each period, how many of the last tokens are what stood one period before them.
    var runs = [Int](repeating: 0, count: longestPeriod + 1)
    for index in tokens.indices {
      for period in 1...longestPeriod where period <= index {
        if tokens[index] == tokens[index - period] {
          if runs[period] >= period { marks[index] = true }
          runs[period] += 1
        } else {
          runs[period] = 0
        }
      }
    }
    return marks
  }
}
