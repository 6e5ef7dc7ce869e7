// SPDX-License-Identifier: Apache-2.0

/// A small matrix in the upper left corner of a larger one.
struct InflatedMatrix: Sendable {
  /// What surrounds it.
  enum Surroundings: Sendable {
    /// Random weights: they meet zeros, or what they compute is thrown away.
    case noise
    /// Zeros: what they would add must not be.
    case zeros
    /// Zeros beside the rows of real tokens, random rows for spare ones; marked if there are any.
    case vocabulary(isMarked: Bool)
  }

  /// How weights are stored, in blocks of 32.
  let type: TensorType
  /// Length of a row.
  let columns: Int
  /// The small matrix; `nil` if all is surroundings.
  let source: TensorView?
  let beyond: Surroundings
  /// Determines the random weights.
  let seed: UInt64

  /// Fills whole blocks from `byteOffset` on.
  func fill(_ chunk: UnsafeMutableRawBufferPointer, byteOffset: Int) {
    RandomBlocks(type, seed: seed).fill(chunk, byteOffset: byteOffset)
    let blocksPerRow = columns / type.blockLength
    var block = byteOffset / type.blockBytes
    var rest = chunk[...]
    while !rest.isEmpty {
      let first = block % blocksPerRow
      let count = min(rest.count / type.blockBytes, blocksPerRow - first)
      let bytes = count * type.blockBytes
      overwrite(
        row: block / blocksPerRow, blocks: first..<first + count,
        UnsafeMutableRawBufferPointer(rebasing: rest.prefix(bytes)))
      rest = rest.dropFirst(bytes)
      block += count
    }
  }

  /// Puts into a stretch of a row what is not random there.
  private func overwrite(row: Int, blocks: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer) {
    var own = 0
    if let source, row < source.info.rowCount {
      own = source.info.rowLength / type.blockLength
      let wanted = blocks.clamped(to: 0..<own)
      if !wanted.isEmpty {
        let size = wanted.count * type.blockBytes
        copy(source, row: row, wanted, UnsafeMutableRawBufferPointer(rebasing: bytes[..<size]))
      }
    }
    let isOwnRow = own > 0
    let lastBlock = columns / type.blockLength - 1
    for block in blocks where block >= own {
      let place = (block - blocks.lowerBound) * type.blockBytes
      let target = UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + type.blockBytes])
      switch beyond {
      case .noise: return
      case .zeros: VocabularyMark.clear(target, type)
      case .vocabulary(let isMarked):
        if isOwnRow { VocabularyMark.clear(target, type) }
        if isMarked, block == lastBlock { VocabularyMark.mark(target, type, isReal: isOwnRow) }
      }
    }
  }

  /// Copies blocks of the small matrix, or decodes and quantises them.
  private func copy(
    _ source: TensorView, row: Int, _ blocks: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer
  ) {
    if source.info.type == type {
      let start = row * source.info.rowBytes + blocks.lowerBound * type.blockBytes
      source.withUnsafeBytes { all in
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[start..<start + bytes.count]))
      }
      return
    }
    let values = source.floats(rows: row..<row + 1)
    let length = type.blockLength
    values[blocks.lowerBound * length..<blocks.upperBound * length].withUnsafeBufferPointer {
      BlockCodec.quantize(type, from: $0, into: bytes)
    }
  }
}
