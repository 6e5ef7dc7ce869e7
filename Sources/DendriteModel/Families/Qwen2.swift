// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// Qwen 2 and 2.5.
///
/// As Llama, with two differences:
/// - queries, keys and values have biases (the output projection has none);
/// - rotary pairs are (i, i + headDim/2), rows are stored as trained.
enum Qwen2 {
  static func load(_ loader: inout WeightLoader) throws(ModelError) -> TransformerWeights {
    guard loader.configuration.hasQKVBias else {
      throw ModelError(
        .badCheckpoint,
        "a qwen2 model without 'blk.0.attn_q.bias', expected query, key and value biases",
        remedy: "convert the model again, or correct 'general.architecture'")
    }
    return TransformerWeights(
      configuration: loader.configuration,
      embedding: try loader.tensor(.tokenEmbedding),
      layers: try loader.layers(),
      outputNorm: try loader.vector(.outputNorm),
      head: try loader.head(),
      rotary: try loader.rotary(),
      rotatesInterleaved: false)
  }
}
