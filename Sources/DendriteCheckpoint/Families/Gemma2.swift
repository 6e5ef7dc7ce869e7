// SPDX-License-Identifier: Apache-2.0

/// Gemma 2.
///
/// As Llama, with these differences:
/// - embeddings are multiplied by √hiddenSize; the head is tied to them;
/// - what attention and feed-forward network add to the residual stream goes through norms of its own;
/// - norms multiply by 1 + w: safetensors hold w, GGUF files 1 + w;
/// - GELU (tanh form) in place of SiLU;
/// - scores are capped at ±50 and logits at ±30, by cap · tanh(x / cap);
/// - the first of every two layers sees a window of 4,096 positions only;
/// - scores are divided by the root of `query_pre_attn_scalar`, which GGUF files do not hold: there it
///   is the head's width, and hiddenSize / heads in the model of 46 layers (27B);
/// - rotary pairs are (i, i + headDim/2).
enum Gemma2: ModelFamily {
  static let architecture = Architecture.gemma2
  static let modelTypes = ["gemma2"]
  static func defaults(of modelType: String) -> FamilyDefaults {
    FamilyDefaults(headDim: 256, isOutputTied: true)
  }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.completeAsGemma(isHuggingFace: keys.isHuggingFace)
    model.attentionSoftCap = try keys.softCap(.attentionSoftCap, absent: 50)
    model.outputSoftCap = try keys.softCap(.outputSoftCap, absent: 30)
    if model.slidingWindow == nil { model.slidingWindow = 4096 }
    model.windowedLayers = try keys.windows(layers: model.layerCount, period: 2)
    let divisor = model.layerCount == 46 ? model.hiddenSize / model.headCount : model.headDim
    model.attentionScale = 1 / (try keys.queryScalar() ?? Double(divisor)).squareRoot()
  }
}

extension ModelConfiguration {
  /// What Gemma 2 and 3 have in common.
  mutating func completeAsGemma(isHuggingFace: Bool) {
    activation = .geluTanh
    embeddingScale = Double(hiddenSize).squareRoot()
    normOffset = isHuggingFace ? 1 : 0
    hasPostNorms = true
  }
}
