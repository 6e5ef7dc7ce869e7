// SPDX-License-Identifier: Apache-2.0

/// What sets a family of models apart from Llama, as facts about its graph.
///
/// A family is one type in one file: how `config.json` names it, and how its configuration differs from
/// that of a plain Llama with the same sizes. What the facts mean is implemented once, in the layers of
/// DendriteModel. `Docs/AddAModel.md` walks through adding one.
protocol ModelFamily {
  /// The family's name in GGUF files.
  static var architecture: Architecture { get }
  /// `model_type` in a `config.json`; several if models of one graph have several.
  static var modelTypes: [String] { get }
  /// What a `config.json` of a `model_type` may leave out, and what it means then.
  static func defaults(of modelType: String) -> FamilyDefaults

  /// Completes a configuration that has its sizes and is otherwise a Llama's.
  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError)
}

/// What absent keys of a `config.json` mean.
///
/// - Source: the defaults of transformers `models/*/configuration_*.py`.
struct FamilyDefaults {
  /// Added to the mean square in norms.
  var epsilon = 1e-6
  /// Query heads; `nil` if they must be given, as for the next two.
  var headCount: Int?
  /// Rows of the embedding.
  var vocabularySize: Int?
  /// Positions the model was trained for.
  var contextLength: Int?
  /// Key/value heads; `nil` for as many as query heads.
  var kvHeadCount: Int?
  /// Width of a head; `nil` for the hidden size divided by the heads.
  var headDim: Int?
  /// Whether the output is the embedding.
  var isOutputTied = false
  /// Base of the rotary frequencies.
  var ropeBase = 10_000.0
  /// Positions that a row sees where the window is not mentioned; `nil` for all.
  var slidingWindow: Int?
}

extension ModelFamily {
  static func defaults(of modelType: String) -> FamilyDefaults { FamilyDefaults() }
}

extension Architecture {
  /// The family's facts.
  var family: any ModelFamily.Type {
    switch self {
    case .llama: Llama.self
    case .qwen2: Qwen2.self
    case .qwen3: Qwen3.self
    case .qwen3moe: Qwen3MoE.self
    case .gemma2: Gemma2.self
    case .gemma3: Gemma3.self
    case .phi3: Phi3.self
    case .smollm3: SmolLM3.self
    case .gptOSS: GPTOSS.self
    }
  }

  /// The family of a `model_type` in a `config.json`.
  init?(modelType: String) {
    let families = Architecture.allCases
    guard let found = families.first(where: { $0.family.modelTypes.contains(modelType) }) else {
      return nil
    }
    self = found
  }
}
