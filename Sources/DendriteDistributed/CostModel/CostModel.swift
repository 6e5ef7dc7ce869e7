// SPDX-License-Identifier: Apache-2.0

/// Predicts what attention over ranks costs: seconds a layer and a token, bytes, memory.
///
/// Decoding reads every key and value once and does little with them, so attention to a shard takes as long as reading it;
/// an exchange costs latencies, the bytes of the states, and merges. Every figure that comes out is *simulated*.
///
/// - Source: Tree Attention (arXiv:2408.04093) §6 for what the methods move, our own formulas for what it costs.
package struct CostModel: Sendable, Hashable {
  /// The model's sizes.
  package var shape: AttentionShape
  /// The cluster.
  package var profile: MachineProfile
  /// What a partial state is on the wire.
  package var format: StateFormat
  /// Bytes of a stored key or value, scales included.
  package var elementBytes: Double
  /// Rows of a pass: queries that share its exchanges.
  package var rows: Int
  /// What a measured program has on top.
  package var fixedCosts: FixedCosts

  /// A model of one cluster and one network.
  ///
  /// - Throws: `badSetting` for a profile or sizes that cannot be.
  package init(
    _ shape: AttentionShape, on profile: MachineProfile, format: StateFormat = .dendrite,
    elementBytes: Double = 2, rows: Int = 1, fixedCosts: FixedCosts = .none
  ) throws(DistributedError) {
    try profile.validate()
    guard rows > 0, elementBytes > 0, shape.layerCount > 0, shape.kvHeadCount > 0,
      shape.headDim > 0, shape.headCount > 0
    else {
      throw DistributedError(
        .badSetting, "a model or a pass without layers, heads, channels or rows",
        remedy: "take the sizes from a model file or a published shape")
    }
    self.shape = shape
    self.profile = profile
    self.format = format
    self.elementBytes = elementBytes
    self.rows = rows
    self.fixedCosts = fixedCosts
  }

  /// Bytes of all states of a layer.
  package var messageBytes: Double { shape.stateBytes(format, rows: rows) }

  /// Bytes of one rank's part of a layer's keys and values.
  package func shardBytes(context: Double, ranks: Int) -> Double {
    context / Double(ranks) * shape.cacheBytes(elementBytes: elementBytes)
  }

  /// Seconds that a rank attends to its part in a layer.
  package func localTime(context: Double, ranks: Int) -> Double {
    shardBytes(context: context, ranks: ranks) / profile.readBandwidth + profile.kernelOverhead
  }

  // MARK: Exchanges

  /// Seconds of all exchanges of a layer.
  ///
  /// The states travel once, however many collectives share them out; each collective has its own latency.
  ///
  /// - Throws: `badSetting` if the ranks need a link that the profile has not.
  package func exchangeTime(ranks: Int, collectives: Int = 1) throws(DistributedError) -> Double {
    guard ranks > 1 else { return 0 }
    let (latency, payload) = try exchangeParts(ranks: ranks)
    return Double(collectives) * latency + payload
  }

  /// What an exchange costs without a byte in it, and what the bytes cost.
  private func exchangeParts(
    ranks: Int
  ) throws(DistributedError) -> (latency: Double, payload: Double) {
    let local = min(ranks, profile.ranksPerNode)
    let nodes = (ranks + local - 1) / local
    let outside = try profile.slowestLink(ranks: ranks)
    let bytes = messageBytes
    let merge = bytes / profile.mergeRate
    let localRounds = Self.rounds(local)
    let nodeRounds = Self.rounds(nodes)
    let across = (
      latency: nodeRounds * outside.latency,
      payload: nodeRounds * (bytes / outside.bandwidth + merge)
    )
    switch profile.style {
    case .doubling:
      return (
        localRounds * profile.inside.latency + across.latency,
        localRounds * (bytes / profile.inside.bandwidth + merge) + across.payload
      )
    case .twoLevel:
      guard local > 1 else { return across }
      return (
        2 * localRounds * profile.inside.latency + across.latency,
        2 * bytes / profile.inside.bandwidth + across.payload
      )
    case .nccl:
      let chain = Double(local - 1) * 0.52e-6 * (nodes > 1 ? 1.8 : 1)
      let tree = nodes > 1 ? nodeRounds * 5e-6 : 0
      return (4.4e-6 + 2 * (chain + tree), 2 * bytes / Self.ncclBandwidth)
    }
  }

  /// Bytes a second of NCCL's trees for messages of tens of kilobytes; latencies are those of its own tuning tables.
  ///
  /// - Source: NVIDIA/nccl `src/graph/tuning.cc` for latencies; the bandwidth is fitted to the specification's tables.
  static let ncclBandwidth = 20e9

  /// ⌈log₂ count⌉.
  static func rounds(_ count: Int) -> Double {
    var rounds = 0
    while 1 << rounds < count { rounds += 1 }
    return Double(rounds)
  }

  // MARK: Methods

  /// Seconds of a layer's attention, exchanges included.
  ///
  /// - Parameters:
  ///   - method: how.
  ///   - context: positions.
  ///   - ranks: how many share it; ignored by `single`.
  /// - Returns: seconds.
  /// - Throws: `badSetting` if the ranks need a link that the profile has not.
  package func attentionTime(
    _ method: ShardingMethod, context: Double, ranks: Int
  ) throws(DistributedError) -> Double {
    let ranks = method == .single ? 1 : ranks
    let local = localTime(context: context, ranks: ranks)
    var time = fixedCosts.perCall + local
    guard ranks > 1 else { return time }
    let slowest = try profile.slowestLink(ranks: ranks)
    let others = Double(ranks - 1)
    let bytes = messageBytes
    let merge = bytes / profile.mergeRate
    switch method {
    case .single: break
    case .tree: time += try exchangeTime(ranks: ranks)
    case .threeAllReduces: time += try exchangeTime(ranks: ranks, collectives: 3)
    case .allGather:
      time += try exchangeParts(ranks: ranks).latency
      time += others * (bytes / slowest.bandwidth + merge)
    case .partialRing:
      let nodes = (ranks + profile.ranksPerNode - 1) / profile.ranksPerNode
      let crossings = Double(nodes - 1)
      time += (others - crossings) * (profile.inside.time(bytes) + merge)
      time += crossings * (slowest.time(bytes) + merge)
      time += Self.rounds(nodes) * slowest.time(bytes)
      time += Self.rounds(min(ranks, profile.ranksPerNode)) * profile.inside.time(bytes)
    case .cacheRing:
      let step =
        (fixedCosts.perRingStep ?? slowest.latency)
        + shardBytes(context: context, ranks: ranks) / slowest.bandwidth
      time += others * max(local, step)
    }
    return time
  }

  /// Seconds of a token: all layers, and every weight read once.
  ///
  /// - Parameters:
  ///   - method: how.
  ///   - context: positions.
  ///   - ranks: how many share it.
  /// - Returns: seconds.
  /// - Throws: as `attentionTime`.
  package func tokenTime(
    _ method: ShardingMethod, context: Double, ranks: Int
  ) throws(DistributedError) -> Double {
    let attention = try attentionTime(method, context: context, ranks: ranks)
    return Double(shape.layerCount) * attention + shape.weightBytes / profile.readBandwidth
  }

  /// The context above which a method on these ranks is faster than one rank; `nil` for one that never is, or for one rank.
  ///
  /// Holds for methods whose exchanges do not depend on the context.
  ///
  /// - Throws: as `attentionTime`.
  package func breakEven(
    _ method: ShardingMethod, ranks: Int
  ) throws(DistributedError) -> Double? {
    guard ranks > 1, method != .single, method != .cacheRing else { return nil }
    let exchange =
      try attentionTime(method, context: 0, ranks: ranks)
      - attentionTime(.single, context: 0, ranks: 1)
    let saved =
      shape.cacheBytes(elementBytes: elementBytes) / profile.readBandwidth * (1 - 1 / Double(ranks))
    return exchange / saved
  }
}
