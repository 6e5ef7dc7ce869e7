// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
package import DendriteDistributed
package import DendriteModel

/// What a context shared by ranks would cost: the findings of `dendrite plan cluster`.
///
/// Every figure is computed by the cost model and says *simulated*.
package struct ClusterPlan: Sendable {
  /// The network on the cluster.
  package let model: CostModel
  /// Positions.
  package let context: Int
  /// How many ranks share them.
  package let ranks: Int
  /// What else a reader must know of the network, such as that it has windows.
  package var remarks: [String]

  /// A plan.
  ///
  /// - Parameters:
  ///   - model: the network on the cluster.
  ///   - context: positions, 1 or more.
  ///   - ranks: how many share them, 1 … 4096.
  ///   - remarks: what else a reader must know.
  /// - Throws: `badSetting` for numbers outside these ranges, and for ranks that need a link that the profile has not.
  package init(
    model: CostModel, context: Int, ranks: Int, remarks: [String] = []
  ) throws(DistributedError) {
    guard (1...Self.longestContext).contains(context) else {
      throw DistributedError(
        .badSetting, "a context of \(context) tokens, expected 1 … \(Self.longestContext)",
        remedy: "write for example --context 128k or --context 1M")
    }
    guard (1...4096).contains(ranks) else {
      throw DistributedError(
        .badSetting, "\(ranks) ranks, expected 1 … 4096",
        remedy: "a real group has 1, 2, 4, 8 or 16 ranks; more can be simulated")
    }
    self.model = model
    self.context = context
    self.ranks = ranks
    self.remarks = remarks
    for method in ShardingMethod.allCases {
      _ = try model.tokenTime(method, context: Double(context), ranks: ranks)
    }
  }

  /// The longest context that is planned for: 2³⁰ positions.
  package static let longestContext = 1 << 30

  /// Whether Dendrite itself runs such a group, with the bits of one rank.
  package var isExact: Bool { [1, 2, 4, 8, 16].contains(ranks) }

  /// Methods to compare: one rank alone if there is no other.
  var methods: [ShardingMethod] { ranks > 1 ? ShardingMethod.allCases : [.single] }

  /// Seconds of a token.
  ///
  /// - Parameters:
  ///   - method: how ranks share the context.
  ///   - context: positions; the plan's if left out.
  /// - Returns: seconds.
  package func tokenTime(_ method: ShardingMethod, context: Double? = nil) -> Double {
    // Checked when the plan was made: only the number of ranks can make it fail.
    (try? model.tokenTime(method, context: context ?? Double(self.context), ranks: ranks)) ?? .nan
  }

  /// The context above which a method beats one rank; `nil` if it never does.
  package func breakEven(_ method: ShardingMethod) -> Double? {
    (try? model.breakEven(method, ranks: ranks)) ?? nil
  }

  // MARK: Making

  /// The sizes of a model file, and what the formulas do not know about it.
  ///
  /// - Throws: `CheckpointError` if it is no model that Dendrite runs.
  package static func sizes(
    of file: GGUFFile
  ) throws(CheckpointError) -> (shape: AttentionShape, remarks: [String]) {
    let configuration = try file.modelConfiguration()
    let shape = AttentionShape(
      configuration.name.isEmpty ? "a model without a name" : configuration.name,
      layerCount: configuration.layerCount, headCount: configuration.headCount,
      kvHeadCount: configuration.kvHeadCount, headDim: configuration.headDim,
      weightBytes: Double(file.tensors.reduce(0) { $0 + $1.byteCount }))
    let remarks = configuration.slidingWindow.map {
      [
        "The model's layers have windows of \($0) tokens, which a plan does not know: behind a window nothing is read, "
          + "and sharding gains nothing."
      ]
    }
    return (shape, remarks ?? [])
  }

  /// Bytes of a stored key or value of this type, scales included.
  package static func elementBytes(of type: CacheType, headDim: Int) -> Double {
    switch type {
    case .f32: 4
    case .f16, .bf16: 2
    case .q8: 1 + 4 / Double(min(32, headDim))
    }
  }
}
