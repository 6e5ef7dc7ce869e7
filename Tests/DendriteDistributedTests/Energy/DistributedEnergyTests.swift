// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteModel
import DendriteTestSupport
import Testing

/// V4: the derivative of the energy, taken through the distributed reduction, is what the engine's ranks compute.
///
/// Both go over the same ranks, the same classes and the same exchanges; one merges duals by log-add-exp in F64, which knows
/// nothing of attention, the other merges (m, l, n) with the engine's kernels.
@Suite struct DistributedEnergyTests {
  private static let dim = 16
  private static let groupSize = 3
  /// 79 blocks, the last one partly full: every class has some.
  private static let count = 5000

  private struct Outcome: Sendable {
    var output: [Float]
    var energies: [Double]
    var duals: [EnergyDual]
    var partners: [Int]
    var dualPartners: [Int]
    var bytes: Int
  }

  /// Both reductions on every rank of a group.
  private func outcomes(ranks: Int, count: Int) throws -> [Outcome] {
    let (dim, groupSize) = (Self.dim, Self.groupSize)
    var table = NormalTable(seed: 12)
    let (keys, values) = (table.array(count * dim), table.array(count * dim))
    let queries = table.array(groupSize * dim).map { $0 * 0.36 }
    let group = try InProcessGroup(rankCount: ranks)
    let results = onEveryRank(of: group) { base in
      let communicator = RecordingCommunicator(base)
      let head = try StoredHead(keys: keys, values: values, headDim: dim)
      let partial = try head.attend(queries) { $0 % ranks == communicator.rank }
      let states = PartialStates(
        head.kernels, base: partial.states.base, count: groupSize, headDim: dim)
      try TreeReduction(communicator).reduce(states)
      let partners = communicator.partners
      let bytes = communicator.traffic.exchangedBytes

      let duals = try (0..<groupSize).map { query -> EnergyDual in
        let own = DualReduction.own(keys: count, rank: communicator.rank, of: ranks) { key in
          var score = 0.0
          for channel in 0..<dim {
            score += Double(queries[query * dim + channel]) * Double(keys[key * dim + channel])
          }
          return EnergyDual(
            score * 2.0.logarithm,
            gradient: values[key * dim..<(key + 1) * dim].map { Double($0) })
        }
        let whole = try DualReduction.reduce(own, dimensions: dim, over: communicator)
        return whole ?? EnergyDual(-.infinity)
      }
      return Outcome(
        output: partial.output, energies: (0..<groupSize).map { partial.energy($0) },
        duals: duals, partners: partners,
        dualPartners: Array(communicator.partners.dropFirst(partners.count)), bytes: bytes)
    }
    return try results.map { try $0.get() }
  }

  @Test(arguments: [1, 2, 4, 8, 16])
  func `V4: duals through the ranks' own reduction give the engine's output within 2e-6`(
    ranks: Int
  ) throws {
    for outcome in try outcomes(ranks: ranks, count: Self.count) {
      let gradient = outcome.duals.flatMap(\.gradient)
      #expect(gradient.count == Self.groupSize * Self.dim)
      #expect(ReferenceAttention.difference(outcome.output, gradient) <= 2e-6)
      for (energy, dual) in zip(outcome.energies, outcome.duals) {
        #expect(abs(energy * 2.0.logarithm - dual.value) <= 2e-6)
      }
      // The duals went the way that the states went, once for every query.
      let way = (0..<Self.groupSize).flatMap { _ in outcome.partners }
      #expect(outcome.dualPartners == way)
    }
  }

  @Test func `all ranks of all groups end with the same bits`() throws {
    let one = try outcomes(ranks: 1, count: 1100)[0].output
    for ranks in [2, 4, 8, 16] {
      for outcome in try outcomes(ranks: ranks, count: 1100) {
        #expect(outcome.output.map(\.bitPattern) == one.map(\.bitPattern), "\(ranks) ranks")
      }
    }
  }

  @Test(arguments: [2, 8, 16])
  func `the exchange moves 17 + headDim floats a state and round, whatever the context`(
    ranks: Int
  ) throws {
    let rounds = ranks.trailingZeroBitCount
    for count in [1, 1100] {
      for outcome in try outcomes(ranks: ranks, count: count) {
        #expect(outcome.partners.count == rounds)
        #expect(outcome.bytes == rounds * Self.groupSize * (17 + Self.dim) * 4)
      }
    }
  }

  @Test func `the dual part of log-add-exp is the merge of normalised outputs`() {
    var generator = NormalGenerator(seed: 13)
    for _ in 0..<100 {
      let (a, b, x, y) = (
        3 * generator.next(), 3 * generator.next(), generator.next(), generator.next()
      )
      let merged = logAddExp(EnergyDual(a, gradient: [x]), EnergyDual(b, gradient: [y]))
      let weight = 1 / (1 + (b - a).exponential)
      #expect(abs(merged.gradient[0] - (weight * x + (1 - weight) * y)) <= 1e-14)
      #expect(abs(merged.value - (a.exponential + b.exponential).logarithm) <= 1e-13)
    }
  }
}
