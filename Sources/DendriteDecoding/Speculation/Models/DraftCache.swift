// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// A drafter's cache: a history, and a tree of guesses behind it that may or may not come true.
///
/// Guesses are fed as scratch nodes. When the text is known to go on along one of their paths, `advance` commits that
/// path instead of reading it again.
final class DraftCache {
  /// A token that was fed but is not history.
  struct Node {
    var token: Int
    /// Index of the node before it; −1: the end of the history.
    var parent: Int
    fileprivate var id: NodeID
  }

  /// A row to feed.
  struct Seed {
    var token: Int
    /// Index of a node, which may be a row of the same batch; −1: the end of the history.
    var parent: Int
  }

  private let owner: DrafterModel
  private var model: any CausalModel { owner.model }
  /// Positions, those of guesses among them.
  let capacity: Int
  /// The history.
  private(set) var tokens: [Int] = []
  /// The tree behind it, parents first.
  private(set) var nodes: [Node] = []

  private let cache: CacheHandle
  private var batch = RowBatch()

  /// Reserves a cache.
  ///
  /// - Parameters:
  ///   - owner: the small model.
  ///   - capacity: positions.
  ///   - branchRows: guesses at a time beside the first chain.
  /// - Throws: `model` if there is not enough memory.
  init(model owner: DrafterModel, capacity: Int, branchRows: Int) throws(DecodingError) {
    self.owner = owner
    owner.releaseAbandoned()
    self.capacity = capacity
    do {
      cache = try owner.model.makeCache(capacity: capacity, type: .f16, branchRows: branchRows)
    } catch {
      throw DecodingError(error)
    }
  }

  // A session may be dropped on any thread, and only one may call the model.
  deinit { owner.abandon(cache) }

  /// The child of a node with a token.
  func child(of parent: Int, token: Int) -> Int? {
    var index = parent + 1
    while index < nodes.count {
      if nodes[index].parent == parent, nodes[index].token == token { return index }
      index += 1
    }
    return nil
  }

  /// Makes as much of a history the cache's own as is in it already, and forgets the rest.
  ///
  /// - Returns: how much of it is in the cache.
  @discardableResult
  func advance(to history: some RandomAccessCollection<Int>) throws(DecodingError) -> Int {
    owner.releaseAbandoned()
    var common = 0
    for (mine, theirs) in zip(tokens, history) {
      guard mine == theirs else { break }
      common += 1
    }
    do throws(ModelError) {
      if common < tokens.count {
        nodes.removeAll(keepingCapacity: true)
        var length = common
        while case .mustPrefill(let position) = try model.truncate(cache, to: length) {
          guard position < length else { break }
          length = position
        }
        tokens.removeSubrange(length...)
        return length
      }
      guard !nodes.isEmpty else { return common }
      var path: [NodeID] = []
      var at = -1
      for token in history.dropFirst(common) {
        guard let next = child(of: at, token: token) else { break }
        path.append(nodes[next].id)
        tokens.append(token)
        at = next
      }
      nodes.removeAll(keepingCapacity: true)
      try model.commit(path, to: cache)
      return tokens.count
    } catch {
      throw failed(error)
    }
  }

  /// Reads tokens and makes them history, in chunks.
  ///
  /// - Parameters:
  ///   - next: what follows the history.
  ///   - isOver: asked between chunks; reading ends early if it says so.
  /// - Throws: `model`.
  func read(
    _ next: some RandomAccessCollection<Int>, isOver: () -> Bool = { false }
  ) throws(DecodingError) {
    precondition(nodes.isEmpty, "reading behind guesses")
    var rest = next[...]
    do throws(ModelError) {
      while !rest.isEmpty, !isOver() {
        let chunk = rest.prefix(256)
        rest = rest.dropFirst(chunk.count)
        batch.removeAll()
        batch.append(chain: chunk, to: cache, lastOutput: .none)
        let pass = try model.submit(batch)
        try model.commit(rows: 0..<batch.count, of: pass, to: cache)
        tokens.append(contentsOf: chunk)
      }
    } catch {
      throw failed(error)
    }
  }

  /// Feeds guesses, and rows that leave no trace behind the last of them.
  ///
  /// - Parameters:
  ///   - seeds: rows, parents first; they become the next nodes, in order.
  ///   - vectors: fed behind the last row, one behind the other, and forgotten.
  ///   - silent: how many of the first rows need no scores.
  /// - Returns: the pass; row i has the scores of seed i, and row `seeds.count + j` those of vector j.
  /// - Throws: `model`.
  func grow(
    _ seeds: [Seed], vectors: [[Float]] = [], silent: Int = 0
  ) throws(DecodingError) -> Pass {
    let first = nodes.count
    batch.removeAll()
    for (row, seed) in seeds.enumerated() {
      let parent: Row.Parent =
        if seed.parent < 0 {
          .tip
        } else if seed.parent < first {
          .node(nodes[seed.parent].id)
        } else {
          .row(seed.parent - first)
        }
      batch.append(
        Row(
          cache: cache, input: .token(seed.token), parent: parent,
          output: row < silent ? .none : .logits))
    }
    for vector in vectors {
      batch.append(
        Row(
          cache: cache, input: .vector(vector), parent: .row(batch.count - 1), output: .logits))
    }
    do throws(ModelError) {
      let pass = try model.submit(batch)
      try pass.finish()
      for (row, seed) in seeds.enumerated() {
        nodes.append(Node(token: seed.token, parent: seed.parent, id: try pass.node(ofRow: row)))
      }
      return pass
    } catch {
      throw failed(error)
    }
  }

  /// After a failure nothing of the guesses is left.
  private func failed(_ error: ModelError) -> DecodingError {
    nodes.removeAll()
    try? model.discard(cache)
    return DecodingError(error)
  }
}
