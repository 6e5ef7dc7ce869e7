// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import CDendriteKernels
internal import DendriteCompute

extension StageContext {
  /// Attention of one row and one KV head: all its query heads over everything the row sees.
  ///
  /// - Source: the fold over blocks and classes of `dendrite_attend_history`.
  func attend(_ item: Int, part: Int) {
    let row = item / model.kvHeadCount
    let head = item % model.kvHeadCount
    let planned = plan.rows[row]
    guard let cache = caches[planned.cache] else { return }
    let dim = model.headDim
    let group = model.headCount / model.kvHeadCount
    let origin = layer * cache.pool.layerBytes + head * cache.pool.layout.head_bytes
    let query = buffers.query.base + row * buffers.queryStride + head * group * dim
    let out = buffers.attended.base + row * buffers.queryStride + head * group * dim
    let blocks =
      planned.gathered.isEmpty
      ? UnsafePointer(cache.blockBases) : overlay(planned, of: cache, origin: origin, part: part)
    withUnsafePointer(to: cache.pool.layout) { layout in
      dendrite_attend_history(
        kernels.table, out, query, group, blocks, origin, layout, 0, planned.logical + 1,
        buffers.states.base + part * buffers.statesPerPart)
    }
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
