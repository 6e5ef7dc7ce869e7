// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// Llama 2 and 3.x, and the models that share their graph (Mistral, SmolLM2, TinyLlama).
///
/// - RMSNorm before attention and before the gated feed-forward; SiLU.
/// - Grouped-query attention, scale 1/√headDim, no biases (a file may carry some).
/// - Rotary pairs are (2i, 2i+1): files store query and key rows permuted for that. Llama 3.1 and later
///   divide the angles by `rope_freqs.weight`.
/// - The head is tied to the embedding if the file has no `output.weight`.
enum Llama {
  static func load(_ loader: inout WeightLoader) throws(ModelError) -> TransformerWeights {
    TransformerWeights(
      configuration: loader.configuration,
      embedding: try loader.tensor(.tokenEmbedding),
      layers: try loader.layers(),
      outputNorm: try loader.vector(.outputNorm),
      head: try loader.head(),
      rotary: try loader.rotary(),
      rotatesInterleaved: true)
  }
}
