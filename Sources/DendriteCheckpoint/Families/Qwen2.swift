// SPDX-License-Identifier: Apache-2.0

/// Qwen 2 and 2.5.
///
/// As Llama, with two differences:
/// - queries, keys and values have biases (the output projection has none);
/// - rotary pairs are (i, i + headDim/2) in GGUF files too: rows are stored as trained.
enum Qwen2: ModelFamily {
  static let architecture = Architecture.qwen2
  static let modelTypes = ["qwen2"]

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.hasQKVBias = true
  }
}
