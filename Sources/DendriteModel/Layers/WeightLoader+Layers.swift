// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

extension WeightLoader {
  /// One layer, as the configuration describes it.
  mutating func layer(_ index: Int) throws(ModelError) -> DecoderLayer {
    let norm = try vector(.attentionNorm(index))
    let (query, key, value) = try projections(index)
    return DecoderLayer(
      attentionWindow: configuration.window(ofLayer: index),
      rotation: configuration.rotation(ofLayer: index),
      attentionNorm: norm,
      query: query,
      key: key,
      value: value,
      biases: try biases(index),
      headNorms: try headNorms(index),
      sinks: configuration.hasSinks ? try vector(.attentionSinks(index)) : nil,
      output: try matrix(.attentionOutput(index)),
      outputBias: configuration.hasOutputBias ? try vector(.attentionOutputBias(index)) : nil,
      postNorms: try postNorms(index),
      feedForwardNorm: try vector(.feedForwardNorm(index)),
      feedForward: try feedForward(index))
  }

  private mutating func projections(
    _ index: Int
  ) throws(ModelError) -> (PackedMatrix, PackedMatrix, PackedMatrix) {
    guard configuration.isQKVFused else {
      return (
        try matrix(.attentionQ(index)), try matrix(.attentionK(index)),
        try matrix(.attentionV(index))
      )
    }
    let queries = configuration.headCount * configuration.headDim
    let keys = configuration.kvHeadCount * configuration.headDim
    let name = TensorName.attentionQKV(index)
    return (
      try matrix(name, rows: 0..<queries), try matrix(name, rows: queries..<queries + keys),
      try matrix(name, rows: queries + keys..<queries + 2 * keys)
    )
  }

  private mutating func biases(
    _ index: Int
  ) throws(ModelError) -> (
    query: AlignedBuffer<Float>, key: AlignedBuffer<Float>, value: AlignedBuffer<Float>
  )? {
    guard configuration.hasQKVBias else { return nil }
    return (
      query: try vector(.attentionQBias(index)), key: try vector(.attentionKBias(index)),
      value: try vector(.attentionVBias(index))
    )
  }

  private mutating func headNorms(
    _ index: Int
  ) throws(ModelError) -> (query: AlignedBuffer<Float>, key: AlignedBuffer<Float>)? {
    guard configuration.hasQKNorm else { return nil }
    return (query: try vector(.attentionQNorm(index)), key: try vector(.attentionKNorm(index)))
  }

  private mutating func postNorms(
    _ index: Int
  ) throws(ModelError) -> (attention: AlignedBuffer<Float>, feedForward: AlignedBuffer<Float>)? {
    guard configuration.hasPostNorms else { return nil }
    return (
      attention: try vector(.attentionPostNorm(index)),
      feedForward: try vector(.feedForwardPostNorm(index))
    )
  }

  // MARK: Feed-forward networks

  private mutating func feedForward(_ index: Int) throws(ModelError) -> FeedForward {
    if let experts = configuration.experts { return .mixture(try mixture(index, experts)) }
    let width = configuration.feedForwardSize
    guard configuration.isGateUpFused else {
      return .dense(
        GatedNetwork(
          gate: try matrix(.feedForwardGate(index)), up: try matrix(.feedForwardUp(index)),
          down: try matrix(.feedForwardDown(index))))
    }
    return .dense(
      GatedNetwork(
        gate: try matrix(.feedForwardGateUp(index), rows: 0..<width),
        up: try matrix(.feedForwardGateUp(index), rows: width..<2 * width),
        down: try matrix(.feedForwardDown(index))))
  }
}
