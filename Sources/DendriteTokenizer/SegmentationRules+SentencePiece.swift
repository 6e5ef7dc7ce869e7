// SPDX-License-Identifier: Apache-2.0

extension SegmentationRules {
  /// The longest text piece that is accepted, in bytes with one byte per space.
  ///
  /// Enumerating the splits of a piece is quadratic in its length; real pieces stay below a hundred.
  static let longestPiece = 512

  /// The tables of SentencePiece BPE.
  ///
  /// SentencePiece joins the neighbours whose concatenation is the piece of the highest score. That
  /// is BPE with a merge for every way to split every piece, ranked by the score of the piece; equal
  /// scores share a rank, so that the leftmost goes first.
  ///
  /// Spaces stand for `▁` throughout: text and pieces are both written with spaces. A score that is
  /// not a number counts as the lowest; a vocabulary without scores gives all pieces the same.
  ///
  /// - Throws: `tokenTooLong`.
  /// - Complexity: O(sum over pieces of length²).
  static func sentencePiece(
    _ vocabulary: VocabularyDescription, _ texts: TokenTexts
  ) throws(TokenizerError) -> SegmentationRules {
    var pieces = try textPieces(vocabulary, texts)
    let pieceCount = pieces.count
    addCharacters(to: &pieces, firstFreeID: UInt32(vocabulary.tokens.count))

    var merges = PairTable(capacity: pieceCount * 2)
    let ranks = ranks(of: vocabulary.scores)
    for number in 0..<pieceCount {
      let piece = Array(pieces.key(number))
      guard let result = pieces.id(of: piece) else { continue }
      let rank = ranks.isEmpty ? 0 : ranks[Int(result)]
      var middle = UTF8Sequence.length(lead: piece[0])
      while middle < piece.count {
        if let left = pieces.id(of: piece, 0..<middle),
          let right = pieces.id(of: piece, middle..<piece.count)
        {
          merges.insert(left, right, rank: rank, result: result)
        }
        middle += UTF8Sequence.length(lead: piece[middle])
      }
    }

    var symbols = [UInt32](repeating: SymbolMerger.unknown, count: 256)
    for byte in UInt8(0)..<0x80 {
      symbols[Int(byte)] = pieces.id(of: [byte]) ?? SymbolMerger.unknown
    }
    return SegmentationRules(
      pieces: pieces, merges: merges, symbols: symbols,
      byteFallback: byteFallback(vocabulary, texts),
      crossesWords: (0..<pieceCount).contains { hasInnerSpace(pieces.key($0)) })
  }

  /// Normal and user-defined tokens, with spaces for `▁`; a normal one replaces a user-defined one
  /// of the same text, a later one an earlier.
  ///
  /// A token that contains a space as such never results from merging: text has only `▁` there.
  private static func textPieces(
    _ vocabulary: VocabularyDescription, _ texts: TokenTexts
  ) throws(TokenizerError) -> PieceTable {
    var pieces = PieceTable(capacity: vocabulary.tokens.count)
    for type in [VocabularyDescription.TokenType.userDefined, .normal] {
      for (id, token) in vocabulary.tokens.enumerated() where texts.type(id) == type {
        if token.isEmpty || token.utf8.contains(UInt8(ascii: " ")) { continue }
        let text = SpaceMark.replaced(in: Array(token.utf8))
        guard text.count <= longestPiece else {
          throw TokenizerError(
            .tokenTooLong,
            "token \(id) has \(text.count) bytes, expected at most \(longestPiece)\n"
              + "it begins \(quoted(token))",
            remedy: "check that the file is intact; real pieces have fewer than a hundred bytes")
        }
        pieces.insert(text, id: UInt32(id))
      }
    }
    return pieces
  }

  /// Gives an id to every character that occurs in a piece without being one.
  private static func addCharacters(to pieces: inout PieceTable, firstFreeID: UInt32) {
    var nextID = firstFreeID
    for number in 0..<pieces.count {
      let piece = Array(pieces.key(number))
      var position = 0
      while position < piece.count {
        let next = position + UTF8Sequence.length(lead: piece[position])
        if pieces.id(of: piece, position..<next) == nil {
          pieces.insert(Array(piece[position..<next]), id: nextID)
          nextID += 1
        }
        position = next
      }
    }
  }

  /// For each token the number of distinct higher scores.
  private static func ranks(of scores: [Float]) -> [UInt32] {
    let scores = scores.map { $0.isNaN ? -Float.infinity : $0 }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var ranks = [UInt32](repeating: 0, count: scores.count)
    for (place, id) in order.enumerated().dropFirst() {
      let before = order[place - 1]
      ranks[id] = ranks[before] + (scores[id] == scores[before] ? 0 : 1)
    }
    return ranks
  }

  /// The tokens `<0x00>` … `<0xFF>`; of several for one byte the highest id.
  private static func byteFallback(
    _ vocabulary: VocabularyDescription, _ texts: TokenTexts
  ) -> [UInt32] {
    var fallback = [UInt32](repeating: SymbolMerger.unknown, count: 256)
    for (id, token) in vocabulary.tokens.enumerated() where texts.type(id) == .byte {
      if let byte = TokenTexts.byte(spelt: token) { fallback[Int(byte)] = UInt32(id) }
    }
    return fallback
  }

  private static func hasInnerSpace(_ piece: ArraySlice<UInt8>) -> Bool {
    let space = UInt8(ascii: " ")
    return zip(piece, piece.dropFirst()).contains { $0 != space && $1 == space }
  }
}

/// `▁` (U+2581), which stands for a space in SentencePiece vocabularies.
enum SpaceMark {
  /// `bytes` with a space in place of every `▁`.
  ///
  /// - Complexity: O(count).
  static func replaced(in bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    append(bytes, 0..<bytes.count, to: &result)
    return result
  }

  /// Appends a range of `bytes` with a space in place of every `▁`.
  static func append(_ bytes: [UInt8], _ range: Range<Int>, to result: inout [UInt8]) {
    var position = range.lowerBound
    while position < range.upperBound {
      if bytes[position] == 0xE2, position + 2 < range.upperBound, bytes[position + 1] == 0x96,
        bytes[position + 2] == 0x81
      {
        result.append(UInt8(ascii: " "))
        position += 3
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
  }
}
