// SPDX-License-Identifier: Apache-2.0

/// SmolLM 3.
///
/// As Llama, with one difference: in every fourth layer queries and keys are not rotated.
enum SmolLM3: ModelFamily {
  static let architecture = Architecture.smollm3
  static let modelTypes = ["smollm3"]
  static func defaults(of modelType: String) -> FamilyDefaults {
    FamilyDefaults(kvHeadCount: 4, isOutputTied: true, ropeBase: 2_000_000)
  }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.unrotatedLayers =
      try keys.unrotatedLayers(model.layerCount) ?? (0..<model.layerCount).map { $0 % 4 == 3 }
  }
}
