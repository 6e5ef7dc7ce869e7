// SPDX-License-Identifier: Apache-2.0

/// A tensor as the file's header describes it: a name, a shape and a type.
public struct TensorInfo: Sendable, Equatable {
  /// The name in the file, for example `blk.0.attn_q.weight`.
  public let name: String
  /// One to four dimensions, all at least 1; the first (`ne0`) is contiguous, as GGUF has it.
  public let shape: [Int]
  /// How the values are stored.
  public let type: TensorType
  /// Bytes of the whole tensor.
  public let byteCount: Int

  /// Which shard of a split file holds the tensor, from 0.
  package let shard: Int
  /// Where the tensor's bytes are in that shard.
  package let byteRange: Range<Int>

  /// Values in one row: the contiguous dimension.
  public var rowLength: Int { shape[0] }
  /// Rows: the product of all other dimensions.
  public var rowCount: Int { shape.dropFirst().reduce(1, *) }
  /// Values in the whole tensor.
  public var elementCount: Int { rowLength * rowCount }
  /// Bytes of one row.
  public var rowBytes: Int { rowLength / type.blockLength * type.blockBytes }
}

/// A tensor's bytes in the mapped file; keeps the mapping alive.
///
/// The bytes may start at any address: read them with unaligned loads.
public struct TensorView: Sendable {
  /// Name, shape and type.
  public let info: TensorInfo
  /// The mapped file that owns the bytes.
  public let file: MappedFile

  /// Calls `body` with the tensor's `info.byteCount` bytes.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try file.withUnsafeBytes(in: info.byteRange, body)
  }

  /// The first byte, unaligned; valid while `file` lives.
  package var baseAddress: UnsafeRawPointer { file.base + info.byteRange.lowerBound }

  /// Decodes rows to Float32 by the plain decoder.
  ///
  /// - Precondition: `rows` lies inside `0..<info.rowCount`; the type is not an integer type.
  /// - Returns: `rows.count × info.rowLength` values, row after row.
  public func floats(rows: Range<Int>) -> [Float] {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= info.rowCount,
      "rows \(rows) are outside the \(info.rowCount) rows of \(info.name)")
    let bytes = rows.lowerBound * info.rowBytes..<rows.upperBound * info.rowBytes
    return withUnsafeBytes { tensor in
      [Float](unsafeUninitializedCapacity: rows.count * info.rowLength) { values, count in
        count = rows.count * info.rowLength
        BlockCodec.dequantize(
          info.type, from: UnsafeRawBufferPointer(rebasing: tensor[bytes]),
          into: UnsafeMutableBufferPointer(rebasing: values[..<count]))
      }
    }
  }

  /// Decodes the whole tensor to Float32; for norms, biases and tests.
  public func floats() -> [Float] { floats(rows: 0..<info.rowCount) }
}
