// SPDX-License-Identifier: Apache-2.0

/// Llama 2 and 3.x, and the models that share their graph: Mistral, Mixtral, SmolLM 2, TinyLlama.
///
/// - RMSNorm before attention and before the gated feed-forward; SiLU.
/// - Grouped-query attention, scale 1/√headDim, no biases (a file may carry some).
/// - Rotary pairs are (i, i + headDim/2) as trained, (2i, 2i+1) in GGUF files, which store query and key
///   rows permuted for that. Llama 3.1 and later scale the angles; GGUF files carry divisors.
/// - Mistral before version 0.2 has a window in all layers. Mixtral chooses two of eight feed-forward
///   networks for each row.
/// - The head may be tied to the embedding.
enum Llama: ModelFamily {
  static let architecture = Architecture.llama
  static let modelTypes = ["llama", "mistral", "mixtral"]

  static func defaults(of modelType: String) -> FamilyDefaults {
    switch modelType {
    case "mistral": FamilyDefaults(kvHeadCount: 8, slidingWindow: 4096)
    case "mixtral": FamilyDefaults(epsilon: 1e-5, kvHeadCount: 8, ropeBase: 1_000_000)
    default: FamilyDefaults()
    }
  }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.experts = try keys.experts(
      normalizesWeights: true, width: model.feedForwardSize)
  }
}
