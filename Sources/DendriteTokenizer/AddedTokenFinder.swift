// SPDX-License-Identifier: Apache-2.0

/// Cuts added tokens out of text, with what they say about their surroundings.
struct AddedTokenFinder: Sendable {
  private struct Surroundings: Sendable {
    var isSingleWord: Bool
    var stripsLeft: Bool
    var stripsRight: Bool
  }

  private var tokens = AddedTokens()
  /// Only tokens that ask for something.
  private var surroundings: [UInt32: Surroundings] = [:]

  /// Whether there is nothing to find.
  var isEmpty: Bool { tokens.isEmpty }

  /// Adds a token.
  ///
  /// - Throws: `tokenTooLong`.
  mutating func insert(
    _ text: [UInt8], _ token: TokenizerPipeline.AddedToken
  ) throws(TokenizerError) {
    guard !text.isEmpty else { return }
    guard text.count <= AddedTokens.longestLength else {
      throw AddedTokens.tooLong(text, id: token.id)
    }
    tokens.insert(text, id: UInt32(token.id), isControl: token.isSpecial)
    if token.isSingleWord || token.stripsLeft || token.stripsRight {
      surroundings[UInt32(token.id)] = Surroundings(
        isSingleWord: token.isSingleWord, stripsLeft: token.stripsLeft,
        stripsRight: token.stripsRight)
    }
  }

  /// Calls `body` with every stretch of the text: text between tokens, or the id of a token.
  ///
  /// - Complexity: linear in the text, times the longest token at worst.
  func forEachStretch(
    in text: [UInt8], includingControl: Bool, _ body: (Range<Int>, _ id: UInt32?) -> Void
  ) {
    var position = 0
    var scanned = 0
    while let match = tokens.firstMatch(
      in: text, from: scanned, includingControl: includingControl)
    {
      scanned = match.range.upperBound
      guard match.range.lowerBound >= position else { continue }
      var (start, end) = (match.range.lowerBound, match.range.upperBound)
      if let wish = surroundings[match.id] {
        if wish.isSingleWord, touchesWord(text, match.range) { continue }
        if wish.stripsLeft {
          while start > position, let before = scalar(before: start, in: text),
            UnicodeSets.whitespace.contains(before.value)
          {
            start = max(position, before.start)
          }
        }
        while wish.stripsRight, end < text.count {
          let (value, next) = decodeScalar(text, end)
          guard UnicodeSets.whitespace.contains(value) else { break }
          end = next
        }
      }
      if position < start { body(position..<start, nil) }
      body(start..<end, match.id)
      position = end
    }
    if position < text.count { body(position..<text.count, nil) }
  }

  private func touchesWord(_ text: [UInt8], _ range: Range<Int>) -> Bool {
    let words = UnicodeSets.wordWithJoiners
    if let before = scalar(before: range.lowerBound, in: text), words.contains(before.value) {
      return true
    }
    return range.upperBound < text.count
      && words.contains(decodeScalar(text, range.upperBound).value)
  }

  private func scalar(before position: Int, in text: [UInt8]) -> (value: UInt32, start: Int)? {
    guard position > 0 else { return nil }
    var start = position - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return (decodeScalar(text, start).value, start)
  }
}
