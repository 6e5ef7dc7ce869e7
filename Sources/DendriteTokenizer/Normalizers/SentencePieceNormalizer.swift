// SPDX-License-Identifier: Apache-2.0

/// What SentencePiece does to a text before it is segmented.
///
/// The result has a space for every `▁`, whether it came from a space or stood in the text:
/// SentencePiece cannot tell them apart either, and the tables of pieces are written that way too.
///
/// - Source: google/sentencepiece, `normalizer.cc`, for the order of the steps.
struct SentencePieceNormalizer: Sendable {
  private let charsmap: Charsmap?
  private let specification: SentencePieceNormalization
  private var protected = ByteTrie()

  /// - Throws: `malformedCharsmap`.
  init(_ specification: SentencePieceNormalization) throws(TokenizerError) {
    charsmap = specification.charsmap.isEmpty ? nil : try Charsmap(specification.charsmap)
    if let charsmap, !charsmap.isText {
      throw TokenizerError(
        .malformedCharsmap, "a replacement of the normaliser's table is not UTF-8",
        remedy: "check that the tokenizer's file is intact")
    }
    self.specification = specification
    for text in specification.protectedTexts where !text.isEmpty {
      protected.insert(Array(text.utf8), id: 0)
    }
  }

  /// Appends the normalised text.
  ///
  /// - Precondition: the text is valid UTF-8.
  /// - Complexity: linear in the text, times the longest entry of the table at worst.
  func append(_ text: [UInt8], to result: inout [UInt8]) {
    let space = UInt8(ascii: " ")
    let removesExtra = specification.removesExtraWhitespace
    var position = 0
    var part: [UInt8] = []
    if removesExtra {
      while position < text.count {
        let length = normalizePrefix(text, position, &part)
        guard part == [space] else { break }
        position += length
      }
    }
    guard position < text.count else { return }
    let start = result.count
    if specification.addsDummyPrefix, !specification.treatsWhitespaceAsSuffix {
      result.append(space)
    }
    var followsSpace = removesExtra
    while position < text.count {
      position += normalizePrefix(text, position, &part)
      var first = 0
      while followsSpace, first < part.count, part[first] == space { first += 1 }
      if first < part.count {
        SpaceMark.append(part, first..<part.count, to: &result)
        followsSpace = part[part.count - 1] == space
      }
      if !removesExtra { followsSpace = false }
    }
    while removesExtra, result.count > start, result[result.count - 1] == space {
      result.removeLast()
    }
    if specification.addsDummyPrefix, specification.treatsWhitespaceAsSuffix {
      result.append(space)
    }
  }

  /// Puts what the text at `position` begins with into `part`, normalised; returns its length.
  private func normalizePrefix(_ text: [UInt8], _ position: Int, _ part: inout [UInt8]) -> Int {
    part.removeAll(keepingCapacity: true)
    if let match = protected.longestMatch(in: text, from: position, to: text.count) {
      part.append(contentsOf: text[position..<match.end])
      return match.end - position
    }
    if let charsmap,
      let match = charsmap.match(text, position, text.count, isLongest: true)
    {
      charsmap.append(match, to: &part)
      return match.length
    }
    let length = UTF8Sequence.length(lead: text[position])
    part.append(contentsOf: text[position..<(position + length)])
    return length
  }
}
