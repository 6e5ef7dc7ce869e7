// SPDX-License-Identifier: Apache-2.0

extension Tokenizer {
  /// The token ids of a text.
  ///
  /// User-defined tokens are cut out of the text first, control tokens too when `parsingSpecial` is
  /// set: leftmost, then longest. The stretches between are pre-tokenized and merged.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - addingSpecial: Whether to add BOS and EOS where the vocabulary says so. Leave it out for
  ///     text from a chat template, which contains its own.
  ///   - parsingSpecial: Whether text that spells a control token becomes that token. Leave it out
  ///     for text a person wrote.
  /// - Returns: the ids, each smaller than `vocabularySize`.
  /// - Edge cases: SentencePiece prefixes a space (if the vocabulary says so) to each stretch that
  ///   begins the text or follows a token that was cut out. A character no token spells becomes the
  ///   unknown token, or nothing where there is none.
  /// - Complexity: O(n log n) for n bytes, whatever the text; close to linear for real ones.
  /// - Precondition: the text has fewer than 2³¹ bytes.
  public func encode(
    _ text: String, addingSpecial: Bool = true, parsingSpecial: Bool = false
  ) -> [Int] {
    let bytes = Array(text.utf8)
    precondition(
      bytes.count <= Self.longestText,
      "encode takes at most \(Self.longestText) bytes; received \(bytes.count)")
    return encode(valid: bytes, addingSpecial: addingSpecial, parsingSpecial: parsingSpecial)
  }

  /// The token ids of a text given as bytes, which are checked to be UTF-8.
  ///
  /// - Throws: `invalidUTF8`, naming the offset of the first bad byte; `textTooLong`.
  /// - Complexity: as ``encode(_:addingSpecial:parsingSpecial:)``.
  public func encode(
    utf8 bytes: some Collection<UInt8>, addingSpecial: Bool = true, parsingSpecial: Bool = false
  ) throws(TokenizerError) -> [Int] {
    let bytes = try Self.validated(Array(bytes))
    return encode(valid: bytes, addingSpecial: addingSpecial, parsingSpecial: parsingSpecial)
  }

  /// The token ids of a text given as bytes, which are checked to be UTF-8.
  ///
  /// - Throws: `invalidUTF8`, naming the offset of the first bad byte; `textTooLong`.
  /// - Complexity: as ``encode(_:addingSpecial:parsingSpecial:)``.
  public func encode(
    utf8 bytes: Span<UInt8>, addingSpecial: Bool = true, parsingSpecial: Bool = false
  ) throws(TokenizerError) -> [Int] {
    var copy: [UInt8] = []
    copy.reserveCapacity(bytes.count)
    for index in bytes.indices { copy.append(bytes[index]) }
    let bytes = try Self.validated(copy)
    return encode(valid: bytes, addingSpecial: addingSpecial, parsingSpecial: parsingSpecial)
  }

  private static let longestText = Int(Int32.max)

  private static func validated(_ bytes: [UInt8]) throws(TokenizerError) -> [UInt8] {
    guard bytes.count <= longestText else {
      throw TokenizerError(
        .textTooLong,
        "the text has \(bytes.count) bytes, expected at most \(longestText)",
        remedy: "encode the text in parts")
    }
    if let offset = UTF8Sequence.firstError(in: bytes) {
      let byte = String(bytes[offset], radix: 16, uppercase: true)
      throw TokenizerError(
        .invalidUTF8,
        "the text is not UTF-8: byte 0x\(byte) at offset \(offset) of \(bytes.count), expected the "
          + "beginning of a complete character",
        remedy: "convert the text to UTF-8, or replace the bytes by decoding it with "
          + "String(decoding:as:) first")
    }
    return bytes
  }

  private func encode(valid text: [UInt8], addingSpecial: Bool, parsingSpecial: Bool) -> [Int] {
    if let pipeline = tables.pipeline {
      return pipeline.encode(text, addingSpecial: addingSpecial, parsingSpecial: parsingSpecial)
    }
    let vocabulary = tables.description
    var encoder = Encoder(tables)
    encoder.ids.reserveCapacity(text.count / 3 + 2)
    if addingSpecial, vocabulary.addsBOS, let id = vocabulary.bosID { encoder.ids.append(id) }
    var position = 0
    var beginsOrFollowsToken = true
    while position < text.count {
      let match = tables.addedTokens.firstMatch(
        in: text, from: position, includingControl: parsingSpecial)
      let end = match?.range.lowerBound ?? text.count
      if end > position {
        encoder.encode(text, position..<end, prefixingSpace: beginsOrFollowsToken)
        beginsOrFollowsToken = false
      }
      guard let match else { break }
      encoder.ids.append(Int(match.id))
      beginsOrFollowsToken = true
      position = match.range.upperBound
    }
    if addingSpecial, vocabulary.addsEOS, let id = vocabulary.eosID { encoder.ids.append(id) }
    return encoder.ids
  }
}

/// Encodes the stretches of one text, collecting ids.
private struct Encoder {
  var ids: [Int] = []
  private var merger = SymbolMerger()
  private var pieceIDs: [UInt32] = []
  private let tables: TokenizerTables
  private let sentencePiece: SentencePieceModel

  init(_ tables: TokenizerTables) {
    self.tables = tables
    sentencePiece = SentencePieceModel(
      tables.rules, tokenCount: tables.texts.count,
      unknownID: tables.description.unknownID.map(UInt32.init))
  }

  /// Appends the ids of a stretch of text without added tokens.
  mutating func encode(_ text: [UInt8], _ range: Range<Int>, prefixingSpace: Bool) {
    switch tables.description.kind {
    case .byteLevelBPE(let preTokenizer):
      let matcher = PreTokenMatcher(preTokenizer, text: text, end: range.upperBound)
      var start = range.lowerBound
      while start < range.upperBound {
        let end = matcher.pieceEnd(from: start)
        encodePreToken(text, start..<end)
        start = end
      }
    case .sentencePieceBPE:
      var marked: [UInt8] = []
      marked.reserveCapacity(range.count + 1)
      if prefixingSpace, tables.description.addsSpacePrefix { marked.append(UInt8(ascii: " ")) }
      SpaceMark.append(text, range, to: &marked)
      pieceIDs.removeAll(keepingCapacity: true)
      sentencePiece.encode(marked, 0..<marked.count, &merger, into: &pieceIDs)
      for id in pieceIDs { ids.append(Int(id)) }
    case .pipeline: break
    }
  }

  // MARK: Byte-level BPE

  private mutating func encodePreToken(_ text: [UInt8], _ range: Range<Int>) {
    if tables.description.ignoresMerges, let id = tables.rules.pieces.id(of: text, range) {
      ids.append(Int(id))
      return
    }
    merger.removeAll()
    for position in range {
      merger.append(tables.rules.symbols[Int(text[position])], start: position)
    }
    merger.merge(tables.rules.merges)
    for id in merger.ids {
      if id != SymbolMerger.unknown { ids.append(Int(id)) } else { appendUnknown() }
    }
  }

  private mutating func appendUnknown() {
    if let id = tables.description.unknownID { ids.append(id) }
  }
}
