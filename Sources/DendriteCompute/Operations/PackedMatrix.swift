// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// A weight matrix in groups of sixteen interleaved output rows: one packing for all kernel variants.
///
/// - Shapes: `[rows (output features), columns (input features)]`.
/// - Source: the layouts in `dendrite_kernels.h`.
package final class PackedMatrix: Sendable {
  package let rows: Int
  package let columns: Int
  /// Bytes that one pass over the matrix reads.
  package let byteCount: Int
  /// Whether activations are multiplied as 8-bit integers or as floats.
  package let usesIntegers: Bool
  private let storage: AlignedBuffer<UInt8>
  private let shape: dendrite_matrix

  /// Bytes of the source that are packed before their pages are given back.
  private static let sliceBytes = 16 << 20

  package var groupCount: Int { (rows + 15) / 16 }

  /// Packs a matrix of GGUF blocks.
  ///
  /// - Parameters:
  ///   - name: what errors call the matrix.
  ///   - type: number of the tensor type in GGUF files.
  ///   - rows: output features.
  ///   - columns: input features.
  ///   - source: rows of blocks, of any alignment.
  ///   - rowBytes: from one row of the source to the next.
  ///   - machine: whose threads pack.
  ///   - packed: called with ranges of the source's bytes that are no longer needed, some 16 MB at a time.
  /// - Throws: `notFinite` if a weight or scale is NaN or infinite, `unsupportedType`,
  ///   `notEnoughMemory`.
  /// - Complexity: O(rows × columns), on all threads of `machine`.
  package init(
    name: String, type: Int, rows: Int, columns: Int, source: UnsafeRawPointer, rowBytes: Int,
    machine: Machine, packed: (Range<Int>) -> Void = { _ in }
  ) throws(ComputeError) {
    precondition(rows > 0 && columns > 0, "a matrix of \(rows) × \(columns)")
    var shape = dendrite_matrix_make(Int32(type), rows, columns)
    guard shape.packing.rawValue <= DENDRITE_PACK_QX.rawValue else {
      throw ComputeError(
        .unsupportedType, "tensor '\(name)' has type number \(type), which no kernel multiplies",
        remedy: "convert the model to Q8_0, Q4_0, Q4_K, F16 or BF16")
    }
    let groups = (rows + 15) / 16
    let storage = try AlignedBuffer<UInt8>(zeroed: groups * (shape.code_bytes + shape.scale_bytes))
    shape.data = UnsafePointer(storage.base)
    let parts = machine.threads * 4
    let firstBroken = UnsafeMutablePointer<Int>.allocate(capacity: parts)
    defer { firstBroken.deallocate() }
    let slice = max(parts, PackedMatrix.sliceBytes / max(1, 16 * rowBytes))
    for first in stride(from: 0, to: groups, by: slice) {
      let job = PackJob(
        data: storage.base, shape: shape, type: Int32(type), source: source, rowBytes: rowBytes,
        first: first, groups: min(slice, groups - first), parts: parts, firstBroken: firstBroken)
      machine.run(parts: parts, job) { context, part in
        let job = context.load(as: PackJob.self)
        var shape = job.shape
        job.firstBroken[part] = dendrite_matrix_pack(
          job.data, &shape, job.type, job.source, job.rowBytes,
          job.first + job.groups * part / job.parts,
          job.first + job.groups * (part + 1) / job.parts)
      }
      for part in 0..<parts where firstBroken[part] >= 0 {
        throw ComputeError(
          .notFinite,
          "tensor '\(name)' has NaN or infinity in row \(firstBroken[part]), expected finite weights",
          remedy: "the file is damaged or was converted wrongly: get it again")
      }
      packed(first * 16 * rowBytes..<min(rows, (first + slice) * 16) * rowBytes)
    }
    self.rows = rows
    self.columns = columns
    byteCount = storage.count
    usesIntegers = shape.packing.rawValue >= DENDRITE_PACK_Q4.rawValue
    self.storage = storage
    self.shape = shape
  }

  /// Calls `body` with the kernels' view of the matrix.
  package func withShape<Result>(_ body: (UnsafePointer<dendrite_matrix>) -> Result) -> Result {
    withUnsafePointer(to: shape, body)
  }

  package var view: dendrite_matrix { shape }
}

// Sendable: constants and a pointer to constants.
extension dendrite_matrix: @retroactive @unchecked Sendable {}

private struct PackJob {
  let data: UnsafeMutablePointer<UInt8>
  let shape: dendrite_matrix
  let type: Int32
  let source: UnsafeRawPointer
  let rowBytes: Int
  let first: Int
  let groups: Int
  let parts: Int
  let firstBroken: UnsafeMutablePointer<Int>
}
