// SPDX-License-Identifier: Apache-2.0

/// SentencePiece's table of replacements: a trie as a double array, and the texts it leads to.
///
/// A unit of the array holds a label (low eight bits and the sign bit), whether a value hangs on it
/// (bit 8) and where its children are. Every index is checked: the table comes from a file.
struct Charsmap: Sendable {
  private let units: [UInt32]
  private let texts: [UInt8]

  /// Reads the table: the length of the trie in bytes, its units, the texts with a NUL after each.
  ///
  /// - Throws: `malformedCharsmap`.
  init(_ bytes: [UInt8]) throws(TokenizerError) {
    func word(_ index: Int) -> UInt32 {
      (0..<4).reversed().reduce(0) { $0 << 8 | UInt32(bytes[index + $1]) }
    }
    guard bytes.count >= 4, word(0) % 4 == 0, word(0) >= 4, Int(word(0)) <= bytes.count - 4 else {
      throw TokenizerError(
        .malformedCharsmap,
        "the normaliser's table has \(bytes.count) bytes and a trie of "
          + "\(bytes.count >= 4 ? Int(word(0)) : 0), expected a trie of whole units inside it",
        remedy: "check that the tokenizer's file is intact")
    }
    let count = Int(word(0)) / 4
    units = (0..<count).map { word(4 + $0 * 4) }
    texts = Array(bytes[(4 + count * 4)...])
  }

  /// A prefix of a text that is to be replaced.
  struct Match {
    var length: Int
    /// Where the replacement begins.
    var text: Int
  }

  /// The longest prefix of `text[position..<end]` that is in the table, or the shortest.
  ///
  /// - Complexity: O(length of the longest prefix).
  func match(_ text: [UInt8], _ position: Int, _ end: Int, isLongest: Bool) -> Match? {
    var found: Match?
    var node = Int(children(of: units[0]))
    for index in position..<end {
      let byte = text[index]
      guard byte != 0 else { break }
      node ^= Int(byte)
      guard node < units.count, units[node] & 0x8000_00FF == UInt32(byte) else { break }
      let unit = units[node]
      node ^= Int(children(of: unit))
      if unit & 0x100 != 0 {
        guard node < units.count else { break }
        found = Match(length: index + 1 - position, text: Int(units[node] & 0x7FFF_FFFF))
        if !isLongest { break }
      }
    }
    return found
  }

  private func children(of unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 0x200) >> 6) }

  /// Appends the replacement that a match leads to.
  func append(_ match: Match, to result: inout [UInt8]) {
    var index = match.text
    while index < texts.count, texts[index] != 0 {
      result.append(texts[index])
      index += 1
    }
  }

  /// Whether all replacements are UTF-8.
  var isText: Bool { UTF8Sequence.firstError(in: texts) == nil }
}
