// SPDX-License-Identifier: Apache-2.0
import CDendriteKernels
import DendriteCompute
import DendriteTestSupport
import Testing

/// Attention cut at any places and merged is attention over all keys: the oracles of equality.
///
/// Shapes are those of an 8B model's layer: 32 heads in 8 groups, 128 channels. The reference is one softmax in F64 over
/// the same rounded numbers.
@Suite struct PartitionTests {
  private static let headDim = 128
  private static let groupSize = 4
  private static let kvHeads = 8
  static let counts = [1, 2, 7, 1000, 4096]

  /// One KV head, its queries, and what they should find.
  private struct Case {
    var queries: [Float]
    var keys: [Float]
    var values: [Float]
    var count: Int
    var largestValue: Double
    var reference: [ReferenceAttention.Result]

    var output: [Double] { reference.flatMap(\.output) }
    var largestScore: Double { reference.map(\.largestScore).max() ?? 0 }
  }

  private func makeCase(
    _ count: Int, seed: Int, sharpness: Float = 1, rounding: (Float) -> Float = { $0 }
  ) -> Case {
    let dim = Self.headDim
    var table = NormalTable(seed: seed)
    let scale = 1.442_695_04 / Float(dim).squareRoot()
    let queries = table.array(Self.groupSize * dim).map { rounding($0 * sharpness) * scale }
    let keys = table.array(count * dim).map(rounding)
    let values = table.array(count * dim).map(rounding)
    let reference = (0..<Self.groupSize).map {
      ReferenceAttention.attend(
        Array(queries[$0 * dim..<($0 + 1) * dim]), keys: keys, values: values, count: count,
        headDim: dim)
    }
    return Case(
      queries: queries, keys: keys, values: values, count: count,
      largestValue: Double(values.map(abs).max() ?? 0), reference: reference)
  }

  /// Random places to cut, some of which coincide: shards may be empty.
  private func cuts(_ shards: Int, of count: Int, _ generator: inout SeededGenerator) -> [Range<
    Int
  >] {
    let inner = (1..<max(1, shards)).map { _ in generator.below(count + 1) }.sorted()
    let ends = [0] + inner + [count]
    return zip(ends, ends.dropFirst()).map { $0..<$1 }
  }

  /// The largest error over all partitions of a case.
  private func worstError(
    _ head: StoredHead, _ problem: Case, seed: Int, ends: (PartialAttention) -> [Float]
  ) throws -> Double {
    var generator = SeededGenerator(seed: seed)
    let reference = problem.output
    var worst = 0.0
    for shards in [1, 2, 3, 8, 16, 64] {
      let whole = try PartialAttention(
        head.kernels, queryCount: Self.groupSize, headDim: Self.headDim)
      for range in cuts(shards, of: problem.count, &generator) {
        whole.merge(packed: try head.attend(problem.queries, to: range).packed)
      }
      worst = max(worst, ReferenceAttention.difference(ends(whole), reference))
    }
    return worst
  }

  @Test(arguments: counts, 0..<kvHeads)
  func `1: any partition equals one softmax within 2e-6`(count: Int, kvHead: Int) throws {
    let problem = makeCase(count, seed: kvHead)
    for variant in count > 1000 ? [.best] : KernelVariant.available {
      let head = try StoredHead(
        keys: problem.keys, values: problem.values, headDim: Self.headDim, variant: variant)
      #expect(try worstError(head, problem, seed: kvHead) { $0.output } <= 2e-6, "\(variant)")
    }
  }

  @Test(.tags(.slow), arguments: [0, 5])
  func `1: the same over 65,536 keys`(kvHead: Int) throws {
    let problem = makeCase(65_536, seed: kvHead)
    let head = try StoredHead(
      keys: problem.keys, values: problem.values, headDim: Self.headDim)
    #expect(try worstError(head, problem, seed: kvHead) { $0.output } <= 2e-6)
  }

  @Test(arguments: counts, [0, 1])
  func `2: a sharp softmax stays within what its scores' rounding allows, and within 5e-5`(
    count: Int, kvHead: Int
  ) throws {
    let problem = makeCase(count, seed: kvHead, sharpness: 30)
    let head = try StoredHead(
      keys: problem.keys, values: problem.values, headDim: Self.headDim)
    let error = try worstError(head, problem, seed: kvHead) { $0.output }
    #expect(error <= 8 * 1.2e-7 * problem.largestScore * problem.largestValue)
    #expect(error <= 5e-5)
  }

  @Test(arguments: ["f16", "bf16"], [Float(1), 30])
  func `3: caches of sixteen bits add no error of sixteen bits`(
    name: String, sharpness: Float
  ) throws {
    let isHalf = name == "f16"
    let rounding: (Float) -> Float = { isHalf ? roundedToHalf($0) : roundedToBFloat($0) }
    for count in Self.counts {
      let problem = makeCase(count, seed: count, sharpness: sharpness, rounding: rounding)
      let head = try StoredHead(
        keys: problem.keys, values: problem.values, headDim: Self.headDim,
        type: isHalf ? DENDRITE_KV_F16 : DENDRITE_KV_BF16)
      let error = try worstError(head, problem, seed: count) { $0.output }
      #expect(error <= (sharpness > 1 ? 5e-5 : 2e-6), "\(count) keys")
    }
  }

  @Test(arguments: [7, 1000])
  func `4: an output rounded to bfloat16 is within one step of the truth`(count: Int) throws {
    let problem = makeCase(count, seed: 3)
    let head = try StoredHead(
      keys: problem.keys, values: problem.values, headDim: Self.headDim)
    let output = try head.attend(problem.queries).output.map(roundedToBFloat)
    for (rounded, exact) in zip(output, problem.output) {
      // A step of a format with eight significant bits.
      let step = Double(Float(exact).ulp) * 65_536
      #expect(abs(Double(rounded) - exact) <= step)
    }
  }

  @Test(arguments: [Float(1), 30])
  func `5: a numerator of sixteen bits on the wire would cost what we do not pay`(
    sharpness: Float
  ) throws {
    let problem = makeCase(4096, seed: 2, sharpness: sharpness)
    let head = try StoredHead(
      keys: problem.keys, values: problem.values, headDim: Self.headDim)
    let whole = try PartialAttention(head.kernels, queryCount: 4, headDim: Self.headDim)
    for start in stride(from: 0, to: 4096, by: 512) {
      var wire = try head.attend(problem.queries, to: start..<start + 512).packed
      for index in wire.indices where index % (17 + Self.headDim) >= 17 {
        wire[index] = roundedToBFloat(wire[index])
      }
      whole.merge(packed: wire)
    }
    let error = ReferenceAttention.difference(whole.output, problem.output)
    #expect(error <= 8e-3 * problem.largestValue)
    // It is an error of sixteen bits: the reason for thirty-two.
    #expect(error > 1e-5)
  }

  @Test(arguments: 1...3)
  func `6: tokens may be shuffled among shards and within them`(seed: Int) throws {
    let dim = Self.headDim
    let problem = makeCase(1000, seed: seed)
    var generator = SeededGenerator(seed: seed)
    let order = Array(0..<1000).shuffled(using: &generator)
    let keys = order.flatMap { problem.keys[$0 * dim..<($0 + 1) * dim] }
    let values = order.flatMap { problem.values[$0 * dim..<($0 + 1) * dim] }
    let head = try StoredHead(keys: keys, values: values, headDim: dim)
    #expect(try worstError(head, problem, seed: seed) { $0.output } <= 2e-6)
  }

  @Test(arguments: counts)
  func `the energy of merged states is the logarithm of the whole sum`(count: Int) throws {
    let problem = makeCase(count, seed: 11)
    let head = try StoredHead(
      keys: problem.keys, values: problem.values, headDim: Self.headDim)
    let whole = try head.attend(problem.queries, to: 0..<count / 2)
    whole.merge(try head.attend(problem.queries, to: count / 2..<count))
    for query in 0..<Self.groupSize {
      #expect(abs(whole.energy(query) - problem.reference[query].energy) <= 2e-6)
    }
  }

  @Test(arguments: [1, 4, 8, 32])
  func `19: heads of a group attend to the bits of heads with keys of their own`(
    groupSize: Int
  ) throws {
    let dim = Self.headDim
    var table = NormalTable(seed: groupSize)
    let (keys, values) = (table.array(300 * dim), table.array(300 * dim))
    let queries = table.array(groupSize * dim).map { $0 * 0.127_5 }
    for variant in KernelVariant.available {
      let head = try StoredHead(keys: keys, values: values, headDim: dim, variant: variant)
      let grouped = try head.attend(queries)
      for query in 0..<groupSize {
        let own = try StoredHead(keys: keys, values: values, headDim: dim, variant: variant)
          .attend(Array(queries[query * dim..<(query + 1) * dim]))
        let wire = 17 + dim
        #expect(Array(grouped.bits[query * wire..<(query + 1) * wire]) == own.bits)
      }
    }
  }
}
