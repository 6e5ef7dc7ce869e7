// SPDX-License-Identifier: Apache-2.0

extension ModelInflater {
  /// Whether the vocabulary grows, so that spare rows must be kept out.
  var hasMarks: Bool { configuration.vocabularySize > small.vocabularySize }

  /// The small model's layer that a layer is, or `nil` for one that adds nothing.
  ///
  /// Layer s of m stands at the end of the s-th of m equal stretches, so that what is known after a
  /// share of the small model's layers is known after the same share of the larger one's.
  func sourceLayer(_ layer: Int) -> Int? {
    let (layers, count) = (small.layerCount, configuration.layerCount)
    return (0..<layers).first { ($0 + 1) * count / layers - 1 == layer }
  }

  func addTensor(
    _ name: TensorName, seed: UInt64, to writer: inout GGUFWriter
  ) throws(CheckpointError) {
    let shape = name.expectedShape(in: configuration).shape
    let own = try sourceName(name).map { name throws(CheckpointError) in
      try source.tensor(name, in: small)
    }
    switch name {
    case .outputNorm, .attentionNorm, .feedForwardNorm:
      let weights = normWeights(own, isOutput: name == .outputNorm)
      try writer.addTensor(name.description, shape: shape, floats: weights)
    case .ropeFrequencies, .attentionQBias, .attentionKBias, .attentionVBias:
      let values = own?.floats() ?? []
      let padding = [Float](repeating: 0, count: shape[0] - values.count)
      try writer.addTensor(name.description, shape: shape, floats: values + padding)
    default:
      let matrix = InflatedMatrix(
        type: type, columns: shape[0], source: own, beyond: beyond(name), seed: seed)
      try writer.addTensor(name.description, shape: shape, type: type) { chunk, offset in
        matrix.fill(chunk, byteOffset: offset)
      }
    }
  }

  /// What surrounds the small model's weights in a matrix.
  private func beyond(_ name: TensorName) -> InflatedMatrix.Surroundings {
    switch name {
    case .tokenEmbedding, .output: .vocabulary(isMarked: hasMarks)
    case .attentionOutput, .feedForwardDown: .zeros
    default: .noise
    }
  }

  /// The weights divided by the root of the growth, 1 where the residual stream is zero; marks are
  /// left out of layers and made large for the output.
  private func normWeights(_ own: TensorView?, isOutput: Bool) -> [Float] {
    let scale = 1 / Float(widthRoot)
    let values = own?.floats() ?? []
    var weights = values + [Float](repeating: 1, count: configuration.hiddenSize - values.count)
    for index in weights.indices { weights[index] *= scale }
    if hasMarks {
      let mark = isOutput ? VocabularyMark.outputNormWeight * scale : 0
      weights[weights.count - 2] = mark
      weights[weights.count - 1] = -mark
    }
    return weights
  }

  /// The small model's tensor that a tensor continues; `nil` in an extra layer.
  private func sourceName(_ name: TensorName) -> TensorName? {
    switch name {
    case .tokenEmbedding, .outputNorm, .output, .ropeFrequencies: name
    case .attentionNorm(let layer): sourceLayer(layer).map { .attentionNorm($0) }
    case .attentionQ(let layer): sourceLayer(layer).map { .attentionQ($0) }
    case .attentionK(let layer): sourceLayer(layer).map { .attentionK($0) }
    case .attentionV(let layer): sourceLayer(layer).map { .attentionV($0) }
    case .attentionQBias(let layer): sourceLayer(layer).map { .attentionQBias($0) }
    case .attentionKBias(let layer): sourceLayer(layer).map { .attentionKBias($0) }
    case .attentionVBias(let layer): sourceLayer(layer).map { .attentionVBias($0) }
    case .attentionOutput(let layer): sourceLayer(layer).map { .attentionOutput($0) }
    case .feedForwardNorm(let layer): sourceLayer(layer).map { .feedForwardNorm($0) }
    case .feedForwardGate(let layer): sourceLayer(layer).map { .feedForwardGate($0) }
    case .feedForwardUp(let layer): sourceLayer(layer).map { .feedForwardUp($0) }
    case .feedForwardDown(let layer): sourceLayer(layer).map { .feedForwardDown($0) }
    // Models with these are refused before (`ModelInflater.init`).
    default: nil
    }
  }
}
