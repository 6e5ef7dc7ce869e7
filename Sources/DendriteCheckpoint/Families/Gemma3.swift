// SPDX-License-Identifier: Apache-2.0

/// Gemma 3, its text part.
///
/// As Gemma 2, with these differences:
/// - each head of queries and keys goes through an RMSNorm (of 1 + w) before it is rotated;
/// - five layers of six see a window only, and rotate by a base of their own (10,000, unscaled); the
///   sixth sees everything and rotates by base 1,000,000, scaled in the larger models;
/// - neither scores nor logits are capped.
enum Gemma3: ModelFamily {
  static let architecture = Architecture.gemma3
  static let modelTypes = ["gemma3_text", "gemma3"]
  static func defaults(of modelType: String) -> FamilyDefaults {
    // The models that see leave most of these out.
    FamilyDefaults(
      headCount: 8, vocabularySize: 262_208, contextLength: 131_072, kvHeadCount: 4, headDim: 256,
      isOutputTied: true, ropeBase: 1_000_000)
  }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.completeAsGemma(isHuggingFace: keys.isHuggingFace)
    model.hasQKNorm = true
    model.attentionSoftCap = try keys.softCap(.attentionSoftCap)
    model.outputSoftCap = try keys.softCap(.outputSoftCap)
    if model.slidingWindow == nil { model.slidingWindow = 4096 }
    model.windowedLayers = try keys.windows(layers: model.layerCount, period: 6)
    model.windowedRopeBase = try keys.windowedRopeBase() ?? 10_000
    let divisor = model.layerCount == 62 ? model.hiddenSize / model.headCount : model.headDim
    model.attentionScale = 1 / (try keys.queryScalar() ?? Double(divisor)).squareRoot()
  }
}
