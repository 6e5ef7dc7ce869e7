// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Exit rows go through the head together, and each gets the bits that it would get alone.
@Suite(.tags(.invariance)) struct ExitProjectionTests {
  /// A model, and hidden states that a pass of so many rows left.
  private static func states(
    _ format: WeightFormat, rows: Int, variant: KernelVariant
  ) throws -> (model: CPUTransformer, states: [Float]) {
    let shape = try #require(ModelShape(named: "tiny-llama"))
    let model = try CPUTransformer(
      file: GGUFFile(bytes: ModelMaker(shape: shape, format: format, seed: 3).bytes()),
      machine: Machine(threads: 1, variant: variant))
    let cache = try model.makeCache(capacity: 128, type: .f16)
    var batch = RowBatch()
    for (index, token) in randomTokens(
      rows, vocabulary: model.description.vocabularySize, seed: rows
    ).enumerated() {
      batch.append(
        Row(
          cache: cache, input: .token(token), parent: index == 0 ? .tip : .row(index - 1),
          output: .hiddenState(afterLayer: 1)))
    }
    let pass = try model.submit(batch)
    var states: [Float] = []
    for row in 0..<rows { try pass.withHiddenState(ofRow: row) { states += $0 } }
    return (model, states)
  }

  private func project(
    _ model: CPUTransformer, _ states: ArraySlice<Float>, rows: Int, count: Int
  ) throws -> [UInt32] {
    var logits = [Float](repeating: .nan, count: rows * count)
    try states.withUnsafeBufferPointer { states in
      try logits.withUnsafeMutableBufferPointer {
        try model.project(hiddenStates: states, rows: rows, into: $0)
      }
    }
    return bits(logits)
  }

  @Test(
    arguments: [
      WeightFormat.uniform(.q8_0), .uniform(.q4_0), .uniform(.f16), WeightFormat(named: "q4_k_m"),
    ]
    .compactMap { $0 }, KernelVariant.available)
  func `a row's early logits do not depend on the others`(
    format: WeightFormat, variant: KernelVariant
  ) throws {
    for rows in [1, 2, 3, 8, 16, 17, 33, 64] {
      let (model, states) = try Self.states(format, rows: rows, variant: variant)
      let (width, size) = (model.description.hiddenSize, model.description.vocabularySize)
      // The whole vocabulary, whole groups of it, and a length that ends within a group.
      for count in [size, 64, 40] {
        let together = try project(model, states[...], rows: rows, count: count)
        for row in 0..<rows {
          let alone = try project(
            model, states[row * width..<(row + 1) * width], rows: 1, count: count)
          #expect(
            Array(together[row * count..<(row + 1) * count]) == alone,
            "row \(row) of \(rows), \(count) logits")
        }
        #expect(!together.contains { Float(bitPattern: $0).isNaN })
      }
    }
  }

  @Test(.tags(.badInput)) func `sizes that do not fit are refused`() throws {
    let (model, states) = try Self.states(.uniform(.q8_0), rows: 2, variant: .best)
    for (rows, count) in [(0, 8), (3, 8), (1, 8), (2, 1 << 20)] {
      var logits = [Float](repeating: 0, count: max(1, rows) * count)
      #expect {
        try states.withUnsafeBufferPointer { states in
          try logits.withUnsafeMutableBufferPointer {
            try model.project(hiddenStates: states, rows: rows, into: $0)
          }
        }
      } throws: { ($0 as? ModelError)?.code == .badRow }
    }
  }
}
