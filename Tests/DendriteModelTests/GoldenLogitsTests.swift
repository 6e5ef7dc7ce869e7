// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Logits and hidden states against `transformers`, in F32.
@Suite struct GoldenLogitsTests {
  static let models = ["llama2", "llama3", "qwen2", "mistral"]

  @Test(arguments: models)
  func `logits and hidden states are those of transformers`(model: String) throws {
    let golden = try GoldenFile(path: Repository.golden("logits/\(model).golden"))
    let transformer = try CPUTransformer(
      file: GGUFFile(path: Repository.golden("logits/\(model).gguf")), machine: Machine())
    let layers = transformer.description.layerCount
    #expect(golden.cases.count >= 7)
    for item in golden.cases {
      let got = try outputs(of: item, layers: layers, on: transformer)
      for (index, row) in item.rows.enumerated() {
        let want = Array(item.values(ofRow: index))
        let scale = want.map(abs).max() ?? 1
        let error = zip(want, got[index]).map { abs($0 - $1) }.max() ?? .infinity
        #expect(
          error <= 1e-4 * scale,
          "\(model) \(item.name) row \(row): off by \(error / scale) of the largest value")
        if item.kind == 0 {
          #expect(got[index].firstIndex(of: got[index].max()!) == want.firstIndex(of: want.max()!))
        }
      }
    }
  }

  /// What the golden's rows return, in its order.
  private func outputs(
    of item: GoldenFile.Case, layers: Int, on model: CPUTransformer
  ) throws -> [[Float]] {
    let cache = try model.makeCache(capacity: item.tokens.count, type: .f32)
    defer { model.release(cache) }
    let isExit = item.layer < layers
    let kind: Row.Output = item.kind == 1 || isExit ? .hiddenState(afterLayer: item.layer) : .logits
    var results: [Int: [Float]] = [:]
    for start in stride(from: 0, to: item.tokens.count, by: 512) {
      let range = start..<min(start + 512, item.tokens.count)
      var batch = RowBatch()
      for i in range {
        batch.append(
          Row(
            cache: cache, input: .token(item.tokens[i]),
            parent: i == start ? .tip : .row(i - start - 1),
            output: item.rows.contains(i) ? kind : .none, position: item.positions[i]))
      }
      let pass = try model.submit(batch)
      for i in range where item.rows.contains(i) {
        if kind == .logits {
          results[i] = try pass.withLogits(ofRow: i - start) { Array($0) }
        } else {
          let hidden = try pass.withHiddenState(ofRow: i - start) { Array($0) }
          results[i] = item.kind == 1 ? hidden : try project(hidden, on: model)
        }
      }
      try model.commit(rows: 0..<range.count, of: pass, to: cache)
    }
    return item.rows.map { results[$0] ?? [] }
  }

  private func project(_ hidden: [Float], on model: CPUTransformer) throws -> [Float] {
    var logits = [Float](repeating: 0, count: model.description.vocabularySize)
    try hidden.withUnsafeBufferPointer { hidden in
      try logits.withUnsafeMutableBufferPointer { try model.project(hiddenState: hidden, into: $0) }
    }
    return logits
  }
}
