// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

extension ModelDirectory {
  /// The model's sizes and constants, from `config.json` and the presence of tensors.
  ///
  /// - Throws: `.missingKey`, `.invalidValue` for what is absent or out of range,
  ///   `.unsupportedModel` for a family, a scaling or a feature that is not implemented.
  /// - Source: transformers `models/*/configuration_*.py`, for keys and defaults.
  public func modelConfiguration() throws(CheckpointError) -> ModelConfiguration {
    let keys = configuration
    let architecture = try supportedArchitecture()
    let defaults = architecture.family.defaults(of: modelType)
    try refuseUnsupportedFeatures(architecture)

    let hiddenSize = try keys.requiredInt(.hiddenSize, in: ConfigurationFile.sizes)
    let layerCount = try keys.requiredInt(.layerCount, in: 1...1024)
    guard
      let feedForwardSize = try keys.uniformInt(
        .feedForwardSize, in: ConfigurationFile.sizes, layers: layerCount)
    else { throw keys.missing(.feedForwardSize) }
    let heads = try keys.headSizes(
      hiddenSize: hiddenSize, layers: layerCount, countDefault: defaults.headCount,
      kvDefault: defaults.kvHeadCount, dimDefault: defaults.headDim)
    guard
      let vocabularySize = try keys.int(.vocabularySize, in: 1...(1 << 24))
        ?? defaults.vocabularySize
    else { throw keys.missing(.vocabularySize) }
    guard
      let contextLength = try keys.int(.contextLength, in: 1...(1 << 30)) ?? defaults.contextLength
    else { throw keys.missing(.contextLength) }
    let epsilon = try keys.number(.rmsNormEpsilon, in: 1e-30...1) ?? defaults.epsilon
    let ownTie = try keys.bool("tie_word_embeddings")
    let outerTie = try wholeConfiguration.bool("tie_word_embeddings")
    let isTied = ownTie ?? outerTie ?? defaults.isOutputTied

    var model = ModelConfiguration(
      architecture: architecture,
      name: displayName,
      vocabularySize: vocabularySize,
      contextLength: contextLength,
      hiddenSize: hiddenSize,
      layerCount: layerCount,
      feedForwardSize: feedForwardSize,
      headCount: heads.count,
      kvHeadCount: heads.kvCount,
      headDim: heads.dim,
      rmsNormEpsilon: Float(epsilon),
      isOutputTied: isTied)
    model.rotatesInterleaved = false
    model.activation = try activation()
    try addWindow(to: &model, default: defaults.slidingWindow)
    try RotaryKeys(configuration).add(to: &model, defaultBase: defaults.ropeBase)
    model.hasQKVBias = has(.attentionQBias(0), in: model)
    model.hasOutputBias = has(.attentionOutputBias(0), in: model)
    try architecture.family.complete(&model, from: keys)
    if architecture == .gptOSS { try findExperts(in: &model) }
    return model
  }

  /// gpt-oss stores its experts in four bits; programs that train it store them transposed.
  private func findExperts(in model: inout ModelConfiguration) throws(CheckpointError) {
    let hasBlocks = has(.expertGateUpBlocks(0), in: model)
    model.experts?.layout = hasBlocks ? .blocks : .transposed
    for (key, expected) in [("swiglu_limit", 7.0), ("swiglu_alpha", 1.702)] {
      guard let value = try configuration.number(key, in: 0...1e6), value != expected else {
        continue
      }
      throw unsupported(key, "another activation (\(value) in place of \(expected))")
    }
    guard hasBlocks else { return }
    for (key, size) in [
      ("hidden_size", model.hiddenSize), ("intermediate_size", model.feedForwardSize),
    ]
    where size % 32 != 0 {
      throw configuration.invalid(key, found: "\(size)", "a multiple of 32, the length of a block")
    }
  }

  private func has(_ name: TensorName, in model: ModelConfiguration) -> Bool {
    tensorIfPresent(name, in: model) != nil
  }

  /// The name that the file gives its model, or the directory's.
  private var displayName: String {
    if let name = (try? wholeConfiguration.string("_name_or_path")) ?? nil, !name.isEmpty {
      return name
    }
    return HubCache.repositoryName(ofSnapshot: path)
      ?? path.split(separator: "/").last.map(String.init) ?? ""
  }

  private func supportedArchitecture() throws(CheckpointError) -> Architecture {
    guard let architecture = Architecture(modelType: modelType) else {
      let supported = Architecture.allCases.flatMap { $0.family.modelTypes }.map { "'\($0)'" }
      throw CheckpointError(
        .unsupportedModel,
        "model_type \(quoted(modelType)) in 'config.json', expected one of\n"
          + supported.joined(separator: " "),
        remedy: "choose a model of one of these families; others are not supported yet")
    }
    guard let name = try wholeConfiguration.strings("architectures")?.first else {
      return architecture
    }
    guard name.hasSuffix("ForCausalLM") || name.hasSuffix("ForConditionalGeneration") else {
      throw CheckpointError(
        .unsupportedModel,
        "a model of class \(quoted(name)), expected one that continues text (…ForCausalLM)",
        remedy: "choose a model that was saved with its language head")
    }
    return architecture
  }

  /// What would silently give other results is refused.
  private func refuseUnsupportedFeatures(
    _ architecture: Architecture
  ) throws(CheckpointError) {
    for file in [wholeConfiguration, configuration] {
      guard let method = try file.nested("quantization_config") else { continue }
      let name = try method.string("quant_method") ?? "of an unknown kind"
      if name == "mxfp4", architecture == .gptOSS { continue }
      throw CheckpointError(
        .unsupportedModel,
        "weights quantised by \(quoted(name)) ('quantization_config'), expected plain floats",
        remedy: "get the original model, or a GGUF file in a type such as Q8_0 or Q4_K_M")
    }
    if try configuration.bool("mlp_bias") == true {
      throw unsupported("mlp_bias", "biases in the feed-forward network")
    }
    if try configuration.bool("use_bidirectional_attention") == true {
      throw unsupported("use_bidirectional_attention", "attention to later positions")
    }
    guard architecture == .qwen3moe else { return }
    let step = try configuration.int("decoder_sparse_step", in: 1...1024) ?? 1
    let dense = try configuration.numbers("mlp_only_layers") ?? []
    if step != 1 || !dense.isEmpty {
      throw unsupported("decoder_sparse_step", "layers without experts between those with")
    }
  }

  private func unsupported(_ key: String, _ feature: String) -> CheckpointError {
    CheckpointError(
      .unsupportedModel,
      "key '\(key)' of 'config.json' asks for \(feature), expected a model without",
      remedy: "\(feature) is not supported yet; choose another model")
  }

  private func activation() throws(CheckpointError) -> Activation {
    // Gemma's first files say `gelu` under the old key and mean the form with tanh.
    let isGemma = modelType.hasPrefix("gemma")
    let new = try configuration.string("hidden_activation")
    let old = isGemma ? "gelu_pytorch_tanh" : try configuration.string("hidden_act")
    let name = new ?? old ?? "silu"
    switch name {
    case "silu", "swish": return .silu
    case "gelu_pytorch_tanh", "gelu_new", "gelu_fast": return .geluTanh
    default:
      throw CheckpointError(
        .unsupportedModel,
        "the activation \(quoted(name)) in 'config.json', expected 'silu' or 'gelu_pytorch_tanh'",
        remedy: "this activation is not supported yet; choose another model")
    }
  }

  /// The window and the layers that it narrows; families may have rules of their own.
  private func addWindow(
    to model: inout ModelConfiguration, default window: Int?
  ) throws(CheckpointError) {
    let keys = configuration
    let mayHaveNone = try keys.bool("use_sliding_window") == false
    // Models of these families mention a window that only this key switches on.
    let needsSwitch = ["qwen2", "qwen3", "qwen3_moe", "smollm3"].contains(modelType)
    if modelType == "llama" || mayHaveNone { return }
    if needsSwitch, try keys.bool("use_sliding_window") != true { return }
    let stated = try keys.int(.slidingWindow, in: 0...(1 << 30))
    let found = stated ?? (keys.isNone(.slidingWindow) ? nil : window)
    guard let found, found > 0 else { return }
    model.slidingWindow = found
    if let listed = try keys.listedWindows(layers: model.layerCount) {
      model.windowedLayers = listed
    } else if let first = try keys.int("max_window_layers", in: 0...1024), needsSwitch {
      model.windowedLayers = (0..<model.layerCount).map { $0 >= first }
    }
  }
}
