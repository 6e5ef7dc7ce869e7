// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
internal import DendriteCompute

/// The angular speeds of rotary position embedding, and sines and cosines of a position.
///
/// Pair i of n/2 turns by position · base^(−2i/n), scaled as the model asks. Angles, sines and cosines are
/// computed in Float64 for each row of a pass, with no table and no recurrence, so position 100,000 is as
/// exact as position 1; only the results are rounded to Float32.
///
/// - Source: Su et al. 2021 (arXiv:2104.09864); divisors carry llama3 scaling (`rope_freqs.weight`).
package struct RotaryFrequencies: Sendable {
  /// Angle per position, `[pairs]`.
  package let speeds: [Double]
  /// What cosines and sines are multiplied by.
  package let magnitude: Double

  package var pairs: Int { speeds.count }

  /// Frequencies of a model.
  ///
  /// - Parameters:
  ///   - dimensions: rotated values of a head, even.
  ///   - base: of the powers; 10,000 in the paper.
  ///   - divisors: `[dimensions / 2]`, or empty for none.
  ///   - scaling: how speeds follow from the powers.
  package init(dimensions: Int, base: Double, divisors: [Float] = [], scaling: RopeScaling = .none)
  {
    precondition(divisors.isEmpty || divisors.count == dimensions / 2, "\(divisors.count) divisors")
    let log2Base = ExactMath.log(base) / 0.69314718055994530942
    var speeds = (0..<dimensions / 2).map { i in
      ExactMath.exp2(-(Double(2 * i) / Double(dimensions)) * log2Base)
    }
    var magnitude = 1.0
    switch scaling {
    case .none: break
    case .linear(let factor): speeds = speeds.map { $0 / factor }
    case .llama3(let factor, let low, let high, let original):
      speeds = speeds.map { Self.blended($0, factor, low: low, high: high, original) }
    case .yarn(let yarn):
      speeds = Self.stretched(speeds, base: base, by: yarn)
      magnitude = yarn.magnitude
    case .divisors(let factors, let larger):
      precondition(factors.count == speeds.count, "\(factors.count) factors")
      speeds = zip(speeds, factors).map { $0 / $1 }
      magnitude = larger
    }
    if !divisors.isEmpty { speeds = zip(speeds, divisors).map { $0 / Double($1) } }
    self.speeds = speeds
    self.magnitude = magnitude
  }

  /// Llama 3's rule: by the length of the wave.
  ///
  /// - Source: Llama 3.1's reference code, `apply_scaling`.
  private static func blended(
    _ speed: Double, _ factor: Double, low: Double, high: Double, _ original: Double
  ) -> Double {
    let wavelength = 2 * Double.pi / speed
    if wavelength < original / high { return speed }
    if wavelength > original / low { return speed / factor }
    let share = (original / wavelength - low) / (high - low)
    return speed * ((1 - share) / factor + share)
  }

  /// YaRN's rule: by the number of turns in the original context, blended over pairs.
  ///
  /// - Source: Peng et al. 2023 (arXiv:2309.00071); rounding as in transformers.
  private static func stretched(
    _ speeds: [Double], base: Double, by yarn: YarnScaling
  ) -> [Double] {
    let dimensions = Double(2 * speeds.count)
    func pair(turning turns: Double) -> Double {
      dimensions * ExactMath.log(yarn.originalContext / (turns * 2 * Double.pi))
        / (2 * ExactMath.log(base))
    }
    var first = pair(turning: yarn.fastTurns)
    var last = pair(turning: yarn.slowTurns)
    if yarn.roundsPairs { (first, last) = (first.rounded(.down), last.rounded(.up)) }
    first = max(first, 0)
    last = min(last, dimensions - 1)
    if first == last { last += 0.001 }
    return speeds.enumerated().map { index, speed in
      let kept = 1 - min(1, max(0, (Double(index) - first) / (last - first)))
      return speed / yarn.factor * (1 - kept) + speed * kept
    }
  }

  /// Writes cosines and sines of one position, `[pairs]` each.
  package func write(
    position: Int, cosine: UnsafeMutablePointer<Float>, sine: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<pairs {
      let value = ExactMath.sineAndCosine(Double(position) * speeds[i])
      cosine[i] = Float(value.cosine * magnitude)
      sine[i] = Float(value.sine * magnitude)
    }
  }
}
