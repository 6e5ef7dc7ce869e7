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

    let hiddenSize = try keys.requiredInt(.hiddenSize, in: ArchitectureKeys.sizes)
    let layerCount = try keys.requiredInt(.layerCount, in: 1...1024)
    guard
      let feedForwardSize = try keys.uniformInt(
        .feedForwardSize, in: ArchitectureKeys.sizes, layers: layerCount)
    else { throw keys.missing(.feedForwardSize) }
    let heads = try keys.headSizes(hiddenSize: hiddenSize, layers: layerCount)
    try checkValueLength(keys, headDim: heads.dim)

    let contextLength = try keys.requiredInt(.contextLength, in: 1...(1 << 30))
    let window = try keys.int(.slidingWindow, in: 0...(1 << 30)) ?? 0
    guard let epsilon = try keys.number(.rmsNormEpsilon, in: 1e-30...1) else {
      throw keys.missing(.rmsNormEpsilon)
    }
    var model = ModelConfiguration(
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
      ropeBase: try keys.number(.ropeBase, in: 1...1e12) ?? 10_000,
      rmsNormEpsilon: Float(epsilon),
      isOutputTied: tensorIfPresent(.output) == nil,
      hasQKVBias: tensorIfPresent(.attentionQBias(0)) != nil
        || tensorIfPresent(.attentionKBias(0)) != nil
        || tensorIfPresent(.attentionVBias(0)) != nil,
      hasRopeFrequencies: tensorIfPresent(.ropeFrequencies) != nil)
    model.hasOutputBias = tensorIfPresent(.attentionOutputBias(0)) != nil
    model.isQKVFused = tensorIfPresent(.attentionQKV(0)) != nil
    try addRopeScaling(keys, to: &model)
    try keys.architecture.family.complete(&model, from: keys)
    return model
  }

  private func supportedArchitecture() throws(CheckpointError) -> Architecture {
    guard let name = try metadata.string("general.architecture") else {
      throw CheckpointError(
        .missingKey, "no key 'general.architecture' in \(quoted(paths[0])), expected one",
        remedy: "give a model file; `dendrite inspect` lists the keys")
    }
    guard let architecture = Architecture(rawValue: name) else {
      let supported = Architecture.allCases.map { "'\($0.rawValue)'" }.joined(separator: " ")
      throw CheckpointError(
        .unsupportedModel, "architecture \(quoted(name)), expected one of\n\(supported)",
        remedy: "choose a model of one of these families; others are not supported yet")
    }
    return architecture
  }

  /// What would silently give other results is refused.
  private func refuseUnsupportedFeatures(_ keys: ArchitectureKeys) throws(CheckpointError) {
    if ![.llama, .qwen3moe, .gptOSS].contains(keys.architecture) {
      try keys.refuse("expert_count", unless: [0], feature: "mixture of experts")
    }
    try keys.refuse("expert_shared_count", unless: [0], feature: "shared experts")
    try keys.refuse("attention.scale", unless: [0], feature: "its own attention scale")
    if ![.gemma2, .gemma3].contains(keys.architecture) {
      try keys.refuse("attn_logit_softcapping", unless: [0], feature: "attention soft-capping")
      try keys.refuse("final_logit_softcapping", unless: [0], feature: "logit soft-capping")
    }
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

  private func checkValueLength(
    _ keys: ArchitectureKeys, headDim: Int
  ) throws(CheckpointError) {
    if let valueDim = try keys.int("attention.value_length", in: 1...4096), valueDim != headDim {
      throw CheckpointError(
        .unsupportedModel,
        "keys of \(headDim) and values of \(valueDim) dimensions, expected equal lengths",
        remedy: "such models are not supported yet; choose another model")
    }
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

  private func addRopeScaling(
    _ keys: ArchitectureKeys, to model: inout ModelConfiguration
  ) throws(CheckpointError) {
    let factors = 0.0...1e6
    let current = try keys.number("rope.scaling.factor", in: factors)
    let old = try keys.number("rope.scale_linear", in: factors)
    let factor = current ?? old ?? 0
    let original =
      try keys.int("rope.scaling.original_context_length", in: 1...(1 << 30))
      ?? model.contextLength
    let short = tensorIfPresent(named: "rope_factors_short.weight")
    switch try keys.string("rope.scaling.type") ?? "linear" {
    case "none" where short == nil:
      model.ropeScaling = .none
    case "linear" where short == nil:
      let isOff = factor == 0 || factor == 1
      model.ropeScaling = isOff ? .none : .linear(factor: factor)
    case "yarn":
      guard factor >= 1 else { throw keys.invalid("rope.scaling.factor", "\(factor)", "1 or more") }
      let share = try keys.number("rope.scaling.yarn_attn_factor", in: 0...1e3) ?? 1
      model.ropeScaling = .yarn(
        YarnScaling(
          factor: factor, originalContext: Double(original),
          fastTurns: try keys.number("rope.scaling.yarn_beta_fast", in: 1e-3...1e6) ?? 32,
          slowTurns: try keys.number("rope.scaling.yarn_beta_slow", in: 1e-3...1e6) ?? 1,
          magnitude: share * YarnScaling.magnitude(factor: factor)))
    case "longrope" where short != nil, "none" where short != nil, "linear" where short != nil:
      let values = short?.floats() ?? []
      let magnitude = try keys.number("rope.scaling.attn_factor", in: 1e-3...1e3) ?? 1
      try model.addLongRope(
        short: values.map(Double.init), magnitude: magnitude, originalContext: original)
    case let type:
      throw CheckpointError(
        .unsupportedModel,
        "rope scaling \(quoted(type)), expected 'none', 'linear', 'yarn', 'longrope' with the tensor "
          + "'rope_factors_short.weight',\nor the tensor 'rope_freqs.weight'",
        remedy: "this scaling is not supported yet; use the model's version without long context")
    }
  }

  /// The number of tokens; the embedding must have as many rows.
  private func vocabularySize(_ keys: ArchitectureKeys) throws(CheckpointError) -> Int {
    let range = 1...(1 << 24)
    let embedding = tensorIfPresent(.tokenEmbedding)?.info
    let tokens = try metadata.strings("tokenizer.ggml.tokens")?.count
    let stated = try keys.int(.vocabularySize, in: range)
    guard let size = tokens ?? stated ?? embedding?.rowCount, range.contains(size) else {
      throw keys.missing(.vocabularySize)
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
