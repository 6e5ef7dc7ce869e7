// SPDX-License-Identifier: Apache-2.0

/// gpt-oss, 20b and 120b.
///
/// As Llama, with these differences:
/// - every layer is a mixture: a row goes through the four experts whose scores are largest, by a softmax
///   over those four; router and experts have biases, as have q, k, v and o;
/// - the activation is x / (1 + e^(−1.702 x)) times up + 1, gate cut off above 7, up on both sides;
/// - each query head has a sink: one more score in the softmax, which gives nothing;
/// - the first of every two layers sees a window of 128 positions;
/// - rotary pairs are (i, i + headDim/2), by YaRN without rounding of its pairs;
/// - the norm before the mixture is `post_attention_norm` in GGUF files;
/// - experts are stored in MXFP4, rows of gate and up taking turns in safetensors.
///
/// - Source: transformers `models/gpt_oss`; llama.cpp `conversion/gpt_oss.py`.
enum GPTOSS: ModelFamily {
  static let architecture = Architecture.gptOSS
  static let modelTypes = ["gpt_oss"]

  static func defaults(of modelType: String) -> FamilyDefaults {
    FamilyDefaults(
      epsilon: 1e-5, kvHeadCount: 8, headDim: 64, ropeBase: 150_000, slidingWindow: 128)
  }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.hasQKVBias = true
    model.hasOutputBias = true
    model.hasSinks = true
    model.activation = .clampedSiLU
    if model.slidingWindow == nil { model.slidingWindow = 128 }
    model.windowedLayers = try keys.windows(layers: model.layerCount, period: 2)
    if case .yarn(var yarn) = model.ropeScaling, !keys.isHuggingFace {
      yarn.roundsPairs = false
      model.ropeScaling = .yarn(yarn)
    }
    model.experts = try keys.experts(normalizesWeights: true, width: model.feedForwardSize)
    guard model.experts != nil else { throw keys.missing(.expertCount) }
    model.experts?.hasBiases = true
  }
}
