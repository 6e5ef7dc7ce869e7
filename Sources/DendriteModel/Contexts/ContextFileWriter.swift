// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// Writes a context file block by block; it gets its name when it is complete.
package final class ContextFileWriter {
  private let file: TemporaryFile
  private var header: [UInt8]
  private let hashPlace: Int
  package let blockBytes: Int
  private let stride: Int
  private var written = 0
  /// Blocks that the file holds when it is complete.
  package let blockCount: Int

  /// Begins a file beside its final place.
  init(
    path: String, tokens: [Int], cacheType: CacheType, fingerprint: UInt64, modelName: String,
    blockBytes: Int
  ) throws(ModelError) {
    self.blockBytes = blockBytes
    stride = ContextFile.rounded(blockBytes, to: ContextFile.page)
    blockCount = (tokens.count + 63) / 64
    let name = Array(modelName.utf8.prefix(1024))
    let bytes = ContextFile.headerBytes(nameBytes: name.count, tokens: tokens.count)
    let start = ContextFile.rounded(bytes, to: ContextFile.page)
    var header: [UInt8] = Array("DNDX".utf8)
    header.reserveCapacity(start)
    func append<T: FixedWidthInteger>(_ value: T) {
      withUnsafeBytes(of: value.littleEndian) { header.append(contentsOf: $0) }
    }
    func pad(to unit: Int) { while header.count % unit != 0 { header.append(0) } }
    append(ContextFile.layoutVersion)
    append(UInt32(numericsVersion))
    append(cacheType.savedNumber)
    append(fingerprint)
    for size in [tokens.count, blockBytes, stride, start] { append(UInt64(size)) }
    append(UInt64(0))
    append(UInt32(name.count))
    header += name
    pad(to: 8)
    for token in tokens { append(Int32(truncatingIfNeeded: token)) }
    pad(to: 8)
    hashPlace = header.count
    header += repeatElement(0, count: start - header.count)
    self.header = header
    do {
      file = try TemporaryFile(for: path)
      try Self.write(header, to: file)
    } catch {
      throw ContextFileWriter.failure(error)
    }
  }

  /// Appends the next block.
  package func append(_ block: UnsafeRawBufferPointer) throws(ModelError) {
    precondition(
      block.count == blockBytes && written < blockCount, "a block too many, or too short")
    let hash = BlockHash.of(block)
    withUnsafeBytes(of: hash.littleEndian) { bytes in
      for (index, byte) in bytes.enumerated() {
        header[hashPlace + written * 8 + index] = byte
      }
    }
    do {
      try file.write(block)
      if stride > blockBytes {
        try Self.write([UInt8](repeating: 0, count: stride - blockBytes), to: file)
      }
    } catch {
      throw ContextFileWriter.failure(error)
    }
    written += 1
  }

  /// Completes the header and gives the file its name.
  package func finish() throws(ModelError) {
    precondition(written == blockCount, "blocks are missing")
    let hash = header.withUnsafeBytes { bytes in
      bytes.baseAddress.map { ContextFile.hash(ofHeader: $0, count: bytes.count) } ?? 0
    }
    withUnsafeBytes(of: hash.littleEndian) { bytes in
      for (index, byte) in bytes.enumerated() { header[56 + index] = byte }
    }
    do {
      try file.rewind()
      try Self.write(header, to: file)
      try file.commit()
    } catch {
      throw ContextFileWriter.failure(error)
    }
  }

  private static func write(_ bytes: [UInt8], to file: TemporaryFile) throws(CheckpointError) {
    var failure: CheckpointError?
    bytes.withUnsafeBytes { buffer in
      do throws(CheckpointError) { try file.write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private static func failure(_ error: CheckpointError) -> ModelError {
    ModelError(.badContext, error.message, remedy: error.remedy, cause: error)
  }
}
