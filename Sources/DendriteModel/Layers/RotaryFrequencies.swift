// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// The angular speeds of rotary position embedding, and sines and cosines of a position.
///
/// Pair i of n/2 turns by position · base^(−2i/n) / divisor(i). Angles, sines and cosines are computed
/// in Float64 for each row of a pass, with no table and no recurrence, so position 100,000 is as exact
/// as position 1; only the results are rounded to Float32.
///
/// - Source: Su et al. 2021 (arXiv:2104.09864); divisors carry llama3 scaling (`rope_freqs.weight`).
package struct RotaryFrequencies: Sendable {
  /// Angle per position, `[pairs]`.
  package let speeds: [Double]

  package var pairs: Int { speeds.count }

  /// Frequencies of a model.
  ///
  /// - Parameters:
  ///   - dimensions: rotated values of a head, even.
  ///   - base: of the powers; 10,000 in the paper.
  ///   - divisors: `[dimensions / 2]`, or empty for none.
  ///   - linearFactor: divides every angle; 1 for none.
  package init(dimensions: Int, base: Double, divisors: [Float], linearFactor: Double) {
    precondition(divisors.isEmpty || divisors.count == dimensions / 2, "\(divisors.count) divisors")
    let log2Base = ExactMath.log(base) / 0.69314718055994530942
    speeds = (0..<dimensions / 2).map { i in
      let speed = ExactMath.exp2(-(Double(2 * i) / Double(dimensions)) * log2Base)
      return speed / linearFactor / (divisors.isEmpty ? 1 : Double(divisors[i]))
    }
  }

  /// Writes cosines and sines of one position, `[pairs]` each.
  package func write(
    position: Int, cosine: UnsafeMutablePointer<Float>, sine: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<pairs {
      let value = ExactMath.sineAndCosine(Double(position) * speeds[i])
      cosine[i] = Float(value.cosine)
      sine[i] = Float(value.sine)
    }
  }
}
