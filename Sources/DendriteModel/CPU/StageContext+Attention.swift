// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import CDendriteKernels
internal import DendriteCompute

extension StageContext {
  /// Attention of a bunch of rows and one KV head: all its query heads over everything the rows see.
  ///
  /// Blocks that all rows see whole are read once, for all of them; before and behind those each row goes
  /// alone. A row meets its blocks in ascending order all the same.
  ///
  /// - Source: the fold over blocks and classes of `dendrite_attend_fold`.
  func attend(_ item: Int, part: Int) {
    let rows = plan.bunches[item / model.kvHeadCount]
    let head = item % model.kvHeadCount
    guard let cache = caches[plan.rows[rows.lowerBound].cache] else { return }
    let dim = model.headDim
    let group = model.headCount / model.kvHeadCount
    let queries = rows.count * group
    let states = buffers.states.base + part * buffers.statesPerPart
    let gathered = states + queries * 16 * dendrite_state_floats(dim)
    let out = gathered + queries * dim
    // The blocks that all rows see whole, and in place: positions from `commonStart` to `commonEnd`.
    var commonStart = 0
    var commonEnd = Int.max
    for (index, row) in rows.enumerated() {
      let planned = plan.rows[row]
      commonStart = max(commonStart, (firstSeen(by: planned) + 63) / 64 * 64)
      commonEnd = min(commonEnd, min(planned.logical + 1, planned.firstGathered) / 64 * 64)
      (gathered + index * group * dim).update(
        from: buffers.query.base + row * buffers.queryStride + head * group * dim,
        count: group * dim)
    }
    withUnsafePointer(to: cache.pool.layout) { layout in
      var history = dendrite_history(
        kernels: kernels.table, layout: layout, blocks: UnsafePointer(cache.blockBases),
        offset: layer * cache.pool.layerBytes + head * layout.pointee.head_bytes, cap: scoreCap)
      dendrite_attend_begin(states, queries, dim)
      // Class 0 is rank 0's.
      if let sinks = weights.sinks, cache.shard.rank == 0 {
        begin(states, queries, sinks.base + head * group, group: group)
      }
      func fold(_ index: Int, _ positions: Range<Int>) {
        if positions.isEmpty { return }
        dendrite_attend_fold(
          &history, states, queries, index * group, group, gathered + index * group * dim,
          positions.lowerBound, positions.upperBound)
      }
      let hasCommon = commonStart < commonEnd
      if hasCommon {
        for (index, row) in rows.enumerated() {
          fold(index, firstSeen(by: plan.rows[row])..<commonStart)
        }
        dendrite_attend_fold(
          &history, states, queries, 0, queries, gathered, commonStart, commonEnd)
      }
      for (index, row) in rows.enumerated() {
        let planned = plan.rows[row]
        let rest = (hasCommon ? commonEnd : firstSeen(by: planned))..<planned.logical + 1
        if !planned.gathered.isEmpty {
          history.blocks = overlay(planned, of: cache, origin: history.offset, part: part)
        }
        fold(index, rest)
        history.blocks = UnsafePointer(cache.blockBases)
      }
    }
    if let partials = buffers.partials {
      dendrite_attend_merge(kernels.table, states, queries, dim)
      let floats = group * dendrite_state_floats(dim)
      for (index, row) in rows.enumerated() {
        (partials.base + (row * model.kvHeadCount + head) * floats).update(
          from: states + index * floats, count: floats)
      }
      return
    }
    dendrite_attend_end(kernels.table, out, states, queries, dim)
    for (index, row) in rows.enumerated() {
      (buffers.attended.base + row * buffers.queryStride + head * group * dim).update(
        from: out + index * group * dim, count: group * dim)
    }
  }

  /// Lets the states of class 0 begin with the sinks of their heads: a score and its weight, and no value.
  private func begin(
    _ states: UnsafeMutablePointer<Float>, _ queries: Int, _ sinks: UnsafePointer<Float>, group: Int
  ) {
    let floats = dendrite_state_floats(model.headDim)
    for query in 0..<queries {
      let score = sinks[query % group] * 1.442695
      let bound = score.rounded(.up)
      states[query * floats] = bound
      states[query * floats + 16] = ExactMath.exp2(score - bound)
    }
  }

  /// The first position that a row sees: its window may hide what lies further back.
  private func firstSeen(by row: PlannedRow) -> Int {
    guard let window = weights.attentionWindow else { return 0 }
    return max(0, row.logical + 1 - window)
  }

  /// A block table in which the blocks of a branch are replaced by gathered copies.
  ///
  /// Keys enter their block at their logical position, so a branch is attended in the order that the
  /// same tokens would have as a chain, and gives the same bits.
  private func overlay(
    _ row: PlannedRow, of cache: CacheState, origin: Int, part: Int
  ) -> UnsafePointer<UnsafeRawPointer?> {
    guard let tables = buffers.tables, let overlay = buffers.overlay else {
      return UnsafePointer(cache.blockBases)
    }
    let table = UnsafeMutableRawPointer(tables.base + part * buffers.tableEntriesPerPart)
      .assumingMemoryBound(to: UnsafeRawPointer?.self)
    let room = UnsafeMutableRawPointer(overlay.base + part * buffers.overlayBytesPerPart)
    let headBytes = cache.pool.layout.head_bytes
    let firstBlock = row.firstGathered / 64
    table.update(from: cache.blockBases, count: firstBlock)
    withUnsafePointer(to: cache.pool.layout) { layout in
      for block in firstBlock...row.logical / 64 {
        guard cache.shard.owns(block) else {
          table[block] = nil
          continue
        }
        let copy = room + (block - firstBlock) * headBytes
        for position in block * 64...min(row.logical, block * 64 + 63) {
          if position < row.firstGathered {
            if let base = cache.blockBases[block] {
              dendrite_kv_copy(copy, position % 64, base + origin, position % 64, layout)
            }
          } else {
            let place = plan.gathered[row.gathered.lowerBound + position - row.firstGathered]
            dendrite_kv_copy(copy, position % 64, place.base + origin, place.place, layout)
          }
        }
        table[block] = UnsafeRawPointer(copy) - origin
      }
    }
    return UnsafePointer(table)
  }
}
