// SPDX-License-Identifier: Apache-2.0

extension YarnScaling {
  /// What cosines and sines are multiplied by unless a file says otherwise: 1 + ln(factor) / 10, by `scale` tenths.
  ///
  /// - Source: Peng et al. 2023 (arXiv:2309.00071), equation 22.
  static func magnitude(factor: Double, scale: Double = 1) -> Double {
    factor <= 1 ? 1 : 0.1 * scale * Mathematics.logarithm(factor) + 1
  }
}

extension ModelConfiguration {
  /// Adds longrope by its table for short contexts; the context ends where the long one would begin.
  ///
  /// Which table applies depends on how long a text will become, and keys are stored rotated: one of them
  /// must be chosen for good.
  ///
  /// - Source: Ding et al. 2024 (arXiv:2402.13753); transformers `modeling_rope_utils.py`.
  mutating func addLongRope(
    short: [Double], magnitude: Double, originalContext: Int
  ) throws(CheckpointError) {
    guard short.count == ropeDimensionCount / 2, short.allSatisfy({ (1e-3...1e6).contains($0) })
    else {
      throw CheckpointError(
        .invalidValue,
        "longrope has \(short.count) factors for short contexts, expected \(ropeDimensionCount / 2) "
          + "positive ones\n(half of ropeDimensionCount \(ropeDimensionCount))",
        remedy: "get configuration and weights from the same revision")
    }
    ropeScaling = .divisors(short, magnitude: magnitude)
    contextLength = min(contextLength, originalContext)
  }
}
