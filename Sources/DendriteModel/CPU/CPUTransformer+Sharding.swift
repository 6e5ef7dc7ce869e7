// SPDX-License-Identifier: Apache-2.0

/// A saved context of which some blocks are still missing.
package struct SavedShard: Sendable {
  /// Blocks of the history.
  package let blockCount: Int
  /// Bytes of one.
  package let blockBytes: Int
  private var bytes: [UInt8]

  init(header: SavedContext.Header, blocks: [UnsafeMutableRawPointer?]) {
    blockCount = blocks.count
    blockBytes = header.blockBytes
    bytes = SavedContext.encode(header, blocks: blocks)
  }

  /// Puts a piece of a block in its place.
  package mutating func fill(
    block: Int, at offset: Int, from source: UnsafeRawBufferPointer, count: Int
  ) {
    let start = SavedContext.headerBytes + block * blockBytes + offset
    bytes.withUnsafeMutableBytes { all in
      UnsafeMutableRawBufferPointer(rebasing: all[start..<start + count])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
    }
  }

  /// The bytes, with their checksum.
  package func finished() -> [UInt8] { SavedContext.sealed(bytes) }
}

extension CPUTransformer {
  /// Checks a batch as `submit` does, and leaves no trace.
  ///
  /// - Throws: as `submit`.
  package func check(_ batch: RowBatch) throws(ModelError) {
    passThread.waitUntilIdle()
    try resolve(batch)
    for (cache, mark) in marks { caches[cache]?.rewind(to: mark) }
    plan.removeAll()
  }

  /// What this rank holds of a history, in the form in which whole histories are saved.
  package func shardForSaving(_ cache: CacheHandle) throws(ModelError) -> SavedShard {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    return SavedShard(header: header(of: state), blocks: state.historyBlocks)
  }

  /// Calls a function with the bytes of every block of a history that this rank keeps, in order.
  package func forEachOwnBlock(
    of cache: CacheHandle, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(ModelError) {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    for block in state.historyBlocks {
      guard let block else { continue }
      body(UnsafeRawBufferPointer(start: block, count: state.pool.blockBytes))
    }
  }

  /// Waits until no pass is running, however it ends.
  package func waitForPass() { passThread.waitUntilIdle() }

  /// Passes that have ended on this model, whatever became of them.
  package var endedPassCount: Int { forward.endedCount }

  /// Leaves out the name that the next cache would have had, as if it had been made and released.
  package func passOverHandle() {
    if let vacant = caches.firstIndex(where: { $0 == nil }) {
      cacheGenerations[vacant] += 1
    } else {
      caches.append(nil)
      cacheGenerations.append(1)
    }
  }

  func header(of state: CacheState) -> SavedContext.Header {
    SavedContext.Header(
      numericsVersion: UInt32(numericsVersion), type: state.type.savedNumber,
      fingerprint: fingerprint, length: state.length, blockBytes: state.pool.blockBytes)
  }
}
