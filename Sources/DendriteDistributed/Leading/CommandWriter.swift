// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// What rank 0 tells the others to do, as bytes: everything between two passes and the pass itself are one message.
///
/// Integers are little-endian base 128, seven bits a byte; a row of a chain takes a byte and its token.
struct CommandWriter {
  private(set) var bytes: [UInt8] = []

  /// The kinds of command.
  enum Kind: UInt8 {
    case stop, stillHere, makeCache, release, commitNodes, commitRows, discard, truncate, fork
    case randomHistory, submit, save, restore, open, look
  }

  /// What a row's first number says; rare things have high bits, so that it mostly fits into one byte.
  enum RowFlag {
    static let parentMask = 3
    static let followsTip = 0
    static let followsNode = 1
    static let followsRowBefore = 2
    static let followsRow = 3
    static let outputMask = 12
    static let wantsLogits = 4
    static let wantsHiddenState = 8
    static let namesCache = 16
    static let hasExit = 32
    static let hasPosition = 64
    static let isVector = 128
    static let isEphemeral = 256
  }

  init() { bytes.reserveCapacity(4096) }

  var isEmpty: Bool { bytes.isEmpty }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func begin(_ kind: Kind) { bytes.append(kind.rawValue) }

  mutating func append(_ value: Int) {
    var rest = UInt64(bitPattern: Int64(value))
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func append(_ text: String) {
    let utf8 = Array(text.utf8)
    append(utf8.count)
    bytes += utf8
  }

  mutating func append(_ cache: CacheHandle) {
    append(cache.index)
    append(cache.generation)
  }

  mutating func append(_ batch: RowBatch) {
    begin(.submit)
    append(batch.count)
    var cache: CacheHandle?
    for (index, row) in batch.rows.enumerated() {
      append(row, index: index, namesCache: row.cache != cache)
      cache = row.cache
    }
  }

  private mutating func append(_ row: Row, index: Int, namesCache: Bool) {
    var flags = namesCache ? RowFlag.namesCache : 0
    switch row.parent {
    case .tip: flags |= RowFlag.followsTip
    case .node: flags |= RowFlag.followsNode
    case .row(let parent):
      flags |= parent == index - 1 ? RowFlag.followsRowBefore : RowFlag.followsRow
    }
    switch row.output {
    case .none: break
    case .logits: flags |= RowFlag.wantsLogits
    case .hiddenState: flags |= RowFlag.wantsHiddenState
    }
    if row.exitLayer != nil { flags |= RowFlag.hasExit }
    if row.position != nil { flags |= RowFlag.hasPosition }
    if case .vector = row.input { flags |= RowFlag.isVector }
    if !row.isStored { flags |= RowFlag.isEphemeral }
    append(flags)
    if namesCache { append(row.cache) }
    if case .node(let node) = row.parent {
      append(node.index)
      append(node.generation)
    }
    if case .row(let parent) = row.parent, parent != index - 1 { append(parent) }
    if case .hiddenState(let layer) = row.output { append(layer) }
    if let layer = row.exitLayer { append(layer) }
    if let position = row.position { append(position) }
    switch row.input {
    case .token(let token): append(token)
    case .vector(let vector):
      append(vector.count)
      for value in vector {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
  }
}
