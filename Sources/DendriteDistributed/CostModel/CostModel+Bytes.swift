// SPDX-License-Identifier: Apache-2.0

/// What a rank keeps in memory for a method.
package struct RankMemory: Sendable, Hashable {
  /// All weights; every rank has them.
  package var weights: Double
  /// Keys and values of the rank's part, all layers.
  package var cache: Double
  /// Messages on their way, of one layer.
  package var buffers: Double

  /// Everything.
  package var total: Double { weights + cache + buffers }
}

/// Bytes: what is kept, and what travels.
extension CostModel {
  /// What a rank keeps.
  ///
  /// A ring that overlaps its transfers keeps one layer's part of its own, one that it sends and one that it receives.
  ///
  /// - Parameters:
  ///   - method: how.
  ///   - context: positions.
  ///   - ranks: how many share it; ignored by `single`.
  /// - Returns: bytes by what they are for.
  package func memory(
    _ method: ShardingMethod, context: Double, ranks: Int
  ) -> RankMemory {
    let ranks = method == .single ? 1 : ranks
    let shard = shardBytes(context: context, ranks: ranks)
    let buffers: Double =
      switch method {
      case .single: 0
      case .tree, .threeAllReduces, .partialRing: 2 * messageBytes
      case .allGather: Double(ranks) * messageBytes
      case .cacheRing: 2 * shard
      }
    return RankMemory(
      weights: shape.weightBytes, cache: shard * Double(shape.layerCount),
      buffers: ranks > 1 ? buffers : 0)
  }

  /// Bytes that a rank sends for a token, all layers.
  ///
  /// - Parameters:
  ///   - method: how.
  ///   - context: positions.
  ///   - ranks: how many share it.
  /// - Returns: bytes.
  package func bytesSent(
    _ method: ShardingMethod, context: Double, ranks: Int
  ) -> Double {
    guard ranks > 1 else { return 0 }
    let others = Double(ranks - 1)
    let layer: Double =
      switch method {
      case .single: 0
      case .tree where profile.style == .doubling: Self.rounds(ranks) * messageBytes
      // The least that an all-reduce can move.
      case .tree, .threeAllReduces: 2 * others / Double(ranks) * messageBytes
      case .allGather: others * messageBytes
      case .partialRing: messageBytes
      case .cacheRing: others * shardBytes(context: context, ranks: ranks)
      }
    return layer * Double(shape.layerCount)
  }

  /// Collectives, or hops, of a token.
  package func exchangesPerToken(_ method: ShardingMethod, ranks: Int) -> Int {
    let layer =
      switch method {
      case .single: 0
      case .tree, .allGather: 1
      case .threeAllReduces: 3
      case .partialRing: ranks
      case .cacheRing: ranks - 1
      }
    return ranks > 1 ? layer * shape.layerCount : 0
  }

  /// The paper's formulas of a layer's peak memory, in elements, for heads with keys of their own.
  ///
  /// - Parameters:
  ///   - positions: of a rank's part.
  ///   - batch: sequences.
  /// - Returns: elements of the ring and of the tree.
  /// - Source: Tree Attention (arXiv:2408.04093) §6.2.
  package func publishedPeakElements(
    positions: Double, batch: Double = 1
  ) -> (ring: Double, tree: Double) {
    let width = Double(shape.headCount * shape.headDim)
    let heads = Double(shape.headCount)
    return (
      4 * batch * positions * width + 2 * batch * width,
      2 * batch * positions * width + 2 * batch * width + 2 * batch * heads
    )
  }
}
