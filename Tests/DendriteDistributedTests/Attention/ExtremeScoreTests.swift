// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteTestSupport
import Testing

/// Scores far from zero: the states carry an integer bound, so precision does not depend on where scores lie.
@Suite struct ExtremeScoreTests {
  private static let dim = 64
  /// Two empty shards and three others.
  private static let ends = [0, 0, 0, 20, 20, 257]

  /// Attends with exactly these base-2 scores: the query looks at channel 0 alone.
  private func attend(
    scores: [Float], seed: Int, variant: KernelVariant = .best
  ) throws -> (state: PartialAttention, values: [Float], reference: ReferenceAttention.Result) {
    let dim = Self.dim
    var table = NormalTable(seed: seed)
    var keys = [Float](repeating: 0, count: scores.count * dim)
    for (key, score) in scores.enumerated() { keys[key * dim] = score }
    let values = table.array(scores.count * dim)
    var query = [Float](repeating: 0, count: dim)
    query[0] = 1
    let head = try StoredHead(keys: keys, values: values, headDim: dim, variant: variant)
    let state = try head.attend(query, to: 0..<0)
    for (from, to) in zip(Self.ends, Self.ends.dropFirst()) {
      state.merge(packed: try head.attend(query, to: from..<to).packed)
    }
    let reference = ReferenceAttention.attend(
      query, keys: keys, values: values, count: scores.count, headDim: dim)
    return (state, values, reference)
  }

  @Test(arguments: [0, 19, 20, 256], KernelVariant.available.map(\.name))
  func `11: one key at +1e4 among keys at −1e4 wins exactly`(key: Int, name: String) throws {
    var scores = [Float](repeating: -1e4, count: 257)
    scores[key] = 1e4
    let (state, values, _) = try attend(
      scores: scores, seed: 1, variant: KernelVariant(named: name))
    #expect(state.output == Array(values[key * Self.dim..<(key + 1) * Self.dim]))
  }

  @Test(arguments: ["all −1e4", "alternating ±1e4", "near 3e4", "near −3e4"])
  func `11: scores of ten thousands cost no precision`(kind: String) throws {
    var generator = SeededGenerator(seed: 2)
    let scores = (0..<257).map { key -> Float in
      switch kind {
      case "all −1e4": -1e4
      case "alternating ±1e4": key % 2 == 0 ? 1e4 : -1e4
      default: (kind == "near 3e4" ? 3e4 : -3e4) + Float(generator.below(2048)) / 512
      }
    }
    let (state, values, reference) = try attend(scores: scores, seed: 3)
    let largest = Double(values.map(abs).max() ?? 0)
    let error = ReferenceAttention.difference(state.output, reference.output)
    #expect(error <= 1e-5 * largest)
    // What (logarithm of the sum, output) on the wire may lose at this height is a thousand times as much.
    #expect(error <= 2e-6)
    #expect(abs(state.energy(0) - reference.energy) <= 1e-6 * abs(reference.energy))
  }

  @Test(arguments: [-10_000, -1000, -1, 1, 777, 10_000], KernelVariant.available.map(\.name))
  func `12: a whole number added to all base-2 scores changes no bit of the output`(
    shift: Int, name: String
  ) throws {
    // Multiples of 2⁻⁹ below 64, so that the sum is exact.
    var generator = SeededGenerator(seed: 4)
    let scores = (0..<257).map { _ in Float(generator.below(65_536) - 32_768) / 512 }
    let variant = try KernelVariant(named: name)
    let plain = try attend(scores: scores, seed: 5, variant: variant).state
    let shifted = try attend(
      scores: scores.map { $0 + Float(shift) }, seed: 5, variant: variant
    ).state
    #expect(shifted.output.map(\.bitPattern) == plain.output.map(\.bitPattern))
    #expect(shifted.bound(0) == plain.bound(0) + Float(shift))
    #expect(shifted.packed.dropFirst() == plain.packed.dropFirst())
  }

  @Test(arguments: [-9999.5, -0.5, 0.25, 1000.125])
  func `12: any other shift changes it within 1e-5 of the largest value`(shift: Float) throws {
    var generator = SeededGenerator(seed: 6)
    let scores = (0..<257).map { _ in Float(generator.below(65_536) - 32_768) / 512 }
    let plain = try attend(scores: scores, seed: 7)
    let shifted = try attend(scores: scores.map { $0 + shift }, seed: 7).state
    let largest = Double(plain.values.map(abs).max() ?? 0)
    let error = ReferenceAttention.difference(
      shifted.output, plain.state.output.map { Double($0) })
    #expect(error <= 1e-5 * largest)
    let moved = shifted.energy(0) - plain.state.energy(0)
    #expect(abs(moved - Double(shift)) <= 2 * Double(max(abs(shift), 64).ulp))
  }

  @Test func `a score that is not finite shows in the output`() throws {
    for score in [Float.nan, .infinity] {
      var scores = [Float](repeating: 1, count: 257)
      scores[30] = score
      #expect(try attend(scores: scores, seed: 8).state.output.contains { !$0.isFinite })
    }
  }
}
