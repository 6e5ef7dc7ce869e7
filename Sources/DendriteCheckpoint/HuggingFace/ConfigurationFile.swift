// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

/// The object of a JSON file of a Hugging Face directory, with typed access and errors that name the file.
///
/// A key that is absent and one that is null are the same.
struct ConfigurationFile {
  /// The name of the file, for messages.
  let name: String
  /// The object.
  let object: JSONValue

  /// Reads a file.
  ///
  /// - Throws: `.unreadable`, `.malformed` for what is not a JSON object, `.invalidValue` beyond 16 MiB.
  init(path: String, name: String) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    guard file.count <= ConfigurationFile.largest else {
      throw CheckpointError(
        .malformed,
        "\(quoted(path)) has \(file.count) bytes, expected at most \(ConfigurationFile.largest)",
        remedy: "get the file again: a configuration takes a few kilobytes")
    }
    try self.init(bytes: file.withUnsafeBytes(in: 0..<file.count) { Array($0) }, name: name)
  }

  /// Reads a text.
  init(bytes: [UInt8], name: String) throws(CheckpointError) {
    self.name = name
    do {
      object = try JSONValue(
        parsing: bytes, limits: .init(byteCount: ConfigurationFile.largest, depth: 32))
    } catch {
      throw CheckpointError(
        .malformed, "'\(name)' is not JSON: \(error), expected a JSON object",
        remedy: "get the file again from the same revision as the weights")
    }
    guard case .object = object else {
      throw CheckpointError(
        .malformed, "'\(name)' holds no object, expected one of keys and values",
        remedy: "get the file again from the same revision as the weights")
    }
  }

  private init(name: String, object: JSONValue) {
    self.name = name
    self.object = object
  }

  private static let largest = 16 << 20

  /// The value of a key, or `nil` if it is absent or null.
  subscript(key: String) -> JSONValue? {
    guard let value = object[key], value != .null else { return nil }
    return value
  }

  /// The object under a key.
  ///
  /// - Throws: `.invalidValue` if the value is something else.
  func nested(_ key: String) throws(CheckpointError) -> ConfigurationFile? {
    guard let value = self[key] else { return nil }
    guard case .object = value else { throw invalid(key, value, "an object") }
    return ConfigurationFile(name: name, object: value)
  }

  /// The integer of a key; a number without a fraction counts as one.
  ///
  /// - Throws: `.invalidValue` for other values and outside `range`.
  func int(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int? {
    guard let value = self[key] else { return nil }
    let number: Int? =
      switch value {
      case .integer(let number): number
      case .number(let number): Int(exactly: number)
      default: nil
      }
    guard let number, range.contains(number) else {
      throw invalid(key, value, "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The number of a key.
  ///
  /// - Throws: `.invalidValue` for other values and outside `range`.
  func number(_ key: String, in range: ClosedRange<Double>) throws(CheckpointError) -> Double? {
    guard let value = self[key] else { return nil }
    let number: Double? =
      switch value {
      case .integer(let number): Double(number)
      case .number(let number): number
      default: nil
      }
    guard let number, range.contains(number) else {
      throw invalid(key, value, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The truth value of a key.
  func bool(_ key: String) throws(CheckpointError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard case .bool(let flag) = value else { throw invalid(key, value, "true or false") }
    return flag
  }

  /// The string of a key.
  func string(_ key: String) throws(CheckpointError) -> String? {
    guard let value = self[key] else { return nil }
    guard case .string(let text) = value else { throw invalid(key, value, "a string") }
    return text
  }

  /// The numbers of a key.
  func numbers(_ key: String) throws(CheckpointError) -> [Double]? {
    guard let value = self[key] else { return nil }
    guard case .array(let values) = value else { throw invalid(key, value, "an array of numbers") }
    var numbers: [Double] = []
    for element in values {
      switch element {
      case .integer(let number): numbers.append(Double(number))
      case .number(let number): numbers.append(number)
      default: throw invalid(key, element, "an array of numbers")
      }
    }
    return numbers
  }

  /// The strings of a key.
  func strings(_ key: String) throws(CheckpointError) -> [String]? {
    guard let value = self[key] else { return nil }
    guard case .array(let values) = value else { throw invalid(key, value, "an array of strings") }
    var texts: [String] = []
    for element in values {
      guard case .string(let text) = element else {
        throw invalid(key, element, "an array of strings")
      }
      texts.append(text)
    }
    return texts
  }

  /// The error of a value that cannot be.
  func invalid(_ key: String, _ value: JSONValue, _ expected: String) -> CheckpointError {
    invalid(key, found: String(value.text(indented: false).prefix(80)), expected)
  }

  /// The error of a value that cannot be, in words.
  func invalid(_ key: String, found: String, _ expected: String) -> CheckpointError {
    CheckpointError(
      .invalidValue, "key '\(key)' of '\(name)' is \(found), expected \(expected)",
      remedy: "get '\(name)' again from the same revision as the weights")
  }

  /// The error of an absent key.
  func missing(_ key: String) -> CheckpointError {
    CheckpointError(
      .missingKey, "no key '\(key)' in '\(name)', expected one",
      remedy: "get '\(name)' again from the same revision as the weights")
  }
}
