// SPDX-License-Identifier: Apache-2.0

/// A vocabulary turned into the tables that encoding walks through.
///
/// Symbols are token ids; SentencePiece may need some more (characters that occur in pieces without
/// being one), which are counted on from the vocabulary's size and never leave the encoder.
struct SegmentationRules: Sendable {
  /// Text pieces by their bytes.
  ///
  /// Control, unknown, unused and byte tokens are not among them, so no text can spell one.
  var pieces: PieceTable
  /// What neighbouring symbols become.
  var merges: PairTable
  /// The symbol of each byte (byte-level BPE) or ASCII character (SentencePiece).
  var symbols: [UInt32]
  /// SentencePiece: the token of each byte, for characters that no piece spells.
  var byteFallback: [UInt32] = []
  /// SentencePiece: whether some piece has a space after another character.
  ///
  /// If none has, no merge crosses the end of a word, and text may be cut there without changing the
  /// result.
  var crossesWords = false
}

extension SegmentationRules {
  /// The tables of byte-level BPE: pieces and merges, both translated to bytes.
  ///
  /// Where two tokens have the same bytes a normal one precedes a user-defined one, then the higher
  /// id. A merge listed twice keeps its first rank. A merge that involves a control token is left
  /// out, as text must not become one.
  ///
  /// - Throws: `malformedMerge` or `mergeOfMissingToken`.
  /// - Complexity: linear in the size of the vocabulary and its merges.
  static func byteLevel(
    _ vocabulary: VocabularyDescription, _ texts: TokenTexts
  ) throws(TokenizerError) -> SegmentationRules {
    var pieces = PieceTable(capacity: vocabulary.tokens.count)
    for type in [VocabularyDescription.TokenType.userDefined, .normal] {
      for (id, token) in vocabulary.tokens.enumerated() where texts.type(id) == type {
        // A normal token outside the byte alphabet cannot result from text.
        if type == .normal, !texts.isByteLevel(id) { continue }
        if !token.isEmpty { pieces.insert(texts.bytes(of: id), id: UInt32(id)) }
      }
    }
    var symbols = [UInt32](repeating: SymbolMerger.unknown, count: 256)
    for byte in UInt8.min...UInt8.max {
      symbols[Int(byte)] = pieces.id(of: [byte]) ?? SymbolMerger.unknown
    }
    let merges = try byteLevelMerges(vocabulary, texts, pieces)
    return SegmentationRules(pieces: pieces, merges: merges, symbols: symbols)
  }

  private static func byteLevelMerges(
    _ vocabulary: VocabularyDescription, _ texts: TokenTexts, _ pieces: PieceTable
  ) throws(TokenizerError) -> PairTable {
    var merges = PairTable(capacity: vocabulary.merges.count)
    var bytes: [UInt8] = []
    var names: Set<String>?
    for (rank, merge) in vocabulary.merges.enumerated() {
      let (left, right) = try halves(of: merge, rank: rank)
      bytes.removeAll(keepingCapacity: true)
      let isSpelt = ByteAlphabet.append(left, to: &bytes)
      let middle = bytes.count
      guard isSpelt, ByteAlphabet.append(right, to: &bytes),
        let leftID = pieces.id(of: bytes, 0..<middle),
        let rightID = pieces.id(of: bytes, middle..<bytes.count),
        let result = pieces.id(of: bytes)
      else {
        // Built once, and only for vocabularies that need it.
        let known = names ?? Set(vocabulary.tokens)
        names = known
        try checkThatTokensExist(String(left), String(right), rank: rank, in: known)
        continue
      }
      merges.insert(leftID, rightID, rank: UInt32(rank), result: result)
    }
    return merges
  }

  /// Splits a merge at its first space; a space at the very beginning belongs to the left piece.
  private static func halves(
    of merge: String, rank: Int
  ) throws(TokenizerError) -> (
    left: Substring.UnicodeScalarView, right: Substring.UnicodeScalarView
  ) {
    let scalars = merge.unicodeScalars
    if let first = scalars.indices.first,
      let space = scalars[scalars.index(after: first)...].firstIndex(of: " ")
    {
      let right = scalars[scalars.index(after: space)...]
      if !right.isEmpty { return (scalars[..<space], right) }
    }
    throw TokenizerError(
      .malformedMerge,
      "merge \(rank) is \(quoted(merge)), expected two pieces with a space between them",
      remedy: "convert the model again with a current converter; merges given as pairs must be "
        + "joined by a space")
  }

  /// Tells a merge of tokens that exist, but may not result from text, from one of missing tokens.
  private static func checkThatTokensExist(
    _ left: String, _ right: String, rank: Int, in names: Set<String>
  ) throws(TokenizerError) {
    for piece in [left, right, left + right] where !names.contains(piece) {
      throw TokenizerError(
        .mergeOfMissingToken,
        "merge \(rank) joins \(quoted(left)) and \(quoted(right)), but \(quoted(piece)) is not a "
          + "token\nexpected both halves and the result among the \(names.count) tokens",
        remedy: "take tokens and merges from the same tokenizer; if the vocabulary was trimmed, "
          + "trim the merges with it")
    }
  }
}
