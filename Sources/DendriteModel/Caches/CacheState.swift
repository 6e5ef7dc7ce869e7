// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels

/// One sequence's history and scratch nodes.
///
/// The history is positions `0 ..< length` in blocks of 64. A scratch node is stored *in place*, at its
/// logical position behind the history, if it continues the trunk (the first chain from the tip);
/// otherwise in scratch blocks, from which attention gathers it and `commit` copies it verbatim.
final class CacheState {
  struct Node {
    /// Index of the parent node, or -1 for the tip.
    var parent: Int32
    /// Index in the history that this node would have.
    var logical: Int32
    /// Place in the scratch blocks, or -1 if it is stored in place.
    var scratchSlot: Int32
    var isEphemeral: Bool
    var isInPlace: Bool { scratchSlot < 0 }
  }

  /// Blocks for nodes beside the trunk.
  let scratchBlockCount: Int

  let type: CacheType
  let pool: BlockPool
  let capacity: Int
  /// Which blocks of the history are kept here; scratch blocks always are.
  let shard: BlockShard
  private(set) var length = 0
  private(set) var nodes: [Node] = []
  /// Counts commits and discards; node handles of an earlier count are stale.
  private(set) var scratchGeneration = 0
  /// The history's blocks in order; -1 for one that another rank keeps, -2 for one that is the file's.
  private var blocks: [Int] = []
  /// The file that the history begins with, if it does.
  private(set) var file: ContextFile?
  /// Blocks of the file that were found as they were written.
  private var soundBlocks = 0
  private var scratchBlocks: [Int] = []
  private var trunkEnd = 0
  private var trunkLast: Int32 = -1
  private var scratchUsed = 0
  /// Bases of `blocks`, for the kernels; `nil` for another rank's.
  let blockBases: UnsafeMutablePointer<UnsafeRawPointer?>

  static func blockCount(for capacity: Int, scratchBlocks: Int, shard: BlockShard) -> Int {
    shard.owned(of: (capacity + 63) / 64) + scratchBlocks
  }

  /// The pool must have reserved `blockCount(for:scratchBlocks:shard:)` blocks.
  init(type: CacheType, pool: BlockPool, capacity: Int, scratchBlocks: Int, shard: BlockShard) {
    scratchBlockCount = scratchBlocks
    self.shard = shard
    self.type = type
    self.pool = pool
    self.capacity = capacity
    let count = (capacity + 63) / 64
    blockBases = .allocate(capacity: count)
    blockBases.initialize(repeating: nil, count: count)
    blocks.reserveCapacity(count)
    nodes.reserveCapacity(1024)
    self.scratchBlocks.reserveCapacity(scratchBlocks)
  }

  deinit { blockBases.deallocate() }

  func giveBack() {
    for block in blocks + scratchBlocks where block >= 0 { pool.drop(block) }
    blocks = []
    scratchBlocks = []
    pool.unreserve(
      CacheState.blockCount(for: capacity, scratchBlocks: scratchBlockCount, shard: shard))
  }

  // MARK: Scratch nodes

  /// What a failed pass puts back.
  struct Mark {
    fileprivate let nodes: Int
    fileprivate let trunkEnd: Int
    fileprivate let trunkLast: Int32
    fileprivate let scratchUsed: Int
  }

  var mark: Mark {
    Mark(nodes: nodes.count, trunkEnd: trunkEnd, trunkLast: trunkLast, scratchUsed: scratchUsed)
  }

  func rewind(to mark: Mark) {
    nodes.removeLast(nodes.count - mark.nodes)
    trunkEnd = mark.trunkEnd
    trunkLast = mark.trunkLast
    scratchUsed = mark.scratchUsed
  }

  /// Appends a node behind `parent` (-1: the tip).
  ///
  /// - Throws: `contextFull`.
  func append(parent: Int32, isStored: Bool) throws(ModelError) -> Int {
    let logical = parent < 0 ? length : Int(nodes[Int(parent)].logical) + 1
    guard logical < capacity else {
      throw ModelError(
        .contextFull,
        "the row at position \(logical) does not fit into a cache of \(capacity) positions",
        remedy: "make the cache larger, or truncate it first")
    }
    let continuesTrunk = isStored && logical == trunkEnd && parent == trunkLast
    var slot: Int32 = -1
    if continuesTrunk {
      makeWritable(logical / 64)
      trunkEnd = logical + 1
      trunkLast = Int32(nodes.count)
    } else {
      guard scratchUsed < scratchBlockCount * 64 else {
        throw ModelError(
          .contextFull,
          "more than \(scratchBlockCount * 64) scratch rows beside the first chain",
          remedy: "commit or discard before adding branches")
      }
      if scratchUsed / 64 == scratchBlocks.count { scratchBlocks.append(pool.take()) }
      slot = Int32(scratchUsed)
      scratchUsed += 1
    }
    nodes.append(
      Node(parent: parent, logical: Int32(logical), scratchSlot: slot, isEphemeral: !isStored))
    return nodes.count - 1
  }

  /// Where a node's keys and values are; no base if another rank keeps them.
  func place(of node: Node) -> (base: UnsafeMutableRawPointer?, position: Int) {
    if node.isInPlace {
      let block = blocks[Int(node.logical) / 64]
      // A node lies behind the history, in a block of the cache's own.
      return (block < 0 ? nil : pool.base(of: block), Int(node.logical) % 64)
    }
    let slot = Int(node.scratchSlot)
    return (pool.base(of: scratchBlocks[slot / 64]), slot % 64)
  }

  private func makeWritable(_ index: Int) {
    guard shard.owns(index) else {
      if index == blocks.count { blocks.append(-1) }
      blockBases[index] = nil
      return
    }
    if index == blocks.count {
      blocks.append(pool.take())
    } else if blocks[index] == -2, let file {
      blocks[index] = pool.take()
      pool.base(of: blocks[index]).copyMemory(from: file.block(index), byteCount: pool.blockBytes)
    } else if pool.isShared(blocks[index]) {
      let copy = pool.take()
      pool.base(of: copy).copyMemory(from: pool.base(of: blocks[index]), byteCount: pool.blockBytes)
      pool.drop(blocks[index])
      blocks[index] = copy
    }
    blockBases[index] = UnsafeRawPointer(pool.base(of: blocks[index]))
  }

  // MARK: History

  func discard() {
    nodes.removeAll(keepingCapacity: true)
    scratchGeneration &+= 1
    trunkEnd = length
    trunkLast = -1
    scratchUsed = 0
  }

  /// Makes a checked path of nodes history.
  func commit(_ path: some Collection<Int>, layerCount: Int, kvHeadCount: Int) {
    for index in path {
      let node = nodes[index]
      if !node.isInPlace {
        let logical = Int(node.logical)
        makeWritable(logical / 64)
        let from = place(of: node)
        if let base = from.base, shard.owns(logical / 64) {
          let to = pool.base(of: blocks[logical / 64])
          withUnsafePointer(to: pool.layout) { layout in
            for head in 0..<layerCount * kvHeadCount {
              let origin = head * pool.layout.head_bytes
              dendrite_kv_copy(to + origin, logical % 64, base + origin, from.position, layout)
            }
          }
        }
      }
      length += 1
    }
    discard()
  }

  func truncate(to newLength: Int) {
    length = newLength
    discard()
    let needed = (newLength + 63) / 64
    while blocks.count > needed {
      let block = blocks.removeLast()
      if block >= 0 { pool.drop(block) }
    }
  }

  /// A state with the same history that shares its blocks; the pool must have reserved for it.
  func fork() -> CacheState {
    let copy = CacheState(
      type: type, pool: pool, capacity: capacity, scratchBlocks: scratchBlockCount, shard: shard)
    for index in 0..<(length + 63) / 64 {
      if blocks[index] >= 0 { pool.share(blocks[index]) }
      copy.blocks.append(blocks[index])
      copy.blockBases[index] = blockBases[index]
    }
    copy.length = length
    copy.trunkEnd = length
    copy.file = file
    copy.soundBlocks = soundBlocks
    return copy
  }

  // MARK: Bytes

  /// Blocks that hold history, in order; `nil` for another rank's.
  var historyBlocks: [UnsafeRawPointer?] { (0..<(length + 63) / 64).map { blockBases[$0] } }

  /// Makes a file's context the history of an empty state; its blocks stay where they are.
  func begin(with file: ContextFile) {
    self.file = file
    for index in 0..<file.blockCount {
      blocks.append(shard.owns(index) ? -2 : -1)
      blockBases[index] = shard.owns(index) ? file.block(index) : nil
    }
    length = file.tokens.count
    discard()
  }

  /// Blocks of the file that this rank keeps and nobody has looked at yet.
  var uncheckedBlocks: [Int] {
    guard let file, soundBlocks < file.blockCount else { return [] }
    return (soundBlocks..<min(file.blockCount, blocks.count)).filter { blocks[$0] == -2 }
  }

  /// Whether somebody has yet to look at the file's blocks; the same on all ranks.
  var isUnchecked: Bool { file.map { soundBlocks < $0.blockCount } ?? false }

  /// Notes that all blocks of the file have been looked at.
  func markChecked() { soundBlocks = file?.blockCount ?? 0 }

  /// Fills an empty state with saved blocks, as far as they are this rank's.
  func load(length: Int, from bytes: UnsafeRawPointer) {
    for index in 0..<(length + 63) / 64 {
      makeWritable(index)
      guard blocks[index] >= 0 else { continue }
      pool.base(of: blocks[index]).copyMemory(
        from: bytes + index * pool.blockBytes, byteCount: pool.blockBytes)
    }
    self.length = length
    discard()
  }
}
