// SPDX-License-Identifier: Apache-2.0

/// Medians and their intervals, without assumptions about how the samples are distributed.
///
/// The interval of a median is a pair of order statistics: the median lies between the j-th smallest
/// and the j-th largest of n samples with probability Σ C(n, k) / 2ⁿ over k = j … n − j. Times on a
/// busy machine have long tails, to which this is deaf.
///
/// - Source: Conover, *Practical Nonparametric Statistics*, 3rd edition, §3.2.
public enum Statistics {
  /// The middle of the samples; `nil` without any finite one.
  ///
  /// - Edge cases: samples that are not finite do not count.
  /// - Complexity: O(n log n).
  public static func median(_ samples: [Double]) -> Double? {
    middle(of: ordered(samples))
  }

  /// The median and the narrowest symmetric interval that reaches the confidence.
  ///
  /// Five samples cannot reach 95 %: then the interval is their whole range, and says 94 %.
  ///
  /// - Returns: `nil` without any finite sample; no interval for a single one.
  public static func estimate(
    _ samples: [Double], confidence: Double = 0.95
  ) -> Estimate? {
    let samples = ordered(samples)
    guard let value = middle(of: samples) else { return nil }
    guard let rank = rank(count: samples.count, confidence: confidence) else {
      return Estimate(value: value)
    }
    return Estimate(
      value: value,
      interval: Interval(
        lower: samples[rank.index], upper: samples[samples.count - 1 - rank.index],
        confidence: rank.confidence))
  }

  /// The median of `numerators[i] / denominators[i]` over interleaved pairs, and its interval.
  ///
  /// Pairing cancels what drifts slowly: both members of a pair met the same machine.
  ///
  /// - Edge cases: pairs that are not finite, or divide by zero, do not count; nor does what one
  ///   list has more than the other.
  public static func ratio(
    _ numerators: [Double], to denominators: [Double], confidence: Double = 0.95
  ) -> Estimate? {
    estimate(zip(numerators, denominators).map { $0 / $1 }, confidence: confidence)
  }

  /// Finite samples in ascending order.
  private static func ordered(_ samples: [Double]) -> [Double] {
    samples.filter(\.isFinite).sorted()
  }

  private static func middle(of ordered: [Double]) -> Double? {
    guard !ordered.isEmpty else { return nil }
    let half = ordered.count / 2
    // Halves first: the sum of two large samples may overflow.
    return ordered.count % 2 == 1 ? ordered[half] : ordered[half - 1] / 2 + ordered[half] / 2
  }

  /// The index j − 1 of the lower end and the confidence that it gives.
  ///
  /// The binomial terms are summed from the middle outwards, because 2ⁿ would overflow.
  private static func rank(
    count: Int, confidence wanted: Double
  ) -> (index: Int, confidence: Double)? {
    guard count >= 2 else { return nil }
    let half = count / 2
    var term = 1.0  // C(n, half) / 2ⁿ, by factors below one
    for i in 1...half { term *= Double(2 * i - 1) / Double(2 * i) }
    if count % 2 == 1 { term *= Double(count) / Double(count + 1) }
    var lower = half
    var confidence = count % 2 == 1 ? 2 * term : term
    while confidence < wanted, lower > 1 {
      term *= Double(lower) / Double(count - lower + 1)
      lower -= 1
      confidence += 2 * term
    }
    return (lower - 1, min(confidence, 1))
  }
}
