// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// The input of a matrix product, in tiles of sixteen rows, each block by block (`dendrite_activations`).
///
/// Holds floats and 8-bit codes; a row is written as the matrices that read it want it.
package final class Activations: Sendable {
  package let capacity: Int
  package let columns: Int
  private let values: AlignedBuffer<Float>
  private let codes: AlignedBuffer<UInt8>

  /// Reserves room for `capacity` rows of up to `columns` values.
  package init(capacity: Int, columns: Int) throws(ComputeError) {
    let blocks = (columns + 31) / 32 * capacity
    self.capacity = capacity
    self.columns = columns
    values = try AlignedBuffer(zeroed: blocks * 32)
    codes = try AlignedBuffer(zeroed: blocks * Int(DENDRITE_CELL))
  }

  /// The kernels' view for a pass of `rows` rows.
  package func view(rows: Int) -> dendrite_activations {
    precondition(rows <= capacity, "\(rows) rows, room for \(capacity)")
    return dendrite_activations(rows: rows, values: values.base, codes: codes.base)
  }
}
