// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

extension ConfigurationFile: ModelKeys {
  var isHuggingFace: Bool { true }

  func spelling(_ key: ConfigurationKey) -> String { present(key) ?? key.huggingFace }

  /// The spelling that the file has; `nil` if it has none.
  private func present(_ key: ConfigurationKey) -> String? {
    key.huggingFaceSpellings.first { self[$0] != nil }
  }

  func int(_ key: ConfigurationKey, in range: ClosedRange<Int>) throws(CheckpointError) -> Int? {
    guard let spelling = present(key) else { return nil }
    return try int(spelling, in: range)
  }

  func uniformInt(
    _ key: ConfigurationKey, in range: ClosedRange<Int>, layers: Int
  ) throws(CheckpointError) -> Int? {
    guard let spelling = present(key), case .array(let values) = self[spelling] else {
      return try int(key, in: range)
    }
    guard values.count == layers, let first = values.first else {
      throw invalid(
        spelling, found: "an array of \(values.count)", "one value for each of \(layers) layers")
    }
    guard values.allSatisfy({ $0 == first }), case .integer(let value) = first else {
      throw CheckpointError(
        .unsupportedModel,
        "key '\(spelling)' of '\(name)' differs between layers, expected one integer for all",
        remedy: "models whose layers differ in size are not supported yet; choose another model")
    }
    guard range.contains(value) else {
      throw invalid(spelling, first, "\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func number(
    _ key: ConfigurationKey, in range: ClosedRange<Double>
  ) throws(CheckpointError) -> Double? {
    guard let spelling = present(key) else { return nil }
    return try number(spelling, in: range)
  }

  func isNone(_ key: ConfigurationKey) -> Bool {
    key.huggingFaceSpellings.contains { object[$0] == .null }
  }

  /// `layer_types` names each layer; older files give the length of a period whose last layer sees all.
  func listedWindows(layers: Int) throws(CheckpointError) -> [Bool]? {
    if let types = try strings("layer_types") {
      guard types.count == layers else {
        throw invalid(
          "layer_types", found: "an array of \(types.count)",
          "one value for each of \(layers) layers")
      }
      if let other = types.first(where: { $0 != "sliding_attention" && $0 != "full_attention" }) {
        throw CheckpointError(
          .unsupportedModel,
          "a layer of type \(quoted(other)), expected 'full_attention' or 'sliding_attention'",
          remedy: "such layers are not supported yet; choose another model")
      }
      return types.map { $0 == "sliding_attention" }
    }
    guard let period = try int(.windowPattern, in: 1...1024) else { return nil }
    return (0..<layers).map { $0 % period < period - 1 }
  }

  func windowedRopeBase() throws(CheckpointError) -> Double? {
    if let own = try nested("rope_parameters")?.nested("sliding_attention") {
      return try own.number("rope_theta", in: 1...1e12)
    }
    return try number(.windowedRopeBase, in: 1...1e12)
  }

  func queryScalar() throws(CheckpointError) -> Double? {
    try number("query_pre_attn_scalar", in: 1e-3...1e6)
  }

  /// 1 where a layer rotates, 0 where it does not; or every how many layers one does not.
  func unrotatedLayers(_ layers: Int) throws(CheckpointError) -> [Bool]? {
    if let rotates = try numbers("no_rope_layers") {
      guard rotates.count == layers else {
        throw invalid(
          "no_rope_layers", found: "an array of \(rotates.count)",
          "one value for each of \(layers) layers")
      }
      return rotates.map { $0 == 0 }
    }
    guard let interval = try int("no_rope_layer_interval", in: 1...1024) else { return nil }
    return (0..<layers).map { ($0 + 1) % interval == 0 }
  }

  func normalizesExpertWeights() throws(CheckpointError) -> Bool {
    try bool("norm_topk_prob") ?? false
  }

  func missing(_ key: ConfigurationKey) -> CheckpointError { missing(key.huggingFace) }

  func invalid(_ key: ConfigurationKey, _ found: String, _ expected: String) -> CheckpointError {
    invalid(spelling(key), found: found, expected)
  }
}
