// SPDX-License-Identifier: Apache-2.0

/// Qwen 3.
///
/// As Llama, with two differences:
/// - each head of queries and keys goes through an RMSNorm before it is rotated, one weight vector for
///   all heads of a layer;
/// - rotary pairs are (i, i + headDim/2), and the width of a head is a size of its own.
enum Qwen3: ModelFamily {
  static let architecture = Architecture.qwen3
  static let modelTypes = ["qwen3"]
  static func defaults(of modelType: String) -> FamilyDefaults { FamilyDefaults(headDim: 128) }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.hasQKNorm = true
  }
}

/// Qwen 3 with a mixture of experts in every layer.
///
/// As Qwen 3; a row goes through the experts that a softmax over all scores best, their weights made to
/// add up to 1.
enum Qwen3MoE: ModelFamily {
  static let architecture = Architecture.qwen3moe
  static let modelTypes = ["qwen3_moe"]
  static func defaults(of modelType: String) -> FamilyDefaults { FamilyDefaults(kvHeadCount: 4) }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.hasQKNorm = true
    model.experts = try keys.experts(
      normalizesWeights: try keys.normalizesExpertWeights(), width: nil)
    guard model.experts != nil else { throw keys.missing(.expertCount) }
  }
}
