// SPDX-License-Identifier: Apache-2.0

/// Reads the keys of one architecture in a GGUF file, `<architecture>.<name>`, and checks their ranges.
struct ArchitectureKeys {
  let metadata: GGUFMetadata
  let architecture: Architecture

  /// The full spelling of a key.
  func key(_ name: String) -> String { "\(architecture.rawValue).\(name)" }

  /// An integer in a range, or `nil` if the key is absent.
  func int(_ name: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int? {
    guard let value = try metadata.int(key(name)) else { return nil }
    guard range.contains(value) else {
      throw invalid(name, "\(value)", "\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A finite number in a range, or `nil` if the key is absent.
  func number(_ name: String, in range: ClosedRange<Double>) throws(CheckpointError) -> Double? {
    guard let value = try metadata.float(key(name)) else { return nil }
    guard range.contains(value) else {
      throw invalid(name, "\(value)", "\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A text, or `nil` if the key is absent.
  func string(_ name: String) throws(CheckpointError) -> String? {
    try metadata.string(key(name))
  }

  /// Refuses a feature that would change results, unless its value switches it off.
  func refuse(_ name: String, unless neutral: [Double], feature: String) throws(CheckpointError) {
    guard let value = try metadata.float(key(name)), !neutral.contains(value) else { return }
    throw CheckpointError(
      .unsupportedModel,
      "key '\(key(name))' is \(value): the model uses \(feature), expected a model without",
      remedy: "\(feature) is not supported yet for \(architecture.rawValue); choose another model")
  }

  private func missing(_ name: String) -> CheckpointError {
    CheckpointError(
      .missingKey,
      "no key '\(key(name))', expected one for architecture '\(architecture.rawValue)'",
      remedy: "convert the model again with a current converter; `dendrite inspect` lists the keys")
  }

  /// The error of a value outside its range.
  func invalid(_ name: String, _ found: String, _ expected: String) -> CheckpointError {
    CheckpointError(
      .invalidValue, "key '\(key(name))' is \(found), expected \(expected)",
      remedy: "convert the model again with a current converter; `dendrite inspect` lists the keys")
  }
}

extension ArchitectureKeys: ModelKeys {
  var isHuggingFace: Bool { false }

  func spelling(_ key: ConfigurationKey) -> String {
    // Within messages about one key the others go by their last name.
    String(key.gguf.split(separator: ".").last ?? "")
  }

  func int(_ key: ConfigurationKey, in range: ClosedRange<Int>) throws(CheckpointError) -> Int? {
    try int(key.gguf, in: range)
  }

  func uniformInt(
    _ key: ConfigurationKey, in range: ClosedRange<Int>, layers: Int
  ) throws(CheckpointError) -> Int? {
    guard case .integers(let values) = metadata[self.key(key.gguf)] else {
      return try int(key, in: range)
    }
    guard values.count == layers, let first = values.first else {
      throw invalid(key, "an array of \(values.count)", "one value for each of \(layers) layers")
    }
    guard values.allSatisfy({ $0 == first }) else {
      let listed = values.prefix(8).map { "\($0)" }.joined(separator: " ")
      throw CheckpointError(
        .unsupportedModel,
        "key '\(self.key(key.gguf))' differs between layers (\(listed)…), expected one value for all",
        remedy: "models whose layers differ in size are not supported yet; choose another model")
    }
    guard let value = Int(exactly: first), range.contains(value) else {
      throw invalid(key, "\(first)", "\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func number(
    _ key: ConfigurationKey, in range: ClosedRange<Double>
  ) throws(CheckpointError) -> Double? {
    try number(key.gguf, in: range)
  }

  /// GGUF has no null.
  func isNone(_ key: ConfigurationKey) -> Bool { false }

  /// The pattern may be one truth value per layer, or the length of a period whose last layer sees all.
  func listedWindows(layers: Int) throws(CheckpointError) -> [Bool]? {
    let name = ConfigurationKey.windowPattern.gguf
    if case .bools(let values) = metadata[key(name)] {
      guard values.count == layers else {
        throw invalid(name, "an array of \(values.count)", "one value for each of \(layers) layers")
      }
      return values
    }
    guard let period = try int(name, in: 0...1024) else { return nil }
    return (0..<layers).map { period == 0 || $0 % period < period - 1 }
  }

  func windowedRopeBase() throws(CheckpointError) -> Double? {
    try number(.windowedRopeBase, in: 1...1e12)
  }

  /// GGUF files have no such key.
  func queryScalar() -> Double? { nil }

  /// GGUF files have no such key.
  func unrotatedLayers(_ layers: Int) -> [Bool]? { nil }

  /// GGUF files of the families here have no such key: all of them normalise.
  func normalizesExpertWeights() -> Bool { true }

  func missing(_ key: ConfigurationKey) -> CheckpointError { missing(key.gguf) }

  func invalid(_ key: ConfigurationKey, _ found: String, _ expected: String) -> CheckpointError {
    invalid(key.gguf, found, expected)
  }
}
