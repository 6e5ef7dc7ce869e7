// SPDX-License-Identifier: Apache-2.0

/// Reads the keys of one architecture, `<architecture>.<name>`, and checks their ranges.
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

  /// An integer in a range.
  func requiredInt(_ name: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int {
    guard let value = try int(name, in: range) else { throw missing(name) }
    return value
  }

  /// An integer or an array of one per layer, all equal; `nil` if the key is absent.
  func uniformInt(
    _ name: String, in range: ClosedRange<Int>, layers: Int
  ) throws(CheckpointError) -> Int? {
    guard case .integers(let values) = metadata[key(name)] else { return try int(name, in: range) }
    guard values.count == layers, let first = values.first else {
      throw invalid(name, "an array of \(values.count)", "one value for each of \(layers) layers")
    }
    guard values.allSatisfy({ $0 == first }) else {
      let listed = values.prefix(8).map { "\($0)" }.joined(separator: " ")
      throw CheckpointError(
        .unsupportedModel,
        "key '\(key(name))' differs between layers (\(listed)…), expected one value for all",
        remedy: "models whose layers differ in size are not supported yet; choose another model")
    }
    guard let value = Int(exactly: first), range.contains(value) else {
      throw invalid(name, "\(first)", "\(range.lowerBound) to \(range.upperBound)")
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

  /// The error of an absent key.
  func missing(_ name: String) -> CheckpointError {
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
