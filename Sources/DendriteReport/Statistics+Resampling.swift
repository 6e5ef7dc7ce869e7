// SPDX-License-Identifier: Apache-2.0

extension Statistics {
  /// The sum of one list by the sum of another, and where it would lie with other pairs of the same kind.
  ///
  /// The interval is a percentile bootstrap: pairs are drawn anew, with replacement, as many as there are. A
  /// quotient of means is this too, since both lists have as many members.
  ///
  /// - Edge cases: pairs that are not finite do not count; a pair alone has no interval; of fewer than six pairs
  ///   the interval is narrower than it says.
  /// - Complexity: O(pairs × resamples).
  /// - Source: Efron, Tibshirani, *An Introduction to the Bootstrap*, §13.3.
  package static func ratioOfSums(
    _ numerators: [Double], to denominators: [Double], confidence: Double = 0.95,
    resamples: Int = 2_000, seed: UInt64 = 1
  ) -> Estimate? {
    let pairs = zip(numerators, denominators).filter { $0.0.isFinite && $0.1.isFinite }
    let whole = pairs.reduce(into: (0.0, 0.0)) {
      $0.0 += $1.0; $0.1 += $1.1
    }
    guard whole.1 > 0 else { return nil }
    let value = whole.0 / whole.1
    guard pairs.count > 1, resamples > 1 else { return Estimate(value: value) }
    var state = seed
    var ratios: [Double] = []
    ratios.reserveCapacity(resamples)
    for _ in 0..<resamples {
      var (upper, lower) = (0.0, 0.0)
      for _ in pairs.indices {
        let pair = pairs[index(&state, below: pairs.count)]
        upper += pair.0
        lower += pair.1
      }
      if lower > 0 { ratios.append(upper / lower) }
    }
    guard !ratios.isEmpty else { return Estimate(value: value) }
    ratios.sort()
    let last = Double(ratios.count - 1)
    let tail = (1 - confidence) / 2
    return Estimate(
      value: value,
      interval: Interval(
        lower: ratios[Int((last * tail).rounded())],
        upper: ratios[Int((last * (1 - tail)).rounded())], confidence: confidence))
  }

  /// The next index of SplitMix64; the bias of the multiplication is below 2⁻³² for any list here.
  private static func index(_ state: inout UInt64, below count: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    bits ^= bits >> 31
    return Int(bits.multipliedFullWidth(by: UInt64(count)).high)
  }
}
