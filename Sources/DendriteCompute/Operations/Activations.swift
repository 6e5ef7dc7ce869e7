// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// The input of a matrix product, arranged block by block for all rows of a pass.
///
/// Holds floats and 8-bit codes; a row is written as the matrices that read it want it.
package final class Activations: Sendable {
  package let capacity: Int
  package let columns: Int
  private let values: AlignedBuffer<Float>
  private let codes: AlignedBuffer<Int8>
  private let scales: AlignedBuffer<Float>
  private let sums: AlignedBuffer<Int32>

  /// Reserves room for `capacity` rows of up to `columns` values.
  package init(capacity: Int, columns: Int) throws(ComputeError) {
    let blocks = (columns + 31) / 32 * capacity
    self.capacity = capacity
    self.columns = columns
    values = try AlignedBuffer(zeroed: blocks * 32)
    codes = try AlignedBuffer(zeroed: blocks * 32)
    scales = try AlignedBuffer(zeroed: blocks)
    sums = try AlignedBuffer(zeroed: blocks * 2)
  }

  /// The kernels' view for a pass of `rows` rows.
  package func view(rows: Int) -> dendrite_activations {
    precondition(rows <= capacity, "\(rows) rows, room for \(capacity)")
    return dendrite_activations(
      rows: rows, values: values.base, codes: codes.base, scales: scales.base, sums: sums.base)
  }
}
