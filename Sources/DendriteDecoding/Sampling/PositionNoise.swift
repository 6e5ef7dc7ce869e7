// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// The noise of promise 1: one Gumbel value per (seed, choice, position, token id).
///
/// A token is drawn by adding this noise to the log-probabilities and taking the largest sum. The
/// noise of a position is the same for whoever asks (a target, a drafter, a verifier of a tree), in
/// whatever order, as often as he likes; it depends on the place in the token history and never on
/// the place in a cache.
///
///     word = Philox4x32-10(key: (seed mod 2³², choice),
///                          counter: (position, id >> 2, seed >> 32, 0))[id & 3]
///     k = word >> 9                 u = (k + ½) · 2⁻²³        exact in Float, never 0 or 1
///     g = −log(−log u)              in Double by `ExactMath`, rounded to Float once
///
/// - Precision: 2²³ values, from −2.8115 (u = 2⁻²⁴) to 16.6355 (u = 1 − 2⁻²⁴).
/// - Source: Gumbel-max trick: Maddison et al. 2014 (arXiv:1411.0030).
package struct PositionNoise: Sendable, Hashable {
  /// No value of the noise is larger.
  package static let upperBound = 16.636
  /// No value of the noise is smaller.
  package static let lowerBound = -2.812

  /// The seed; its halves go to different places.
  package let seed: UInt64
  /// Which of several replies to the same prompt and seed.
  package let choice: UInt32

  package init(seed: UInt64, choice: UInt32) {
    self.seed = seed
    self.choice = choice
  }

  /// The random words of ids `4 · group ..< 4 · group + 4` at a position.
  @inline(__always)
  package func words(position: UInt32, group: UInt32) -> Philox.Counter {
    Philox.block(
      (position, group, UInt32(truncatingIfNeeded: seed >> 32), 0),
      key: (UInt32(truncatingIfNeeded: seed), choice))
  }

  /// The noise that is added to the log-probability of a token at a position.
  package func gumbel(position: UInt32, id: Int) -> Float {
    let words = words(position: position, group: UInt32(id >> 2))
    let word =
      switch id & 3 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return Self.gumbel(level: word >> 9)
  }

  /// The noise of a level: −log(−log((level + ½) · 2⁻²³)).
  ///
  /// - Precondition: `level` is less than 2²³.
  package static func gumbel(level: UInt32) -> Float {
    let uniform = (Double(level) + 0.5) * 0x1p-23
    return Float(-ExactMath.log(-ExactMath.log(uniform)))
  }
}
