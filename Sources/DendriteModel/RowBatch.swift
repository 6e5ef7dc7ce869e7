// SPDX-License-Identifier: Apache-2.0

/// Names one sequence's cache inside the model that made it.
///
/// A handle is an index and a generation, so a handle that outlived its cache is recognised.
public struct CacheHandle: Sendable, Hashable {
  package let index: Int
  package let generation: Int
  package init(index: Int, generation: Int) {
    self.index = index
    self.generation = generation
  }
}

/// Names one scratch row of a cache: a row that a pass stored and nobody has committed yet.
///
/// Nodes live until the next `commit` or `discard` of their cache.
public struct NodeID: Sendable, Hashable {
  package let index: Int
  package let generation: Int
  package init(index: Int, generation: Int) {
    self.index = index
    self.generation = generation
  }
}

/// One row of a pass: what goes in, what it attends to, what comes out.
public struct Row: Sendable {
  /// What is fed into the first layer.
  public enum Input: Sendable {
    /// A token, embedded by the model.
    case token(Int)
    /// A vector `[hiddenSize]` in place of an embedding (soft prefixes).
    case vector([Float])
  }

  /// The row this row follows.
  ///
  /// It attends to its parent's whole path, and to itself.
  public enum Parent: Sendable, Hashable {
    /// The last committed row of the cache (or nothing, if the cache is empty).
    case tip
    /// A scratch node of an earlier pass.
    case node(NodeID)
    /// The row with this index in the same batch; it must come earlier and be stored.
    case row(Int)
  }

  /// What the caller wants to read from this row.
  public enum Output: Sendable, Hashable {
    case none
    /// Scores before softmax, `[vocabularySize]`.
    case logits
    /// The residual stream `[hiddenSize]` after this many layers: 0 is the embedding.
    ///
    /// Such rows are *exit rows*: readable as soon as that layer is done, before the pass ends.
    case hiddenState(afterLayer: Int)
  }

  /// The sequence that the row continues.
  public var cache: CacheHandle
  /// What goes into the first layer.
  public var input: Input
  /// The row that this one follows.
  public var parent: Parent
  /// What is read from the row.
  public var output: Output
  /// Whether the residual stream after this many layers can be read as well, as soon as that layer is done.
  ///
  /// So one row gives an early guess of what its logits will say, and later the logits.
  public var exitLayer: Int?
  /// The rotary position; `nil` means the row's place in its history, which is what models expect.
  public var position: Int?
  /// Whether keys and values are kept as a scratch node.
  ///
  /// An ephemeral row sees itself and its path, and leaves no trace.
  public var isStored: Bool

  /// Describes one row.
  public init(
    cache: CacheHandle, input: Input, parent: Parent, output: Output = .none,
    exitLayer: Int? = nil, position: Int? = nil, isStored: Bool = true
  ) {
    self.cache = cache
    self.input = input
    self.parent = parent
    self.output = output
    self.exitLayer = exitLayer
    self.position = position
    self.isStored = isStored
  }
}

/// The rows of one pass: several sequences, chains and trees in any mixture.
///
/// A batch is a plain list. Reuse one with `removeAll()`: it keeps its capacity, and a decoder that
/// does so allocates nothing per token.
public struct RowBatch: Sendable {
  /// The rows, in the order in which they were appended.
  public private(set) var rows: [Row] = []

  /// A batch without rows.
  public init() {}

  /// The number of rows.
  public var count: Int { rows.count }

  /// Appends a row and returns its index, by which results are read and later rows name it.
  @discardableResult
  public mutating func append(_ row: Row) -> Int {
    rows.append(row)
    return rows.count - 1
  }

  /// Appends tokens as a chain behind `parent`.
  ///
  /// - Parameters:
  ///   - tokens: ids, in order.
  ///   - cache: the sequence that they continue.
  ///   - parent: the row that the first token follows.
  ///   - output: what the *last* token of the chain returns; the others return nothing.
  /// - Returns: the index of the chain's last row, or `nil` if there were no tokens.
  @discardableResult
  public mutating func append(
    chain tokens: some Collection<Int>, to cache: CacheHandle, parent: Row.Parent = .tip,
    lastOutput output: Row.Output
  ) -> Int? {
    var parent = parent
    var last: Int?
    var remaining = tokens.count
    for token in tokens {
      remaining -= 1
      let index = append(
        Row(
          cache: cache, input: .token(token), parent: parent,
          output: remaining == 0 ? output : .none))
      parent = .row(index)
      last = index
    }
    return last
  }

  /// Empties the batch and keeps its capacity.
  public mutating func removeAll() { rows.removeAll(keepingCapacity: true) }
}
