// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels

/// Elementary functions with the same bits on every machine.
///
/// The C library's differ between platforms, so nothing that reaches a token may use them.
public enum ExactMath {
  /// 2^x within 2 ulp.
  ///
  /// Below -126 it is 0; above 127 it stays at 2^127.
  public static func exp2(_ x: Float) -> Float { dendrite_exp2f(x) }

  /// 2^x within 2 ulp.
  ///
  /// Below -1022 it is 0; above 1023 it stays at 2^1023.
  public static func exp2(_ x: Double) -> Double { dendrite_exp2(x) }

  /// e^x, by `exp2(x · log₂ e)`: relative error below 1e-15 · (1 + |x|).
  public static func exp(_ x: Double) -> Double { dendrite_exp2(x * 1.4426950408889634) }

  /// The natural logarithm within 2 ulp.
  ///
  /// - Precondition: x is positive, normal and finite.
  public static func log(_ x: Double) -> Double {
    precondition(x.isNormal && x > 0, "log of \(x); expected a positive normal number")
    return dendrite_log(x)
  }

  /// The hyperbolic tangent within 3 ulp.
  public static func tanh(_ x: Float) -> Float { dendrite_tanhf(x) }

  /// Sine and cosine, absolute error below 4e-16 for |x| ≤ 2²⁰.
  public static func sineAndCosine(_ x: Double) -> (sine: Double, cosine: Double) {
    var sine = 0.0
    var cosine = 0.0
    dendrite_sincos(x, &sine, &cosine)
    return (sine, cosine)
  }
}
