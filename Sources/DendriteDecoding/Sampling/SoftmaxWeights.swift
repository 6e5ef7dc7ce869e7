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

  /// Every variant gives the same bits, so the fastest will do, whatever the model runs on.
  private static let kernels = RowKernels(.best)

  /// The weight of a score relative to the largest one.
  @inline(__always)
  package static func weight(_ logit: Float, maximum: Float) -> Float {
    ExactMath.exp2((logit - maximum) * log2E)
  }

  /// The largest score and the lowest id that has it; −∞ and −1 where there is none.
  ///
  /// NaN is passed over.
  package static func maximum(
    of logits: UnsafeBufferPointer<Float>
  ) -> (value: Float, index: Int) {
    guard let base = logits.baseAddress else { return (-.infinity, -1) }
    return kernels.maximum(base, count: logits.count)
  }

  /// The sum of all weights.
  package static func sum(
    of logits: UnsafeBufferPointer<Float>, maximum: Float
  ) -> Double {
    guard let base = logits.baseAddress else { return 0 }
    return kernels.softmaxSum(base, count: logits.count, maximum: maximum)
  }
}
