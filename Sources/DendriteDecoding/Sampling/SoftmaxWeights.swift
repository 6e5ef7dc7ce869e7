// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// Sums of softmax weights in an order that belongs to the ids, not to the machine.
///
///     weight(l) = exp2F((l − max) · log₂ e)       Float, `ExactMath.exp2`
///     sum = Σ lanes, lane j = Σ weight(l[id]) over id ≡ j (mod 8), ids ascending, in Double
///
/// The eight lanes are added as ((0+4)+(2+6)) + ((1+5)+(3+7)).
package enum SoftmaxWeights {
  /// log₂ e, rounded to Float.
  package static let log2E: Float = 1.442695

  /// The weight of a score relative to the largest one.
  @inline(__always)
  package static func weight(_ logit: Float, maximum: Float) -> Float {
    ExactMath.exp2((logit - maximum) * log2E)
  }

  /// The largest score; −∞ where there is none.
  ///
  /// NaN is passed over.
  package static func maximum(of logits: UnsafeBufferPointer<Float>) -> Float {
    var lanes = SIMD8<Float>(repeating: -.infinity)
    let whole = logits.count & ~7
    if let base = UnsafeRawPointer(logits.baseAddress) {
      for start in stride(from: 0, to: whole, by: 8) {
        let chunk = base.loadUnaligned(fromByteOffset: start * 4, as: SIMD8<Float>.self)
        lanes.replace(with: chunk, where: chunk .> lanes)
      }
    }
    var best = -Float.infinity
    for lane in 0..<8 where lanes[lane] > best { best = lanes[lane] }
    for index in whole..<logits.count where logits[index] > best { best = logits[index] }
    return best
  }

  /// The sum of all weights.
  package static func sum(
    of logits: UnsafeBufferPointer<Float>, maximum: Float
  ) -> Double {
    var lanes = SIMD8<Double>.zero
    let whole = logits.count & ~7
    if let base = UnsafeRawPointer(logits.baseAddress) {
      for start in stride(from: 0, to: whole, by: 8) {
        let chunk = base.loadUnaligned(fromByteOffset: start * 4, as: SIMD8<Float>.self)
        lanes += SIMD8<Double>(exp2((chunk - maximum) * log2E))
      }
    }
    for index in whole..<logits.count {
      lanes[index & 7] += Double(weight(logits[index], maximum: maximum))
    }
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
      + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
  }

  /// `ExactMath.exp2` on eight lanes, bit for bit; test `the vector exponential is the scalar one`.
  @inline(__always)
  package static func exp2(_ argument: SIMD8<Float>) -> SIMD8<Float> {
    let shift: Float = 12_582_912  // 1.5 · 2²³: adding it rounds to the nearest even integer
    var x = argument
    x.replace(with: 127, where: argument .> 127)
    let shifted = x + shift
    let f = x - (shifted - shift)
    var p = 1.52527338e-5 * f
    p = (p + 1.54035304e-4) * f
    p = (p + 1.33335581e-3) * f
    p = (p + 9.61812911e-3) * f
    p = (p + 5.55041087e-2) * f
    p = (p + 2.40226507e-1) * f
    p = (p + 6.93147181e-1) * f
    p = p + 1
    // The low bits of `shifted` hold the integer, above the bit pattern of `shift` itself.
    let whole = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- Int32(bitPattern: shift.bitPattern)
    let power = unsafeBitCast((whole &+ 127) &<< 23, to: SIMD8<Float>.self)
    var result = p * power
    result.replace(with: 0, where: argument .< -126)
    return result
  }
}
