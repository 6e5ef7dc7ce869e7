// SPDX-License-Identifier: Apache-2.0

extension GGUFWriter {
  /// Writes the file: to a temporary file beside it, synced, then renamed over `path`.
  ///
  /// `path` is either untouched or complete. If the current task is cancelled, writing stops and
  /// the temporary file is removed.
  ///
  /// - Parameters:
  ///   - path: the file to make or replace.
  ///   - progress: called after each piece with the bytes written and the total.
  /// - Throws: `.unwritable` with the system's reason, or `.cancelled`.
  /// - Complexity: O(bytes); about 4 MiB of memory beside the header.
  public func write(
    to path: String, progress: (_ written: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(CheckpointError) {
    let file = try TemporaryFile(for: path)
    let header = headerBytes
    let total = fileByteCount
    try header.withUnsafeBytesTyped { (bytes) throws(CheckpointError) in try file.write(bytes) }
    progress(header.count, total)
    var written = header.count
    for tensor in tensors {
      try forEachChunk(of: tensor) { (chunk) throws(CheckpointError) in
        guard !Task.isCancelled else {
          throw CheckpointError(
            .cancelled,
            "writing \(quoted(path)) was cancelled after \(written) bytes, expected \(total)",
            remedy: "start again; no partial file was left")
        }
        try file.write(chunk)
        written += chunk.count
        progress(written, total)
      }
    }
    try file.commit()
  }

  /// The file's bytes, in memory; for small files.
  package func bytes() -> [UInt8] {
    var bytes = headerBytes
    for tensor in tensors {
      forEachChunk(of: tensor) { chunk in bytes.append(contentsOf: chunk) }
    }
    return bytes
  }

  /// Fills a tensor piece by piece, the padding after it included.
  private func forEachChunk<E: Error>(
    of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    let rowBytes = tensor.shape[0] / tensor.type.blockLength * tensor.type.blockBytes
    let unit = rowBytes <= Self.chunkBytes ? rowBytes : tensor.type.blockBytes
    let size = min(tensor.byteCount, Self.chunkBytes / unit * unit)
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: size + alignment, alignment: 64)
    defer { chunk.deallocate() }
    chunk.initializeMemory(as: UInt8.self, repeating: 0)
    var offset = 0
    while offset < tensor.byteCount {
      let count = min(size, tensor.byteCount - offset)
      tensor.fill(UnsafeMutableRawBufferPointer(rebasing: chunk[..<count]), offset)
      offset += count
      try body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
    let padding = (alignment - tensor.byteCount % alignment) % alignment
    if padding > 0 {
      let zeros = UnsafeMutableRawBufferPointer(rebasing: chunk[..<padding])
      zeros.initializeMemory(as: UInt8.self, repeating: 0)
      try body(UnsafeRawBufferPointer(zeros))
    }
  }

  private static var chunkBytes: Int { 4 << 20 }
}

extension [UInt8] {
  /// `withUnsafeBytes` for closures with a typed error.
  fileprivate func withUnsafeBytesTyped<E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    let result: Result<Void, E> = withUnsafeBytes { bytes in
      do throws(E) {
        return .success(try body(bytes))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}
