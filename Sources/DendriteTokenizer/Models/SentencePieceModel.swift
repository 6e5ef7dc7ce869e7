// SPDX-License-Identifier: Apache-2.0

/// Merging by score, with bytes for characters that no piece spells.
struct SentencePieceModel: Sendable {
  let rules: SegmentationRules
  private let tokenCount: Int
  private let unknown: UInt32?
  /// Whether neighbouring unknown characters are one unknown token.
  private let fusesUnknown: Bool

  /// Wraps tables; symbols from `tokenCount` on are characters without a token.
  init(
    _ rules: SegmentationRules, tokenCount: Int, unknownID: UInt32?, fusesUnknown: Bool = false
  ) {
    self.rules = rules
    self.fusesUnknown = fusesUnknown
    self.tokenCount = tokenCount
    unknown = unknownID
  }

  /// Appends the tokens of a text that has a space for every `▁`.
  ///
  /// - Complexity: O(n log n) for the longest word, or for the text if pieces cross words.
  func encode(
    _ text: [UInt8], _ range: Range<Int>, _ merger: inout SymbolMerger, into ids: inout [UInt32]
  ) {
    let first = ids.count
    var start = range.lowerBound
    while start < range.upperBound {
      let end = rules.crossesWords ? range.upperBound : wordEnd(text, from: start, range.upperBound)
      encodeWord(text, start..<end, &merger, &ids, from: first)
      start = end
    }
  }

  /// Where the spaces and the word after them end.
  private func wordEnd(_ text: [UInt8], from start: Int, _ end: Int) -> Int {
    let space = UInt8(ascii: " ")
    var position = start
    while position < end, text[position] == space { position += 1 }
    while position < end, text[position] != space { position += 1 }
    return position
  }

  private func encodeWord(
    _ text: [UInt8], _ range: Range<Int>, _ merger: inout SymbolMerger, _ ids: inout [UInt32],
    from first: Int
  ) {
    merger.removeAll()
    var position = range.lowerBound
    while position < range.upperBound {
      let lead = text[position]
      if lead < 0x80 {
        merger.append(rules.symbols[Int(lead)], start: position)
        position += 1
      } else {
        let next = position + UTF8Sequence.length(lead: lead)
        let id = rules.pieces.id(of: text, position..<next)
        merger.append(id ?? SymbolMerger.unknown, start: position)
        position = next
      }
    }
    merger.merge(rules.merges)
    for index in merger.ids.indices {
      if merger.ids[index] < tokenCount {
        ids.append(merger.ids[index])
      } else {
        appendBytes(text, merger.starts[index], &ids, from: first)
      }
    }
  }

  /// Spells a character without a piece in byte tokens.
  private func appendBytes(
    _ text: [UInt8], _ start: Int, _ ids: inout [UInt32], from first: Int
  ) {
    let fallback = rules.byteFallback
    let character = text[start..<(start + UTF8Sequence.length(lead: text[start]))]
    if character.contains(where: { fallback[Int($0)] == SymbolMerger.unknown }) {
      guard let unknown else { return }
      if fusesUnknown, ids.count > first, ids[ids.count - 1] == unknown { return }
      ids.append(unknown)
    } else {
      ids.append(contentsOf: character.lazy.map { fallback[Int($0)] })
    }
  }
}
