// SPDX-License-Identifier: Apache-2.0

/// A saved context of which some blocks are still missing.
package struct SavedShard: Sendable {
  /// Blocks of the history.
  package let blockCount: Int
  /// Bytes of one.
  package let blockBytes: Int
  private var bytes: [UInt8]

  init(header: SavedContext.Header, blocks: [UnsafeRawPointer?]) {
    blockCount = blocks.count
    blockBytes = header.blockBytes
    bytes = SavedContext.encode(header, blocks: blocks)
  }

  /// Puts a block in its place.
  package mutating func fill(block: Int, from source: UnsafeRawBufferPointer) {
    precondition(source.count == blockBytes, "a block of another size")
    let start = SavedContext.headerBytes + block * blockBytes
    bytes.withUnsafeMutableBytes { all in
      UnsafeMutableRawBufferPointer(rebasing: all[start..<start + blockBytes]).copyMemory(
        from: source)
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
    try checkFile(of: state)
    return SavedShard(header: header(of: state), blocks: state.historyBlocks)
  }

  /// A block of a history, if this rank keeps it; valid until the next pass.
  package func historyBlock(
    _ index: Int, of cache: CacheHandle
  ) throws(ModelError) -> UnsafeRawBufferPointer? {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    guard let base = state.historyBlocks[index] else { return nil }
    return UnsafeRawBufferPointer(start: base, count: state.pool.blockBytes)
  }

  /// Calls a function with the bytes of every block of a history that this rank keeps, in order.
  package func forEachOwnBlock(
    of cache: CacheHandle, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(ModelError) {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    try checkFile(of: state)
    for block in state.historyBlocks {
      guard let block else { continue }
      body(UnsafeRawBufferPointer(start: block, count: state.pool.blockBytes))
    }
  }

  /// Waits until no pass is running, however it ends.
  package func waitForPass() { passThread.waitUntilIdle() }

  /// Passes in which this rank has nothing more to exchange with others, whatever became of them.
  package var exchangedPassCount: Int { forward.exchangedCount }

  /// Caches of a batch that begin with a file of which this rank keeps blocks that nobody has looked at yet.
  package func cachesToCheck(of batch: RowBatch) -> [CacheHandle] {
    var found: [CacheHandle] = []
    for row in batch.rows where found.last != row.cache && !found.contains(row.cache) {
      guard let state = try? state(of: row.cache), state.isUnchecked else { continue }
      found.append(row.cache)
    }
    return found
  }

  /// Looks at the blocks of a cache's file that nobody has looked at yet.
  ///
  /// - Throws: `badContext`.
  package func checkFile(of cache: CacheHandle) throws(ModelError) {
    passThread.waitUntilIdle()
    try checkFile(of: state(of: cache))
  }

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
