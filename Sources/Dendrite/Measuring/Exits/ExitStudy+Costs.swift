// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel
internal import DendriteReport

/// What exits cost.
extension ExitStudy {
  /// Times passes over the last rows of a text, with each exit in turn.
  func costs(behind text: StudyText) throws -> [ExitFindings.Cost] {
    let known = max(0, text.tokens.count - Self.timedRows)
    let cache = try model.makeCache(capacity: text.tokens.count, type: .f16)
    defer { model.release(cache) }
    for start in stride(from: 0, to: known, by: CPUTransformer.maximumRowCount) {
      var batch = RowBatch()
      let end = min(start + CPUTransformer.maximumRowCount, known)
      batch.append(chain: text.tokens[start..<end], to: cache, lastOutput: .none)
      try model.commit(rows: 0..<batch.count, of: model.submit(batch), to: cache)
    }
    var samples = exits.map { _ in Samples() }
    for repetition in 0...max(1, settings.repetitions) {
      for (index, head) in exits.enumerated() {
        let sample = try time(head, text.tokens[known...], in: cache)
        if repetition > 0 {
          samples[index].before.append(sample.before)
          samples[index].head.append(sample.head)
          samples[index].pass.append(sample.pass)
        }
      }
    }
    return samples.map { samples in
      let nothing = Estimate(value: .nan)
      return ExitFindings.Cost(
        before: Statistics.ratio(samples.before, to: samples.pass) ?? nothing,
        head: Statistics.ratio(samples.head, to: samples.pass) ?? nothing)
    }
  }

  private struct Samples {
    var before: [Double] = []
    var head: [Double] = []
    var pass: [Double] = []
  }

  /// Seconds until the layer is done, of the scores of all rows, and of the whole pass.
  private func time(
    _ head: ExitHead, _ tokens: ArraySlice<Int>, in cache: CacheHandle
  ) throws -> (before: Double, head: Double, pass: Double) {
    var batch = RowBatch()
    for (place, token) in tokens.enumerated() {
      batch.append(
        Row(
          cache: cache, input: .token(token), parent: place == 0 ? .tip : .row(place - 1),
          output: .logits, exitLayer: head.layer))
    }
    let pass = try model.submit(batch)
    try pass.finish()
    let times = model.passTimes
    let (rows, width) = (batch.count, model.description.hiddenSize)
    var adapted = [Float](repeating: 0, count: rows * width)
    var scores = [Float](repeating: 0, count: rows * model.description.vocabularySize)
    let began = Clock.seconds()
    for place in 0..<rows {
      try pass.withHiddenState(ofRow: place) { hidden in
        adapted.withUnsafeMutableBufferPointer {
          head.adapt(
            hidden,
            into: UnsafeMutableBufferPointer(rebasing: $0[place * width..<(place + 1) * width]))
        }
      }
    }
    try adapted.withUnsafeBufferPointer { states in
      try scores.withUnsafeMutableBufferPointer {
        try model.project(hiddenStates: states, rows: rows, into: $0)
      }
    }
    let reading = Clock.seconds() - began
    try model.discard(cache)
    return (times.exit, reading, times.end)
  }
}
