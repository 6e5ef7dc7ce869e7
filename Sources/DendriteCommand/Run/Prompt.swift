// SPDX-License-Identifier: Apache-2.0

/// Where the prompt of `dendrite run` comes from.
enum Prompt {
  /// A text to continue or to answer.
  case text(String)
  /// A person at the terminal, line by line.
  case conversation

  /// The longest prompt in bytes; some sixteen million tokens, more than any model reads.
  static let longest = 64 << 20

  /// Finds the prompt: the argument, a file, or the standard input.
  ///
  /// - Throws: `usage` if there are two, or none; `noInput` or `badData` for text that cannot be read
  ///   or is not UTF-8.
  static func find(argument: String?, file: String?) throws(Failure) -> Prompt {
    switch (argument, file) {
    case (.some, .some):
      throw Failure(
        .usage, "there is a prompt and a --file, expected one of them", remedy: "leave one out")
    case (.some(let text), nil):
      return .text(text)
    case (nil, .some(let path)):
      return .text(try text(ofFile: path))
    case (nil, nil):
      if StandardStream.inputIsTerminal { return .conversation }
      let text = try standardInput()
      guard !text.isEmpty else {
        throw Failure(
          .usage, "no prompt, and the standard input is empty, expected some text",
          remedy: "dendrite run \"Once upon a time\"")
      }
      return .text(text)
    }
  }

  /// The text of a file, or of the standard input for `-`.
  static func text(ofFile path: String) throws(Failure) -> String {
    if path == "-" { return try standardInput() }
    return try text(StandardStream.readAll(path: path, limit: longest), from: "'\(path)'")
  }

  private static func standardInput() throws(Failure) -> String {
    let name = "the standard input"
    return try text(StandardStream.readAll(0, name: name, limit: longest), from: name)
  }

  /// The text of a file, without the line break at its end.
  static func text(_ bytes: [UInt8], from name: String) throws(Failure) -> String {
    guard bytes.count <= longest else {
      throw Failure(
        .badData, "\(name) has more than \(longest >> 20) MiB, expected a prompt",
        remedy: "shorten it; no model reads that much")
    }
    guard var text = String(validating: bytes, as: UTF8.self) else {
      let position = firstError(in: bytes)
      let digits = String(bytes[position], radix: 16, uppercase: true)
      throw Failure(
        .badData,
        "\(name) is not UTF-8: byte 0x\(digits.count == 1 ? "0" : "")\(digits) at offset "
          + "\(position) of \(bytes.count), expected the beginning of a complete character",
        remedy: "convert it first, for example with `iconv -f latin1 -t utf-8`")
    }
    if text.last == "\n" || text.last == "\r\n" { text.removeLast() }
    return text
  }

  /// The offset of the first byte that does not belong to a complete character.
  private static func firstError(in bytes: [UInt8]) -> Int {
    var parser = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var position = 0
    while case .valid(let character) = parser.parseScalar(from: &iterator) {
      position += character.count
    }
    return min(position, bytes.count - 1)
  }
}
