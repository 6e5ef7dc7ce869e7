// SPDX-License-Identifier: Apache-2.0
import DendriteModel
import Testing

extension GoldenFile.Case {
  /// What the golden's rows return on a model, in its order.
  func outputs(on model: CPUTransformer) throws -> [[Float]] {
    let cache = try model.makeCache(capacity: tokens.count, type: .f32)
    defer { model.release(cache) }
    let isExit = layer < model.description.layerCount
    let output: Row.Output = kind == 1 || isExit ? .hiddenState(afterLayer: layer) : .logits
    var results: [Int: [Float]] = [:]
    for start in stride(from: 0, to: tokens.count, by: 512) {
      let range = start..<min(start + 512, tokens.count)
      var batch = RowBatch()
      for i in range {
        batch.append(
          Row(
            cache: cache, input: .token(tokens[i]),
            parent: i == start ? .tip : .row(i - start - 1),
            output: rows.contains(i) ? output : .none, position: positions[i]))
      }
      let pass = try model.submit(batch)
      for i in range where rows.contains(i) {
        if output == .logits {
          results[i] = try pass.withLogits(ofRow: i - start) { Array($0) }
        } else {
          let hidden = try pass.withHiddenState(ofRow: i - start) { Array($0) }
          results[i] = kind == 1 ? hidden : try model.project(hidden)
        }
      }
      try model.commit(rows: 0..<range.count, of: pass, to: cache)
    }
    return rows.map { results[$0] ?? [] }
  }

  /// Expects every row within 1e-4 of the row's largest value, and the same largest logit.
  func expectValues(on model: CPUTransformer, _ name: String) throws {
    let got = try outputs(on: model)
    for (index, row) in rows.enumerated() {
      let want = Array(values(ofRow: index))
      let scale = want.map(abs).max() ?? 1
      let error = zip(want, got[index]).map { abs($0 - $1) }.max() ?? .infinity
      #expect(
        got[index].count == want.count && error <= 1e-4 * scale,
        "\(name) \(self.name) row \(row): off by \(error / scale) of the largest value")
      if kind == 0 { #expect(place(ofLargest: got[index]) == place(ofLargest: want)) }
    }
  }
}

/// Where the largest value is, the first if there are several.
private func place(ofLargest values: [Float]) -> Int? {
  values.indices.max { (values[$0], $1) < (values[$1], $0) }
}

extension CPUTransformer {
  /// The logits that the model's own head makes of a hidden state.
  func project(_ hidden: [Float]) throws -> [Float] {
    var logits = [Float](repeating: 0, count: description.vocabularySize)
    try hidden.withUnsafeBufferPointer { hidden in
      try logits.withUnsafeMutableBufferPointer { try project(hiddenState: hidden, into: $0) }
    }
    return logits
  }
}
