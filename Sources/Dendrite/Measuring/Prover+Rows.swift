// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// How rows share a pass: chunks of a prompt, other rows, trees.
extension Prover {
  /// A prompt in chunks gives what the same prompt gives row by row.
  func chunks() throws -> Finding {
    var tally = Tally()
    let want = try reference(.f16, count: tokens.count)
    let sizes = [7, 64, 100, 512].filter { $0 < tokens.count || $0 == 64 }
    for size in sizes {
      // Which rows are read out must not matter either, so it differs from size to size.
      let got = try withCache(.f16) { cache in
        try feed(tokens, to: cache, chunk: size) { ($0 + size) % 3 == 0 || $0 + 1 == tokens.count }
      }
      for (index, hash) in got {
        tally.compare(hash, want[index], "position \(index) of a prompt in chunks of \(size)")
      }
    }
    let list = sizes.map(String.init).joined(separator: ", ")
    return Finding(
      claim: "\(tokens.count) tokens one at a time = in chunks of \(list)", tally: tally)
  }

  /// A row among others, of its own and of other sequences, is the row alone.
  func rows() throws -> Finding {
    var tally = Tally()
    let counts = effort.isThorough ? Array(2...33) : [2, 5, 16, 33]
    let own = min(16, tokens.count / 2)
    let start = min(56, tokens.count - own)  // the chain crosses the end of a cache block
    let guests = [
      random.ids(20, vocabulary: vocabulary), random.ids(9, vocabulary: vocabulary),
    ]
    let want = try reference(.f16, count: tokens.count)
    try withCache(.f16) { host in
      try withCache(.f16) { first in
        try withCache(.q8) { second in
          try feed(tokens.prefix(start), to: host, reads: { _ in false })
          let caches = [host, first, second]
          let alone = try [
            Array(want[start...]), self.alone(guests[0], in: first),
            self.alone(guests[1], in: second),
          ]
          let sequences = [Array(tokens[start...].prefix(own)), guests[0], guests[1]]
          for count in counts {
            try compare(count, of: sequences, in: caches, with: alone, &tally)
          }
        }
      }
    }
    return Finding(
      claim:
        "a row alone = among \(effort.isThorough ? "2 … 33" : "2, 5, 16 and 33") rows of three "
        + "sequences",
      tally: tally)
  }

  /// Fingerprints of a short sequence row by row; the cache is empty again afterwards.
  private func alone(_ tokens: [Int], in cache: CacheHandle) throws -> [BitHash] {
    let hashes = try feed(tokens, to: cache, chunk: 1)
    _ = try model.truncate(cache, to: 0)
    return tokens.indices.compactMap { hashes[$0] }
  }

  /// One pass of `count` rows, drawn in random order from chains of several sequences.
  private func compare(
    _ count: Int, of sequences: [[Int]], in caches: [CacheHandle], with alone: [[BitHash]],
    _ tally: inout Tally
  ) throws {
    var batch = RowBatch()
    var origins: [(sequence: Int, index: Int)] = []
    var last = [Int?](repeating: nil, count: sequences.count)
    var used = [Int](repeating: 0, count: sequences.count)
    while batch.count < count {
      let open = sequences.indices.filter { used[$0] < sequences[$0].count }
      guard !open.isEmpty else { break }
      let sequence = open[random.below(open.count)]
      let index = used[sequence]
      last[sequence] = batch.append(
        Row(
          cache: caches[sequence], input: .token(sequences[sequence][index]),
          parent: last[sequence].map { .row($0) } ?? .tip, output: .logits))
      used[sequence] += 1
      origins.append((sequence, index))
    }
    let pass = try model.submit(batch)
    for (row, origin) in origins.enumerated() {
      let got = try pass.withLogits(ofRow: row) { BitHash($0) }
      tally.compare(
        got, alone[origin.sequence][origin.index],
        "row \(row) of \(count): token \(origin.index) of sequence \(origin.sequence + 1)")
    }
    for cache in caches { try model.discard(cache) }
  }

  /// Every node of a random tree is the end of its path fed as a chain.
  func trees() throws -> Finding {
    var tally = Tally()
    try compareTree(.f16, &tally)
    return Finding(
      claim: "a node of a random tree, grown over two passes = the end of its path as a chain",
      tally: tally)
  }

  /// Grows a tree of 24 nodes behind a prompt and feeds each path to a leaf as a chain.
  func compareTree(_ type: CacheType, _ tally: inout Tally) throws {
    let prompt = tokens.prefix(min(60, tokens.count - 1))
    try withCache(type) { trunk in
      try feed(prompt, to: trunk, reads: { _ in false })
      let chain = try model.fork(trunk)
      defer { model.release(chain) }
      let nodes = try grow(14, then: 10, behind: trunk)
      let inner = Set(nodes.compactMap(\.parent))
      for leaf in nodes.indices where !inner.contains(leaf) {
        let path = nodes.path(to: leaf)
        let want = try feed(path.map { nodes[$0].token }, to: chain)
        for (step, node) in path.enumerated() {
          tally.compare(
            nodes[node].hash, want[step],
            "node \(node) of a tree, \(step + 1) behind the prompt, \(type.rawValue) cache")
        }
        _ = try model.truncate(chain, to: prompt.count)
      }
    }
  }

  /// A random tree of scratch rows, in two passes; most nodes continue a young one.
  func grow(
    _ first: Int, then second: Int, behind cache: CacheHandle
  ) throws -> [TreeNode] {
    var nodes: [TreeNode] = []
    for count in [first, second] {
      let begin = nodes.count
      var batch = RowBatch()
      for row in 0..<count {
        let earlier = begin + row
        let index = random.below(2) == 0 ? earlier - 1 : random.below(earlier + 1) - 1
        let parent: Row.Parent =
          index < 0 ? .tip : index >= begin ? .row(index - begin) : .node(nodes[index].id)
        let token = random.below(vocabulary)
        batch.append(Row(cache: cache, input: .token(token), parent: parent, output: .logits))
        nodes.append(TreeNode(token: token, parent: index < 0 ? nil : index))
      }
      let pass = try model.submit(batch)
      for row in 0..<count {
        nodes[begin + row].hash = try pass.withLogits(ofRow: row) { BitHash($0) }
        nodes[begin + row].handle = try pass.node(ofRow: row)
      }
    }
    return nodes
  }
}

/// A scratch row of a random tree.
struct TreeNode {
  var token: Int
  /// Index among the tree's nodes; `nil` behind the committed tip.
  var parent: Int?
  var hash: BitHash?
  var handle: NodeID?

  /// The node in its cache.
  ///
  /// - Precondition: its pass has run.
  var id: NodeID {
    guard let handle else { preconditionFailure("a node without a pass") }
    return handle
  }
}

extension [TreeNode] {
  /// Indices from the node behind the tip to this one.
  func path(to node: Int) -> [Int] {
    var path = [node]
    while let parent = self[path[path.count - 1]].parent { path.append(parent) }
    return path.reversed()
  }
}
