// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteTestSupport
import Testing

/// The laws of the merge: which of them hold bit for bit, and which within rounding.
@Suite struct MergeTests {
  private static let dim = 32

  /// States of eight shards of the same context, and their queries' true outputs.
  private func shards(
    seed: Int, variant: KernelVariant = .best, spread: Float = 1
  ) throws -> (states: [PartialAttention], output: [Double]) {
    let (dim, count) = (Self.dim, 8 * 37)
    var table = NormalTable(seed: seed)
    let (keys, values) = (table.array(count * dim), table.array(count * dim))
    let query = table.array(dim).map { $0 * 0.255 * spread }
    let head = try StoredHead(keys: keys, values: values, headDim: dim, variant: variant)
    let states = try (0..<8).map { try head.attend(query, to: $0 * 37..<($0 + 1) * 37) }
    let reference = ReferenceAttention.attend(
      query, keys: keys, values: values, count: count, headDim: dim)
    return (states, reference.output)
  }

  /// Merges states in the order of every bracketing and hands out each result.
  private func bracketings(
    _ states: ArraySlice<PartialAttention>
  ) throws -> [PartialAttention] {
    guard states.count > 1 else { return Array(states) }
    return try (states.startIndex + 1..<states.endIndex).flatMap { middle in
      let left = try bracketings(states[..<middle])
      let right = try bracketings(states[middle...])
      return try left.flatMap { left in try right.map { try left.merged(with: $0) } }
    }
  }

  @Test func `7: all 429 bracketings of eight states agree within 2e-6`() throws {
    let (states, output) = try shards(seed: 1)
    let results = try bracketings(states[...])
    #expect(results.count == 429)
    for result in results {
      #expect(ReferenceAttention.difference(result.output, output) <= 2e-6)
    }
  }

  @Test(.tags(.slow)) func `7: all 40,320 orders of eight ranks agree within 2e-6`() throws {
    let (states, output) = try shards(seed: 2)
    var worst = 0.0
    var count = 0
    // Heap's algorithm, one swap an order.
    var order = Array(0..<8)
    var counters = [Int](repeating: 0, count: 8)
    func measure() throws {
      var level = try order.map { try states[$0].copy() }
      while level.count > 1 {
        let half = level.count / 2
        for index in 0..<half { level[index].merge(level[index + half]) }
        level.removeLast(half)
      }
      count += 1
      worst = max(worst, ReferenceAttention.difference(level[0].output, output))
    }
    try measure()
    var index = 0
    while index < 8 {
      guard counters[index] < index else {
        counters[index] = 0
        index += 1
        continue
      }
      order.swapAt(index % 2 == 0 ? 0 : counters[index], index)
      counters[index] += 1
      index = 0
      try measure()
    }
    #expect(count == 40_320)
    #expect(worst <= 2e-6)
  }

  @Test(arguments: KernelVariant.available.map(\.name), [Float(1), 40])
  func `7: merging commutes bit for bit`(name: String, spread: Float) throws {
    let variant = try KernelVariant(named: name)
    for seed in 0..<50 {
      let (states, _) = try shards(seed: seed, variant: variant, spread: spread)
      for (left, right) in zip(states, states.dropFirst()) {
        #expect(try left.merged(with: right).bits == right.merged(with: left).bits)
      }
    }
  }

  @Test(arguments: KernelVariant.available.map(\.name))
  func `8: empty shards anywhere change no bit`(name: String) throws {
    let (states, _) = try shards(seed: 3, variant: KernelVariant(named: name))
    let empty = try PartialAttention(states[0].kernels, queryCount: 1, headDim: Self.dim)
    let plain = try PartialAttention(states[0].kernels, queryCount: 1, headDim: Self.dim)
    let mixed = try plain.copy()
    for state in states {
      plain.merge(packed: state.packed)
      for _ in 0..<3 { mixed.merge(packed: empty.packed) }
      mixed.merge(packed: try empty.merged(with: state).packed)
      mixed.merge(empty)
    }
    #expect(mixed.bits == plain.bits)
  }

  @Test func `9: if all shards are empty, the state says so and the output is zero`() throws {
    let head = try StoredHead(keys: [], values: [], headDim: Self.dim)
    let query = [Float](repeating: 1, count: Self.dim)
    let whole = try head.attend(query)
    for _ in 0..<3 { whole.merge(packed: try head.attend(query).packed) }
    #expect(whole.bound(0) == -.infinity)
    #expect(whole.output.allSatisfy { $0 == 0 })
    #expect(whole.packed.allSatisfy { !$0.isNaN })
  }

  @Test(arguments: KernelVariant.available.map(\.name))
  func `10: garbage in an empty state is never looked at`(name: String) throws {
    let (states, _) = try shards(seed: 4, variant: KernelVariant(named: name))
    let garbage = try PartialAttention(states[0].kernels, queryCount: 1, headDim: Self.dim)
    for index in 32..<garbage.floats { garbage.states.base[index] = .nan }
    for state in states {
      #expect(try state.merged(with: garbage).bits == state.bits)
      #expect(try garbage.merged(with: state).bits == state.bits)
      let arrived = try state.copy()
      arrived.merge(packed: garbage.packed)
      #expect(arrived.bits == state.bits)
    }
    #expect(garbage.output.allSatisfy { $0 == 0 })
  }

  @Test(arguments: KernelVariant.available.map(\.name))
  func `13: a shard whose scores tower over all others keeps its bits`(name: String) throws {
    let (dim, variant) = (Self.dim, try KernelVariant(named: name))
    var table = NormalTable(seed: 5)
    var keys = table.array(256 * dim)
    let values = table.array(256 * dim)
    // Channel 0 sets the score: 0 in the shard that wins, −150 elsewhere.
    for key in 0..<256 { keys[key * dim] = (64..<128).contains(key) ? 0 : -150 }
    var query = table.array(dim).map { $0 * 0.02 }
    query[0] = 1
    let head = try StoredHead(keys: keys, values: values, headDim: dim, variant: variant)
    let winner = try head.attend(query, to: 64..<128)
    let whole = try head.attend(query, to: 0..<64)
    for range in [128..<200, 64..<128, 200..<256] { whole.merge(try head.attend(query, to: range)) }
    #expect(whole.bits == winner.bits)
    // Masked keys are left out, not given a score of −∞: the rest is empty.
    let alone = try head.attend(query, to: 0..<0)
    alone.merge(winner)
    #expect(alone.bits == winner.bits)
  }
}
