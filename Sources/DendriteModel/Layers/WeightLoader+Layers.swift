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

  private mutating func mixture(
    _ index: Int, _ configuration: ExpertConfiguration
  ) throws(ModelError) -> Mixture {
    let router = try matrix(.router(index))
    var experts: [GatedNetwork] = []
    for expert in 0..<configuration.count {
      experts.append(try self.expert(expert, ofLayer: index, configuration))
    }
    return Mixture(router: router, experts: experts, configuration: configuration)
  }

  private mutating func expert(
    _ expert: Int, ofLayer index: Int, _ experts: ExpertConfiguration
  ) throws(ModelError) -> GatedNetwork {
    guard experts.isStacked else {
      return GatedNetwork(
        gate: try matrix(.expertGate(index, expert)), up: try matrix(.expertUp(index, expert)),
        down: try matrix(.expertDown(index, expert)))
    }
    let wide = expert * experts.feedForwardSize..<(expert + 1) * experts.feedForwardSize
    let narrow = expert * configuration.hiddenSize..<(expert + 1) * configuration.hiddenSize
    return GatedNetwork(
      gate: try matrix(.expertGates(index), rows: wide),
      up: try matrix(.expertUps(index), rows: wide),
      down: try matrix(.expertDowns(index), rows: narrow))
  }
}
