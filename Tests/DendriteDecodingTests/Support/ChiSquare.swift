// SPDX-License-Identifier: Apache-2.0

/// Pearson's test of counts against probabilities.
struct ChiSquare {
  /// Σ (observed − expected)² / expected over cells that expect at least five.
  let statistic: Double
  /// Cells less one.
  let degreesOfFreedom: Int
  /// Observations where the probability is zero.
  let impossible: Int

  /// Cells that expect fewer than five observations are pooled into one.
  init(observed: [Int], probabilities: [Double]) {
    let total = Double(observed.reduce(0, +))
    var statistic = 0.0
    var cells = 0
    var impossible = 0
    var rest = (observed: 0.0, expected: 0.0)
    for (count, probability) in zip(observed, probabilities) {
      let expected = probability * total
      if probability == 0 {
        impossible += count
      } else if expected < 5 {
        rest.observed += Double(count)
        rest.expected += expected
      } else {
        statistic += (Double(count) - expected) * (Double(count) - expected) / expected
        cells += 1
      }
    }
    if rest.expected >= 1 {
      statistic += (rest.observed - rest.expected) * (rest.observed - rest.expected) / rest.expected
      cells += 1
    }
    self.statistic = statistic
    degreesOfFreedom = cells - 1
    self.impossible = impossible
  }

  /// The value that a true law exceeds once in 10,000 times (Wilson & Hilferty 1931, z = 3.72).
  var limit: Double {
    let df = Double(max(degreesOfFreedom, 1))
    let root = 1 - 2 / (9 * df) + 3.72 * (2 / (9 * df)).squareRoot()
    return df * root * root * root
  }
}
