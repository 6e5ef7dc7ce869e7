// SPDX-License-Identifier: Apache-2.0

/// A value of a tokenizer's JSON with its path, so that an error can name the place.
struct TokenizerField {
  let value: TokenizerJSON
  /// The file and the keys that lead here, as in `tokenizer.json: model.vocab`.
  let path: String

  init(_ value: TokenizerJSON, path: String) {
    self.value = value
    self.path = path
  }

  /// Reads a file's bytes.
  ///
  /// - Throws: `.malformed` with the place that is not JSON.
  init(_ bytes: [UInt8], name: String) throws(CheckpointError) {
    do {
      value = try TokenizerJSONParser.parse(bytes)
    } catch {
      throw CheckpointError(
        .malformed,
        "\(quoted(name)) is not JSON: \(error.problem) at byte \(error.position) of "
          + "\(bytes.count)",
        remedy: HeaderReader.downloadAgain)
    }
    path = "\(name):"
  }

  /// An error at this place.
  func error(_ expected: String, code: CheckpointError.Code = .invalidValue) -> CheckpointError {
    CheckpointError(
      code, "\(path) is \(shown), expected \(expected)",
      remedy: "get all files of the model from the same revision, or save its tokenizer again")
  }

  /// The value, shortened, for a message.
  private var shown: String {
    switch value {
    case .null: "null"
    case .bool(let bool): "\(bool)"
    case .number(let number): "\(number)"
    case .string(let string): quoted(string)
    case .array(let array): "an array of \(array.count)"
    case .object(let members): "an object of \(members.count)"
    }
  }

  // MARK: Members

  /// A member; nil where it is missing or null.
  ///
  /// Of members of one name the last counts.
  subscript(key: String) -> TokenizerField? {
    guard case .object(let members) = value,
      let member = members.last(where: { $0.key.utf8.elementsEqual(key.utf8) })
    else { return nil }
    if case .null = member.value { return nil }
    return TokenizerField(member.value, path: "\(path) \(key)")
  }

  /// A member that must be there.
  func required(_ key: String) throws(CheckpointError) -> TokenizerField {
    guard case .object = value else { throw error("an object with '\(key)'") }
    guard let field = self[key] else {
      throw CheckpointError(
        .missingKey, "\(path) has no '\(key)'",
        remedy: "get all files of the model from the same revision, or save its tokenizer again")
    }
    return field
  }

  /// The elements of an array.
  func elements() throws(CheckpointError) -> [TokenizerField] {
    guard case .array(let values) = value else { throw error("an array") }
    return values.enumerated().map { TokenizerField($1, path: "\(path)[\($0)]") }
  }

  // MARK: Values

  func string() throws(CheckpointError) -> String {
    guard case .string(let string) = value else { throw error("a string") }
    return string
  }

  func bool() throws(CheckpointError) -> Bool {
    guard case .bool(let bool) = value else { throw error("true or false") }
    return bool
  }

  func double() throws(CheckpointError) -> Double {
    guard case .number(let number) = value else { throw error("a number") }
    return number
  }

  /// A whole number from 0 on.
  func count() throws(CheckpointError) -> Int {
    guard case .number(let number) = value, let count = Int(exactly: number), count >= 0,
      count <= Int(Int32.max)
    else { throw error("a whole number from 0 to \(Int32.max)") }
    return count
  }

  /// A member that is true or false; `standard` where it is missing.
  func bool(_ key: String, _ standard: Bool) throws(CheckpointError) -> Bool {
    try self[key]?.bool() ?? standard
  }

  /// A member that is a text; `standard` where it is missing.
  func string(_ key: String, _ standard: String) throws(CheckpointError) -> String {
    try self[key]?.string() ?? standard
  }
}
