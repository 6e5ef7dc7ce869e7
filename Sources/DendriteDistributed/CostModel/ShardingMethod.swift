// SPDX-License-Identifier: Apache-2.0

/// Ways to attend to a context that several ranks hold, the fair baselines among them.
package enum ShardingMethod: String, Sendable, Hashable, CaseIterable {
  /// One rank holds everything.
  case single
  /// Partial states merge in one exchange a layer: what Dendrite does.
  case tree
  /// Maximum, numerator and denominator each in an all-reduce: the paper's algorithm as printed.
  case threeAllReduces
  /// Every rank receives all partial states and merges them itself.
  case allGather
  /// Partial states go from rank to rank, then the result to all.
  case partialRing
  /// Keys and values go round: ring attention used for decoding, for grouped heads.
  case cacheRing

  /// What people read.
  package var title: String {
    switch self {
    case .single: "one rank"
    case .tree: "tree, one exchange"
    case .threeAllReduces: "three all-reduces"
    case .allGather: "all-gather of partial states"
    case .partialRing: "ring of partial states"
    case .cacheRing: "ring of keys and values"
    }
  }
}

/// Costs that a measured program has and an algorithm has not.
package struct FixedCosts: Sendable, Hashable {
  /// Seconds that a call takes besides its work: dispatch, compilation.
  package var perCall: Double
  /// Seconds that a step of the ring of keys and values takes in software; `nil` for the link's latency.
  package var perRingStep: Double?

  /// Costs besides the work.
  package init(perCall: Double, perRingStep: Double?) {
    self.perCall = perCall
    self.perRingStep = perRingStep
  }

  /// Nothing but what the algorithm needs.
  package static let none = FixedCosts(perCall: 0, perRingStep: nil)

  /// What reproduces the paper's largest ratio of times, 8 at 5.12 million tokens on 128 ranks.
  ///
  /// - Source: the ring's step follows from the paper's Table 1 on H100, the cost of a call is fitted to its Figure 3.
  package static let publishedPrograms = FixedCosts(perCall: 0.145, perRingStep: 0.74e-3)
}
