// SPDX-License-Identifier: Apache-2.0

extension GGUFFile {
  /// The model's sizes and constants, from the metadata and the presence of tensors.
  ///
  /// - Throws: `.missingKey`, `.invalidValue` for what is absent or out of range,
  ///   `.unsupportedModel` for an architecture, a scaling or a feature that is not implemented,
  ///   `.wrongShape` if embedding and vocabulary differ in size.
  /// - Source: llama.cpp `src/llama-model.cpp`, for keys and defaults.
  public func modelConfiguration() throws(CheckpointError) -> ModelConfiguration {
    let keys = ArchitectureKeys(metadata: metadata, architecture: try supportedArchitecture())
    try refuseUnsupportedFeatures(keys)

    let hiddenSize = try keys.requiredInt("embedding_length", in: Self.sizes)
    let layerCount = try keys.requiredInt("block_count", in: 1...1024)
    guard
      let feedForwardSize = try keys.uniformInt(
        "feed_forward_length", in: Self.sizes, layers: layerCount)
    else { throw keys.missing("feed_forward_length") }
    let heads = try headSizes(keys, hiddenSize: hiddenSize, layers: layerCount)

    let contextLength = try keys.requiredInt("context_length", in: 1...(1 << 30))
    let window = try keys.int("attention.sliding_window", in: 0...(1 << 30)) ?? 0
    guard
      let epsilon = try keys.number("attention.layer_norm_rms_epsilon", in: 1e-30...1)
    else { throw keys.missing("attention.layer_norm_rms_epsilon") }

    return ModelConfiguration(
      architecture: keys.architecture,
      name: try metadata.string("general.name") ?? "",
      vocabularySize: try vocabularySize(keys),
      contextLength: contextLength,
      slidingWindow: window > 0 ? window : nil,
      hiddenSize: hiddenSize,
      layerCount: layerCount,
      feedForwardSize: feedForwardSize,
      headCount: heads.count,
      kvHeadCount: heads.kvCount,
      headDim: heads.dim,
      ropeDimensionCount: try ropeDimensionCount(keys, headDim: heads.dim),
      ropeBase: try keys.number("rope.freq_base", in: 1...1e12) ?? 10_000,
      ropeScaling: try ropeScaling(keys),
      rmsNormEpsilon: Float(epsilon),
      isOutputTied: tensorIfPresent(.output) == nil,
      hasQKVBias: tensorIfPresent(.attentionQBias(0)) != nil
        || tensorIfPresent(.attentionKBias(0)) != nil
        || tensorIfPresent(.attentionVBias(0)) != nil,
      hasRopeFrequencies: tensorIfPresent(.ropeFrequencies) != nil)
  }

  /// Widths that a model may have.
  private static var sizes: ClosedRange<Int> { 1...(1 << 20) }

  private func supportedArchitecture() throws(CheckpointError) -> Architecture {
    guard let name = try metadata.string("general.architecture") else {
      throw CheckpointError(
        .missingKey, "no key 'general.architecture' in \(quoted(paths[0])), expected one",
        remedy: "give a model file; `dendrite inspect` lists the keys")
    }
    guard let architecture = Architecture(rawValue: name) else {
      let supported = Architecture.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
      throw CheckpointError(
        .unsupportedModel, "architecture \(quoted(name)), expected \(supported)",
        remedy: "choose a model of the Llama or Qwen 2 family; others are not supported yet")
    }
    return architecture
  }

  /// What would silently give other results is refused.
  private func refuseUnsupportedFeatures(_ keys: ArchitectureKeys) throws(CheckpointError) {
    try keys.refuse("expert_count", unless: [0], feature: "mixture of experts")
    try keys.refuse("attention.scale", unless: [0], feature: "its own attention scale")
    try keys.refuse("attn_logit_softcapping", unless: [0], feature: "attention soft-capping")
    try keys.refuse("final_logit_softcapping", unless: [0], feature: "logit soft-capping")
    try keys.refuse("logit_scale", unless: [0, 1], feature: "logit scaling")
    try keys.refuse("embedding_scale", unless: [0, 1], feature: "embedding scaling")
    try keys.refuse("residual_scale", unless: [0, 1], feature: "residual scaling")
    // `.scale` and `.input_scale`
    if let scaled = tensors.first(where: { $0.name.hasSuffix("scale") }) {
      throw CheckpointError(
        .unsupportedModel,
        "tensor \(quoted(scaled.name)) scales another tensor, expected weights without scales",
        remedy: "get the model in another quantisation, for example Q8_0 or Q4_K_M")
    }
  }

  private func headSizes(
    _ keys: ArchitectureKeys, hiddenSize: Int, layers: Int
  ) throws(CheckpointError) -> (count: Int, kvCount: Int, dim: Int) {
    let heads = 1...(1 << 16)
    guard let count = try keys.uniformInt("attention.head_count", in: heads, layers: layers) else {
      throw keys.missing("attention.head_count")
    }
    let kvCount =
      try keys.uniformInt("attention.head_count_kv", in: heads, layers: layers) ?? count
    guard count % kvCount == 0 else {
      throw keys.invalid(
        "attention.head_count_kv", "\(kvCount)", "a divisor of head_count \(count)")
    }
    let dims = 1...4096
    guard let dim = try keys.int("attention.key_length", in: dims) else {
      guard hiddenSize % count == 0, dims.contains(hiddenSize / count) else {
        throw keys.invalid(
          "attention.head_count", "\(count)",
          "a divisor of embedding_length \(hiddenSize), or a key_length")
      }
      return (count, kvCount, hiddenSize / count)
    }
    if let valueDim = try keys.int("attention.value_length", in: dims), valueDim != dim {
      throw CheckpointError(
        .unsupportedModel,
        "keys of \(dim) and values of \(valueDim) dimensions, expected equal lengths",
        remedy: "such models are not supported yet; choose another model")
    }
    return (count, kvCount, dim)
  }

  private func ropeDimensionCount(
    _ keys: ArchitectureKeys, headDim: Int
  ) throws(CheckpointError) -> Int {
    let count = try keys.int("rope.dimension_count", in: 1...(1 << 20)) ?? headDim
    guard count % 2 == 0, count <= headDim else {
      throw keys.invalid(
        "rope.dimension_count", "\(count)", "an even number up to the head's length \(headDim)")
    }
    return count
  }

  private func ropeScaling(_ keys: ArchitectureKeys) throws(CheckpointError) -> RopeScaling {
    let factors = 0.0...1e6
    let current = try keys.number("rope.scaling.factor", in: factors)
    let old = try keys.number("rope.scale_linear", in: factors)
    let factor = current ?? old ?? 0
    switch try keys.string("rope.scaling.type") ?? "linear" {
    case "none":
      return .none
    case "linear":
      return factor == 0 || factor == 1 ? .none : .linear(factor: factor)
    case let type:
      throw CheckpointError(
        .unsupportedModel,
        "rope scaling \(quoted(type)), expected 'none', 'linear' or the tensor 'rope_freqs.weight'",
        remedy: "this scaling is not supported yet; use the model's version without long context")
    }
  }

  /// The number of tokens; the embedding must have as many rows.
  private func vocabularySize(_ keys: ArchitectureKeys) throws(CheckpointError) -> Int {
    let range = 1...(1 << 24)
    let embedding = tensorIfPresent(.tokenEmbedding)?.info
    let tokens = try metadata.strings("tokenizer.ggml.tokens")?.count
    let stated = try keys.int("vocab_size", in: range)
    guard let size = tokens ?? stated ?? embedding?.rowCount, range.contains(size) else {
      throw keys.missing("vocab_size")
    }
    if let embedding, embedding.rowCount != size {
      throw CheckpointError(
        .wrongShape,
        "tensor 'token_embd.weight' has \(embedding.rowCount) rows, expected \(size)\n"
          + (tokens == nil ? "(key '\(keys.key("vocab_size"))')" : "(tokens of the vocabulary)"),
        remedy: "get tokenizer and weights from the same revision; `dendrite inspect` lists both")
    }
    return size
  }
}
