// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// The kernels that work on one row at a time, by name.
///
/// A thin, inlined door to the C table.
///
/// Pointers must hold as many values as the counts say; nothing is checked here, because these run
/// once per row and layer. Shapes are checked where buffers are made.
package struct RowKernels: @unchecked Sendable {
  // Sendable: a pointer to a constant table.
  package let table: UnsafePointer<dendrite_kernels>

  package init(_ variant: KernelVariant) { table = variant.table }

  /// Writes row `row` of `activations`, as codes or as floats.
  @inline(__always)
  package func prepare(
    _ activations: inout dendrite_activations, row: Int, from x: UnsafePointer<Float>, columns: Int,
    asIntegers: Bool
  ) {
    if asIntegers {
      table.pointee.quantize(&activations, row, x, columns)
    } else {
      table.pointee.arrange(&activations, row, x, columns)
    }
  }

  /// y = x / rms(x) · weight; returns the mean square, which is not finite if any x is not.
  @inline(__always)
  package func rmsNorm(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    count: Int, epsilon: Float
  ) -> Float {
    table.pointee.rms_norm(y, x, weight, count, epsilon)
  }

  @inline(__always)
  package func swiGLU(
    _ y: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, up: UnsafePointer<Float>,
    count: Int
  ) {
    table.pointee.swiglu(y, gate, up, count)
  }

  /// As `swiGLU` with the tanh form of GELU in place of SiLU.
  @inline(__always)
  package func geGLU(
    _ y: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, up: UnsafePointer<Float>,
    count: Int
  ) {
    table.pointee.geglu(y, gate, up, count)
  }

  /// As `swiGLU` by gpt-oss: x / (1 + e^(−1.702 x)) times up + 1, both cut off at 7.
  @inline(__always)
  package func clampedSwiGLU(
    _ y: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, up: UnsafePointer<Float>,
    count: Int
  ) {
    table.pointee.swiglu_clamped(y, gate, up, count)
  }

  /// x = cap · tanh(x / cap); what is not finite becomes NaN.
  @inline(__always)
  package func softCap(_ x: UnsafeMutablePointer<Float>, count: Int, cap: Float) {
    table.pointee.soft_cap(x, count, cap)
  }

  /// y += x.
  @inline(__always)
  package func add(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, count: Int) {
    table.pointee.add(y, x, count)
  }

  @inline(__always)
  package func rotate(
    _ x: UnsafeMutablePointer<Float>, cosine: UnsafePointer<Float>, sine: UnsafePointer<Float>,
    heads: Int, headDim: Int, pairs: Int, interleaved: Bool, factor: Float
  ) {
    table.pointee.rope(x, cosine, sine, heads, headDim, pairs, interleaved ? 1 : 0, factor)
  }

  /// The largest value and the lowest index that holds it; −∞ and −1 where there is none.
  ///
  /// NaN is passed over.
  @inline(__always)
  package func maximum(_ x: UnsafePointer<Float>, count: Int) -> (value: Float, index: Int) {
    var index = -1
    let value = table.pointee.maximum(x, count, &index)
    return (value, index)
  }

  /// Σ 2^((x − maximum) · log₂ e), each weight as Float, in eight lanes of Double by index.
  @inline(__always)
  package func softmaxSum(_ x: UnsafePointer<Float>, count: Int, maximum: Float) -> Double {
    table.pointee.softmax_sum(x, count, maximum)
  }

  /// The largest value's index, the lowest on ties; `nil` if a value is NaN or infinite.
  @inline(__always)
  package func argmax(_ x: UnsafePointer<Float>, count: Int) -> Int? {
    let index = table.pointee.argmax(x, count)
    return index < 0 ? nil : index
  }
}
