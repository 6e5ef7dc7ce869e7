// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// A product of activations with one matrix: where it goes.
package struct Product {
  package let matrix: dendrite_matrix
  package let output: UnsafeMutablePointer<Float>
  /// Floats between rows of the output.
  package let stride: Int

  package init(_ matrix: PackedMatrix, into output: UnsafeMutablePointer<Float>, stride: Int) {
    precondition(stride >= matrix.rows, "stride \(stride) for \(matrix.rows) output features")
    self.matrix = matrix.view
    self.output = output
    self.stride = stride
  }

  var groups: Int { (matrix.rows + 15) / 16 }
}

private struct MultiplyJob {
  let first: Product
  let second: Product?
  let third: Product?
  let activations: dendrite_activations
  let kernels: UnsafePointer<dendrite_kernels>
  let groups: Int
  let parts: Int

  /// Runs the share of a part: a stretch of the groups of all products, one after another.
  func run(_ part: Int) {
    var begin = groups * part / parts
    let end = groups * (part + 1) / parts
    var origin = 0
    for index in 0..<3 {
      guard let product = index == 0 ? first : index == 1 ? second : third else { return }
      let limit = origin + product.groups
      if begin < min(end, limit) {
        var matrix = product.matrix
        var activations = activations
        kernels.pointee.matmul(
          product.output, product.stride, &matrix, &activations, begin - origin,
          min(end, limit) - origin, 0, activations.rows)
        begin = min(end, limit)
      }
      origin = limit
    }
  }
}

extension Machine {
  /// Multiplies all rows of `activations` with up to three matrices that read the same input.
  ///
  /// - Shapes: every output is `[rows, stride]` with stride ≥ output features.
  /// - Precision: exact integer products per 32 values, one fused addition each, blocks in order.
  /// - Complexity: one fork and join.
  package func multiply(
    _ activations: dendrite_activations, _ first: Product, _ second: Product? = nil,
    _ third: Product? = nil
  ) {
    let groups = first.groups + (second?.groups ?? 0) + (third?.groups ?? 0)
    let parts = min(groups, self.parts)
    let job = MultiplyJob(
      first: first, second: second, third: third, activations: activations, kernels: variant.table,
      groups: groups, parts: parts)
    run(parts: parts, job) { context, part in
      context.assumingMemoryBound(to: MultiplyJob.self).pointee.run(part)
    }
  }
}
