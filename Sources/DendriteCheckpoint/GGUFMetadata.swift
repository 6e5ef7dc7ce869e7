// SPDX-License-Identifier: Apache-2.0

/// The key/value part of a file, in the file's order.
///
/// The typed accessors convert integers of any width by value, because writers differ in the
/// widths they choose; an accessor returns `nil` only if the key is absent.
public struct GGUFMetadata: Sendable {
  /// All keys, in the order of the file.
  public private(set) var keys: [String] = []
  private var values: [String: MetadataValue] = [:]

  package init() {}

  /// The number of keys.
  public var count: Int { keys.count }

  /// The value of a key, or `nil`.
  public subscript(key: String) -> MetadataValue? { values[key] }

  /// Adds a key; returns false and changes nothing if it is already there.
  mutating func add(_ key: String, _ value: MetadataValue) -> Bool {
    guard values[key] == nil else { return false }
    keys.append(key)
    values[key] = value
    return true
  }

}

// MARK: - Typed access

extension GGUFMetadata {
  /// The integer of a key, whatever its width.
  ///
  /// - Throws: `.invalidValue` if the value is not an integer or does not fit `Int`.
  public func int(_ key: String) throws(CheckpointError) -> Int? {
    guard let value = values[key] else { return nil }
    guard case .integer(let number) = value, let number = Int(exactly: number) else {
      throw wrongType(key, value, "an integer")
    }
    return number
  }

  /// The number of a key; integers are converted.
  ///
  /// - Throws: `.invalidValue` if the value is neither a float nor an integer.
  public func float(_ key: String) throws(CheckpointError) -> Double? {
    switch values[key] {
    case nil: return nil
    case .float(let number): return number
    case .integer(let number): return Double(number)
    case .unsigned(let number): return Double(number)
    case .some(let value): throw wrongType(key, value, "a number")
    }
  }

  /// The truth value of a key; the integers 0 and 1 count as one.
  ///
  /// - Throws: `.invalidValue` if the value is of another type.
  public func bool(_ key: String) throws(CheckpointError) -> Bool? {
    switch values[key] {
    case nil: return nil
    case .bool(let value): return value
    case .integer(0): return false
    case .integer(1): return true
    case .some(let value): throw wrongType(key, value, "a bool")
    }
  }

  /// The text of a key.
  ///
  /// - Throws: `.invalidValue` if the value is not a string.
  public func string(_ key: String) throws(CheckpointError) -> String? {
    guard let value = values[key] else { return nil }
    guard case .string(let text) = value else { throw wrongType(key, value, "a string") }
    return text
  }

  /// The strings of a key.
  ///
  /// - Throws: `.invalidValue` if the value is not an array of strings.
  public func strings(_ key: String) throws(CheckpointError) -> [String]? {
    guard let value = values[key] else { return nil }
    if value.count == 0 { return [] }
    guard case .strings(let texts) = value else {
      throw wrongType(key, value, "an array of strings")
    }
    return texts
  }

  /// The integers of a key.
  ///
  /// - Throws: `.invalidValue` if the value is not an array of integers.
  public func integers(_ key: String) throws(CheckpointError) -> [Int64]? {
    guard let value = values[key] else { return nil }
    if value.count == 0 { return [] }
    guard case .integers(let numbers) = value else {
      throw wrongType(key, value, "an array of integers")
    }
    return numbers
  }

  /// The floats of a key.
  ///
  /// - Throws: `.invalidValue` if the value is not an array of floats.
  public func floats(_ key: String) throws(CheckpointError) -> [Float]? {
    guard let value = values[key] else { return nil }
    if value.count == 0 { return [] }
    switch value {
    case .floats(let numbers): return numbers
    case .doubles(let numbers): return numbers.map { Float($0) }
    default: throw wrongType(key, value, "an array of floats")
    }
  }

  private func wrongType(_ key: String, _ value: MetadataValue, _ expected: String)
    -> CheckpointError
  {
    CheckpointError(
      .invalidValue, "key \(quoted(key)) is \(value.typeName) (\(value)), expected \(expected)",
      remedy: "convert the model again with a current converter; `dendrite inspect` lists the keys")
  }
}
