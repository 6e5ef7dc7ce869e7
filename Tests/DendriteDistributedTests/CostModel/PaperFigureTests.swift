// SPDX-License-Identifier: Apache-2.0
import DendriteDistributed
import Testing

/// The model gives the figures that the paper, and our reading of it, stand on.
@Suite struct PaperFigureTests {
  private func benchmark(_ costs: FixedCosts) throws -> CostModel {
    try CostModel(.paperBenchmark, on: .h100, format: .minimal, fixedCosts: costs)
  }

  private func isNear(_ value: Double, _ expected: Double, within share: Double) -> Bool {
    abs(value - expected) <= share * expected
  }

  @Test func `mode ii: with the programs' fixed costs the largest ratio is the paper's 8`() throws {
    let model = try benchmark(.publishedPrograms)
    let ring = try model.attentionTime(.cacheRing, context: 5.12e6, ranks: 128)
    let tree = try model.attentionTime(.threeAllReduces, context: 5.12e6, ranks: 128)
    #expect(abs(ring / tree - 8) <= 0.3)
  }

  @Test(arguments: [
    (80e3, [(152.0, 145.1), (206, 145.2), (253, 145.2)]),
    (640e3, [(163, 145.3), (306, 145.2), (355, 145.2)]),
    (2.56e6, [(202, 146.0), (650, 145.3), (701, 145.2)]),
    (5.12e6, [(254, 147.0), (1109, 145.4), (1164, 145.3)]),
  ])
  func `mode ii: every time of the table is met within rounding`(
    context: Double, times: [(ring: Double, tree: Double)]
  ) throws {
    let model = try benchmark(.publishedPrograms)
    for (ranks, time) in zip([8, 64, 128], times) {
      let ring = try model.attentionTime(.cacheRing, context: context, ranks: ranks) * 1e3
      let tree = try model.attentionTime(.threeAllReduces, context: context, ranks: ranks) * 1e3
      #expect(abs(ring - time.ring) <= 1, "\(ranks) ranks: \(ring) ms")
      #expect(abs(tree - time.tree) <= 0.1, "\(ranks) ranks: \(tree) ms")
    }
  }

  @Test func `mode ii: the ratio grows with the context and with the ranks`() throws {
    let model = try benchmark(.publishedPrograms)
    func ratio(_ context: Double, _ ranks: Int) throws -> Double {
      try model.attentionTime(.cacheRing, context: context, ranks: ranks)
        / model.attentionTime(.threeAllReduces, context: context, ranks: ranks)
    }
    let contexts = [80e3, 160e3, 320e3, 640e3, 1.28e6, 2.56e6, 5.12e6]
    for ranks in [8, 16, 32, 64, 128] {
      let ratios = try contexts.map { try ratio($0, ranks) }
      #expect(zip(ratios, ratios.dropFirst()).allSatisfy { $0 < $1 }, "\(ranks) ranks: \(ratios)")
    }
    for context in contexts {
      let ratios = try [8, 64, 128].map { try ratio(context, $0) }
      #expect(zip(ratios, ratios.dropFirst()).allSatisfy { $0 < $1 }, "\(context): \(ratios)")
    }
  }

  @Test func `mode i: without fixed costs the ratio is 52, 2300 and 3000, not 8`() throws {
    let model = try benchmark(.none)
    for (ranks, ringTime, treeTime, expected) in [
      (8, 104e-3, 2.0e-3, 52.0), (64, 919e-3, 0.40e-3, 2300), (128, 927e-3, 0.31e-3, 3000),
    ] {
      let ring = try model.attentionTime(.cacheRing, context: 5.12e6, ranks: ranks)
      let tree = try model.attentionTime(.threeAllReduces, context: 5.12e6, ranks: ranks)
      #expect(isNear(ring, ringTime, within: 0.005), "\(ranks) ranks: \(ring)")
      #expect(isNear(tree, treeTime, within: 0.015), "\(ranks) ranks: \(tree)")
      #expect(isNear(ring / tree, expected, within: 0.02), "\(ranks) ranks")
    }
    for (ranks, expected) in [(8, 22.0), (64, 96), (128, 88)] {
      let ratio =
        try model.attentionTime(.cacheRing, context: 80e3, ranks: ranks)
        / model.attentionTime(.threeAllReduces, context: 80e3, ranks: ranks)
      #expect(isNear(ratio, expected, within: 0.05), "\(ranks) ranks: \(ratio)")
    }
    // Whatever moves 127 parts through one port of 50 GB/s takes this long.
    let shard = model.shardBytes(context: 5.12e6, ranks: 128)
    #expect(127 * shard / 50e9 > 0.83)
  }

  @Test(arguments: [
    (131_072.0, 8, [60.0, 73, 98, 72]), (131_072, 128, [13, 72, 188, 94]),
    (1e6, 64, [58, 106, 203, 117]), (5.12e6, 128, [132, 191, 307, 213]),
  ])
  func `merging in one exchange, in three and by gathering takes the microseconds of the table`(
    context: Double, ranks: Int, times: [Double]
  ) throws {
    let model = try benchmark(.none)
    let local = model.localTime(context: context, ranks: ranks) * 1e6
    #expect(abs(local - times[0]) <= 0.6, "\(local)")
    let methods: [ShardingMethod] = [.tree, .threeAllReduces, .allGather]
    for (method, expected) in zip(methods, times.dropFirst()) {
      let time = try model.attentionTime(method, context: context, ranks: ranks) * 1e6
      // The table lets each of three collectives carry the whole message; ours carry it once.
      let tolerance = method == .threeAllReduces ? 0.025 * expected : 1
      #expect(abs(time - expected) <= tolerance, "\(method): \(time) µs")
    }
  }

  private static let exchanges: [(profile: MachineProfile, ranks: Int, figures: [Double])] = [
    (.h100, 8, [13, 37, 10, 27, 11, 29]), (.h100, 16, [29, 84, 20, 59, 22, 60]),
    (.h100, 64, [49, 144, 33, 96, 34, 97]), (.rtx4090, 8, [80, 224, 18, 50, 20, 52]),
    (.cpu10GbE, 8, [106, 250, 7.1, 17, 9.4, 19]), (.cpu10GbE, 64, [260, 614, 15, 37, 20, 41]),
    (.cpu100GbE, 8, [15, 31, 1.0, 2.1, 1.4, 2.5]), (.cpu100GbE, 64, [31, 65, 1.9, 3.9, 2.7, 4.8]),
  ]

  @Test(arguments: exchanges.indices)
  func `exchanges in microseconds and break-even contexts in thousands are those of the table`(
    row: Int
  ) throws {
    let (profile, ranks, figures) = Self.exchanges[row]
    var values: [Double] = []
    for name in ["llama-3.1-8b", "llama-3.1-70b"] {
      let model = try CostModel(.known(name), on: profile, format: .minimal)
      if values.isEmpty {
        values.append(try model.exchangeTime(ranks: ranks) * 1e6)
        values.append(try model.exchangeTime(ranks: ranks, collectives: 3) * 1e6)
      }
      for method in [ShardingMethod.tree, .threeAllReduces] {
        let tokens = try model.breakEven(method, ranks: ranks)
        values.append(try #require(tokens) / 1e3)
      }
    }
    #expect(values.count == figures.count)
    // Two digits are printed.
    for (value, expected) in zip(values, figures) {
      let tolerance: Double = max(0.03 * expected, 0.05)
      #expect(abs(value - expected) <= tolerance, "\(values)")
    }
  }

  @Test(arguments: [PublishedTimes.mi300x, .rtx4090])
  func `both tables measure one link: the ring's extra time is its bytes over a constant bandwidth`(
    table: PublishedTimes
  ) {
    let implied = table.rows.map { table.movedBytes($0) / table.gap($0) / 1e9 }
    let expected = table.system == "4 × MI300X" ? [44.9, 45.6, 45.4, 45.7] : [4.5, 4.3, 4.3, 4.3]
    for (value, expected) in zip(implied, expected) {
      #expect(abs(value - expected) <= 0.06, "\(implied)")
    }
    let mean = implied.reduce(0, +) / Double(implied.count)
    let link = table.system == "4 × MI300X" ? MachineProfile.mi300x : .rtx4090
    #expect(isNear(link.inside.bandwidth / 1e9, mean, within: 0.02), "\(mean)")
  }

  @Test func `on H100 a ring's step costs three quarters of a millisecond of software`() throws {
    let table = PublishedTimes.h100
    let gaps = table.rows.map { table.gap($0) }
    for (gap, expected) in zip(gaps, [6.8e-3, 11.6e-3, 12.8e-3, 18.4e-3]) {
      #expect(abs(gap - expected) <= 0.06e-3)
    }
    // A line through the first point and the last.
    let first = try #require(table.rows.first)
    let last = try #require(table.rows.last)
    let slope =
      (table.gap(last) - table.gap(first)) / (table.movedBytes(last) - table.movedBytes(first))
    #expect(isNear(1 / slope, 278e9, within: 0.01))
    let fixed = table.gap(first) - slope * table.movedBytes(first)
    #expect(isNear(fixed, 5.2e-3, within: 0.01))
    let step = try #require(FixedCosts.publishedPrograms.perRingStep)
    #expect(isNear(fixed / 7, step, within: 0.01))
  }
}
