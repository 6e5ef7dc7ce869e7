// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

extension ModelDrafter.Worker {
  /// A guess that may be drafted.
  private struct Leaf {
    var token: Int
    /// Index among the leaves; −1: the pending token.
    var parent: Int
    var depth: Int
    /// The chance that the whole path to it comes true, by the small model.
    var value: Double
    /// Its node in the cache, once it was fed.
    var node = -1
  }

  /// A tree: at each level the likeliest paths are read, and of all that was thought of the best is drafted.
  ///
  /// The value of a path is the product of the shares that its tokens have among the candidates behind their parents;
  /// a child is never worth more than its parent, so the best guesses are a tree by themselves.
  func drawTree(
    _ history: [Int], _ pending: Int, _ limit: Int, _ width: Int, into draft: inout Draft
  ) throws(DecodingError) {
    let width = max(1, width)
    guard limit > 0, let start = try feed(history, pending), let cache else { return }
    let opening = text
    var leaves: [Leaf] = []
    func sprout(_ pass: Pass, row: Int, parent: Int) throws(DecodingError) {
      let depth = parent < 0 ? 1 : leaves[parent].depth + 1
      let value = parent < 0 ? 1 : leaves[parent].value
      try rank(pass, row: row, position: history.count + depth, count: max(2, width))
      let total = candidates.reduce(0.0) { $0 + exp($1.score - candidates[0].score) }
      for candidate in candidates {
        leaves.append(
          Leaf(
            token: candidate.id, parent: parent, depth: depth,
            value: value * exp(candidate.score - candidates[0].score) / total))
      }
    }
    try sprout(start.pass, row: start.row, parent: -1)
    guard !leaves.isEmpty else { return }
    var level = leaves.indices
    while leaves[level.lowerBound].depth < limit, leaves.count < 16 * limit,
      history.count + 2 + leaves[level.lowerBound].depth < model.model.description.contextLength
    {
      // A path that is worth less than the worst of what would be drafted is not followed.
      let bar =
        leaves.count > limit ? leaves.map(\.value).sorted(by: >)[limit - 1] : 0
      let chosen = level.sorted { leaves[$0].value > leaves[$1].value }.prefix(width)
        .filter { leaves[$0].value >= bar }
      guard !chosen.isEmpty else { break }
      let first = cache.nodes.count
      let pass = try cache.grow(
        chosen.map {
          .init(
            token: leaves[$0].token,
            parent: leaves[$0].parent < 0 ? start.node : leaves[leaves[$0].parent].node)
        })
      let begin = leaves.count
      for (row, index) in chosen.enumerated() {
        leaves[index].node = first + row
        if !opening.isEmpty {
          text = opening
          var path: [Int] = []
          var at = index
          while at >= 0 {
            path.append(leaves[at].token)
            at = leaves[at].parent
          }
          text.append(contentsOf: path.reversed())
        }
        try sprout(pass, row: row, parent: index)
      }
      level = begin..<leaves.count
      if level.isEmpty { break }
    }
    // Best first; among equals parents come first because they were thought of first.
    let best = leaves.indices.sorted {
      (leaves[$1].value, $0) < (leaves[$0].value, $1)
    }.prefix(limit).sorted()
    var places = [Int](repeating: -1, count: leaves.count)
    for index in best {
      let parent = leaves[index].parent
      places[index] = draft.append(leaves[index].token, after: parent < 0 ? -1 : places[parent])
    }
  }
}
