// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

extension CPUTransformer {
  // MARK: Handles

  func state(of cache: CacheHandle) throws(ModelError) -> CacheState {
    guard caches.indices.contains(cache.index), cacheGenerations[cache.index] == cache.generation,
      let state = caches[cache.index]
    else {
      throw ModelError(
        .staleHandle, "a cache handle that was released, or belongs to another model",
        remedy: "make a new cache")
    }
    return state
  }

  func pool(for type: CacheType) -> BlockPool {
    if let pool = pools[type] { return pool }
    let pool = BlockPool(
      type: type, headDim: configuration.headDim, kvHeadCount: configuration.kvHeadCount,
      layerCount: configuration.layerCount)
    pools[type] = pool
    return pool
  }

  private func adopt(_ state: CacheState) -> CacheHandle {
    let index: Int
    if let vacant = caches.firstIndex(where: { $0 == nil }) {
      index = vacant
      caches[index] = state
    } else {
      index = caches.count
      caches.append(state)
      cacheGenerations.append(0)
    }
    return CacheHandle(index: index, generation: cacheGenerations[index])
  }

  // MARK: CausalModel

  /// As `CausalModel` says.
  public func makeCache(
    capacity: Int, type: CacheType, branchRows: Int
  ) throws(ModelError) -> CacheHandle {
    passThread.waitUntilIdle()
    guard capacity > 0, capacity <= 1 << 30 else {
      throw ModelError(
        .contextFull, "a cache for \(capacity) tokens, expected 1 … \(1 << 30)",
        remedy: "the model was trained for \(configuration.contextLength) tokens")
    }
    guard (0...1 << 20).contains(branchRows) else {
      throw ModelError(
        .contextFull, "a cache with \(branchRows) rows for branches, expected 0 … \(1 << 20)",
        remedy: "128 rows hold the trees of a pass")
    }
    let pool = pool(for: type)
    let scratchBlocks = (branchRows + 63) / 64
    try pool.reserve(
      CacheState.blockCount(for: capacity, scratchBlocks: scratchBlocks, shard: shard),
      purpose: "a \(type.rawValue) cache for \(capacity) tokens")
    return adopt(
      CacheState(
        type: type, pool: pool, capacity: capacity, scratchBlocks: scratchBlocks, shard: shard))
  }

  /// As `CausalModel` says.
  public func release(_ cache: CacheHandle) {
    passThread.waitUntilIdle()
    guard let state = try? state(of: cache) else { return }
    state.giveBack()
    caches[cache.index] = nil
    cacheGenerations[cache.index] += 1
  }

  /// As `CausalModel` says.
  public func length(of cache: CacheHandle) throws(ModelError) -> Int {
    try state(of: cache).length
  }

  /// As `CausalModel` says.
  public func capacity(of cache: CacheHandle) throws(ModelError) -> Int {
    try state(of: cache).capacity
  }

  /// As `CausalModel` says.
  public func commit(_ path: some Collection<NodeID>, to cache: CacheHandle) throws(ModelError) {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    var parent: Int32 = -1
    for (step, id) in path.enumerated() {
      guard id.generation == state.scratchGeneration, state.nodes.indices.contains(id.index) else {
        throw ModelError(
          .staleHandle, "step \(step) of the path is a node that was committed or discarded",
          remedy: "commit a path of nodes of the passes since the last commit")
      }
      guard state.nodes[id.index].parent == parent, !state.nodes[id.index].isEphemeral else {
        throw ModelError(
          .badRow, "step \(step) of the path does not follow the step before it",
          remedy: "commit a chain of stored rows that begins at the tip")
      }
      parent = Int32(id.index)
    }
    state.commit(
      path.lazy.map(\.index), layerCount: configuration.layerCount,
      kvHeadCount: configuration.kvHeadCount)
  }

  /// As `CausalModel` says.
  public func commit(rows: Range<Int>, of pass: Pass, to cache: CacheHandle) throws(ModelError) {
    try pass.finish()
    guard rows.lowerBound >= 0, rows.upperBound <= plan.rows.count else {
      throw ModelError(
        .badRow, "rows \(rows), expected a part of 0 ..< \(plan.rows.count)",
        remedy: "use the indices that append returned")
    }
    let state = try state(of: cache)
    var parent: Int32 = -1
    for row in rows {
      let planned = plan.rows[row]
      guard planned.cache == cache.index, state.nodes.indices.contains(planned.node),
        state.nodes[planned.node].parent == parent, !state.nodes[planned.node].isEphemeral
      else {
        throw ModelError(
          .badRow, "rows \(rows) are not a chain of stored rows from the tip of this cache",
          remedy: "commit each chain by its own range, or a path by its nodes")
      }
      parent = Int32(planned.node)
    }
    state.commit(
      rows.lazy.map { self.plan.rows[$0].node }, layerCount: configuration.layerCount,
      kvHeadCount: configuration.kvHeadCount)
  }

  /// As `CausalModel` says.
  public func discard(_ cache: CacheHandle) throws(ModelError) {
    passThread.waitUntilIdle()
    try state(of: cache).discard()
  }

  /// As `CausalModel` says.
  public func truncate(_ cache: CacheHandle, to length: Int) throws(ModelError) -> Truncation {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    guard (0...state.length).contains(length) else {
      throw ModelError(
        .badRow, "a truncation to \(length) tokens, expected 0 … \(state.length)",
        remedy: "a cache cannot be made longer by truncating")
    }
    state.truncate(to: length)
    return .done
  }

  /// As `CausalModel` says.
  public func fork(_ cache: CacheHandle) throws(ModelError) -> CacheHandle {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    try state.pool.reserve(
      CacheState.blockCount(
        for: state.capacity, scratchBlocks: state.scratchBlockCount, shard: shard),
      purpose: "a second cache for \(state.capacity) tokens")
    return adopt(state.fork())
  }

  /// As `CausalModel` says.
  public func save(_ cache: CacheHandle) throws(ModelError) -> [UInt8] {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    try checkFile(of: state)
    guard state.historyBlocks.allSatisfy({ $0 != nil }) else {
      throw ModelError(
        .badSharding, "a cache of which other ranks keep a part",
        remedy: "save it through the model that leads the ranks")
    }
    return SavedContext.sealed(
      SavedContext.encode(header(of: state), blocks: state.historyBlocks))
  }

  /// As `CausalModel` says.
  public func restore(_ bytes: [UInt8], capacity: Int) throws(ModelError) -> CacheHandle {
    let header = try SavedContext.decode(bytes)
    guard header.fingerprint == fingerprint else {
      throw ModelError(
        .badContext, "found a context of another model file",
        remedy: "load it with the file it was saved with")
    }
    guard header.numericsVersion == UInt32(numericsVersion) else {
      throw ModelError(
        .badContext,
        "found a context of numerics version \(header.numericsVersion), expected \(numericsVersion)",
        remedy: "prefill the prompt again with this version")
    }
    guard let type = CacheType(savedNumber: header.type) else {
      throw SavedContext.damaged("cache type number \(header.type)")
    }
    guard header.length <= capacity else {
      throw ModelError(
        .contextFull, "a context of \(header.length) tokens for a cache of \(capacity)",
        remedy: "restore it into a larger cache")
    }
    // Nothing may fail once the cache has a name: ranks give the same names.
    guard pool(for: type).blockBytes == header.blockBytes else {
      throw SavedContext.damaged("blocks of \(header.blockBytes) bytes")
    }
    let handle = try makeCache(capacity: capacity, type: type)
    let state = try state(of: handle)
    bytes.withUnsafeBytes { buffer in
      if let base = buffer.baseAddress, header.length > 0 {
        state.load(length: header.length, from: base + SavedContext.headerBytes)
      }
    }
    return handle
  }
}
