// SPDX-License-Identifier: Apache-2.0
import DendriteDistributed
import DendriteTestSupport
import Testing

/// Sizes and times as arithmetic gives them, and settings that cannot be.
@Suite struct CostModelTests {
  @Test(arguments: [
    ("llama-3.1-8b", 16_640.0, 18_560.0, 4096.0, 32),
    ("llama-3.1-70b", 33_280, 37_120, 4096, 80), ("llama-3.1-405b", 66_560, 74_240, 4096, 126),
    ("llama-3.2-1b", 8448, 10_368, 2048, 16),
  ])
  func `a layer's states take headDim + 2 floats a head at least, and 17 + headDim with us`(
    name: String, minimal: Double, own: Double, cache: Double, collectives: Int
  ) throws {
    let shape = try AttentionShape.known(name)
    #expect(shape.stateBytes(.minimal) == minimal)
    #expect(shape.stateBytes(.dendrite) == own)
    #expect(shape.stateBytes(.dendrite, rows: 32) == 32 * own)
    #expect(shape.cacheBytes(elementBytes: 2) == cache)
    let model = try CostModel(shape, on: .cpu10GbE)
    #expect(model.exchangesPerToken(.tree, ranks: 8) == collectives)
    #expect(model.exchangesPerToken(.threeAllReduces, ranks: 8) == 3 * collectives)
    #expect(model.exchangesPerToken(.tree, ranks: 1) == 0)
  }

  @Test(arguments: [
    ("llama-3.1-8b", 131_072.0, 8, 67.1e6, 15.0e9, 0.93e6, 16_100.0),
    ("llama-3.1-8b", 1_048_576, 8, 536.9e6, 120e9, 0.93e6, 129_000),
    ("llama-3.1-8b", 1_048_576, 64, 67.1e6, 135e9, 1.05e6, 129_000),
    ("llama-3.1-70b", 131_072, 8, 67.1e6, 37.6e9, 4.66e6, 8070),
    ("llama-3.1-70b", 1_048_576, 64, 67.1e6, 338e9, 5.24e6, 64_500),
  ])
  func `a ring moves the context, a tree moves states`(
    name: String, context: Double, ranks: Int, step: Double, ring: Double, tree: Double,
    ratio: Double
  ) throws {
    let model = try CostModel(
      .known(name), on: .cpu10GbE, format: .minimal)
    func expect(_ value: Double, _ expected: Double) {
      #expect(abs(value - expected) <= 0.006 * expected, "\(value), expected \(expected)")
    }
    expect(model.shardBytes(context: context, ranks: ranks), step)
    expect(model.bytesSent(.cacheRing, context: context, ranks: ranks), ring)
    expect(model.bytesSent(.tree, context: context, ranks: ranks), tree)
    expect(
      model.bytesSent(.cacheRing, context: context, ranks: ranks)
        / model.bytesSent(.tree, context: context, ranks: ranks), ratio)
  }

  @Test func `our own exchange sends one message of all states a round`() throws {
    var profile = MachineProfile.cpu10GbE
    profile.style = .doubling
    let model = try CostModel(.known("llama-3.1-8b"), on: profile)
    #expect(model.bytesSent(.tree, context: 1e6, ranks: 16) == 4 * 32 * 18_560)
    // One round inside the node, three between nodes.
    let message = 18_560.0
    let expected =
      1e-6 + message / 20e9 + 3 * (35e-6 + message / 1.1e9) + 4 * message / profile.mergeRate
    #expect(abs(try model.exchangeTime(ranks: 16) - expected) < 1e-12)
  }

  @Test func `the paper's gap of peak memory is one part of keys and values`() throws {
    for (heads, expected) in [(16, 524e6), (32, 1049e6)] {
      let shape = AttentionShape(
        "d = \(128 * heads)", layerCount: 1, headCount: heads, kvHeadCount: heads, headDim: 128)
      let model = try CostModel(shape, on: .rtx4090)
      let peak = model.publishedPeakElements(positions: 64_000)
      #expect(abs((peak.ring - peak.tree) * 2 - expected) < 0.001 * expected)
    }
  }

  @Test func `a rank keeps the weights, its part of the cache, and little besides`() throws {
    let model = try CostModel(.known("llama-3.1-8b"), on: .cpu10GbE)
    let alone = model.memory(.single, context: 1_048_576, ranks: 8)
    #expect(alone.cache == 1_048_576 * 131_072)
    #expect(alone.buffers == 0)
    let tree = model.memory(.tree, context: 1_048_576, ranks: 8)
    #expect(tree.cache == alone.cache / 8)
    #expect(tree.weights == alone.weights)
    #expect(tree.buffers == 2 * 18_560)
    #expect(model.memory(.allGather, context: 1_048_576, ranks: 8).buffers == 8 * 18_560)
    let ring = model.memory(.cacheRing, context: 1_048_576, ranks: 8)
    #expect(ring.buffers == 2 * 536_870_912)
    #expect(ring.total == ring.weights + ring.cache + ring.buffers)
  }

  @Test(arguments: MachineProfile.all)
  func `at the break-even context both ways take equally long, and beyond it the tree is faster`(
    profile: MachineProfile
  ) throws {
    let model = try CostModel(.known("llama-3.1-8b"), on: profile)
    for method in [ShardingMethod.tree, .threeAllReduces, .allGather, .partialRing] {
      let tokens = try model.breakEven(method, ranks: 8)
      let context = try #require(tokens)
      func gain(_ context: Double) throws -> Double {
        try model.tokenTime(.single, context: context, ranks: 8)
          / model.tokenTime(method, context: context, ranks: 8)
      }
      #expect(abs(try gain(context) - 1) < 1e-9)
      #expect(try gain(2 * context) > 1)
      #expect(try gain(context / 2) < 1)
    }
    #expect(try model.breakEven(.cacheRing, ranks: 8) == nil)
    #expect(try model.breakEven(.tree, ranks: 1) == nil)
  }

  @Test(arguments: MachineProfile.all, ShardingMethod.allCases)
  func `one rank costs the same whatever the method is called`(
    profile: MachineProfile, method: ShardingMethod
  ) throws {
    let model = try CostModel(.known("llama-3.2-1b"), on: profile)
    #expect(
      try model.tokenTime(method, context: 1e5, ranks: 1)
        == model.tokenTime(.single, context: 1e5, ranks: 8))
    #expect(model.bytesSent(method, context: 1e5, ranks: 1) == 0)
  }

  @Test func `a ring of keys never hides its transfers when a link is slower than memory`() throws {
    let model = try CostModel(.known("llama-3.1-8b"), on: .cpu10GbE)
    for context in [1e4, 1e5, 1e6] {
      let ring = try model.attentionTime(.cacheRing, context: context, ranks: 8)
      #expect(try ring > model.attentionTime(.single, context: context, ranks: 8))
    }
  }

  @Test func `more ranks than a node has need a link to the next`() throws {
    let model = try CostModel(.paperBenchmark, on: .mi300x)
    #expect(try model.exchangeTime(ranks: 8) > 0)
    #expect {
      try model.attentionTime(.tree, context: 1e6, ranks: 16)
    } throws: {
      guard let error = $0 as? DistributedError else { return false }
      return error.code == .badSetting && error.message.contains("16 ranks")
        && error.remedy.contains("at most 8 ranks")
    }
  }

  private static let badChanges:
    [(words: String, change: @Sendable (inout MachineProfile) -> Void)] =
      [
        ("read bandwidth", { $0.readBandwidth = 0 }), ("merge rate", { $0.mergeRate = .nan }),
        ("ranks on a node", { $0.ranksPerNode = 0 }),
        ("latency of the link inside", { $0.inside.latency = -1 }),
        ("bandwidth of the link between", { $0.between?.bandwidth = .infinity }),
        ("kernel overhead", { $0.kernelOverhead = -.infinity }),
      ]

  @Test(.tags(.badInput)) func `profiles that cannot be are refused by name`() {
    for (words, change) in Self.badChanges {
      var profile = MachineProfile.cpu10GbE
      change(&profile)
      #expect {
        try CostModel(.paperBenchmark, on: profile)
      } throws: {
        guard let error = $0 as? DistributedError else { return false }
        return error.code == .badSetting && error.message.contains(words)
      }
    }
  }
}
