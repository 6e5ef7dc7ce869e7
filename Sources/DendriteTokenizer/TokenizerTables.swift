// SPDX-License-Identifier: Apache-2.0

/// What a tokenizer looks things up in; built once, shared by all its copies.
final class TokenizerTables: Sendable {
  let description: VocabularyDescription
  let texts: TokenTexts
  let rules: SegmentationRules
  let addedTokens: AddedTokens
  /// The steps of a tokenizer that is described as a chain; `rules` and `addedTokens` are empty then.
  let pipeline: Pipeline?
  let endOfGeneration: Set<Int>

  init(_ description: VocabularyDescription) throws(TokenizerError) {
    try description.validate()
    self.description = description
    switch description.kind {
    case .byteLevelBPE, .sentencePieceBPE:
      texts = TokenTexts(description)
      rules =
        description.kind == .sentencePieceBPE
        ? try SegmentationRules.sentencePiece(description, texts)
        : try SegmentationRules.byteLevel(description, texts)
      addedTokens = try Self.addedTokens(description, texts)
      pipeline = nil
    case .pipeline(let chain):
      let pipeline = try Pipeline(chain, description)
      self.pipeline = pipeline
      texts = TokenTexts(description, pipeline.decoders)
      rules = SegmentationRules(
        pieces: PieceTable(capacity: 0), merges: PairTable(capacity: 0),
        symbols: pipeline.byteSymbols)
      addedTokens = AddedTokens()
    }
    endOfGeneration = description.stopIDs
      .union([description.eosID, description.eotID].compactMap { $0 })
  }

  /// User-defined tokens, and those that text may spell only when asked to.
  private static func addedTokens(
    _ description: VocabularyDescription, _ texts: TokenTexts
  ) throws(TokenizerError) -> AddedTokens {
    var added = AddedTokens()
    for (id, token) in description.tokens.enumerated() where !token.isEmpty {
      let type = texts.type(id)
      guard type == .userDefined || type == .control || type == .unknown else { continue }
      guard token.utf8.count <= AddedTokens.longestLength else {
        throw AddedTokens.tooLong(Array(token.utf8), id: id)
      }
      added.insert(Array(token.utf8), id: UInt32(id), isControl: type != .userDefined)
    }
    return added
  }
}

extension VocabularyDescription {
  /// Checks sizes and ids; merges and the lengths of tokens are checked where tables are built.
  fileprivate func validate() throws(TokenizerError) {
    // Half of what the tables can count, since SentencePiece adds characters of its own.
    let limit = 1 << 30
    guard !tokens.isEmpty, tokens.reduce(0, { $0 + $1.utf8.count + 1 }) < limit else {
      throw TokenizerError(
        .invalidSize,
        tokens.isEmpty
          ? "the vocabulary has no tokens, expected at least one"
          : "the vocabulary's \(tokens.count) tokens have more than \(limit) bytes, expected fewer",
        remedy: "check that the file is intact and holds a vocabulary")
    }
    for (name, count) in [("types", types.count), ("scores", scores.count)]
    where count != 0 && count != tokens.count {
      throw TokenizerError(
        .mismatchedLists,
        "the vocabulary has \(count) \(name) for \(tokens.count) tokens, expected one for each "
          + "or none",
        remedy: "check that the file is intact, or convert the model again")
    }
    let named: [(String, Int?)] = [
      ("bosID", bosID), ("eosID", eosID), ("eotID", eotID), ("unknownID", unknownID),
      ("paddingID", paddingID),
    ]
    for (name, id) in named + stopIDs.sorted().map({ ("stopIDs", $0) }) {
      guard let id, !tokens.indices.contains(id) else { continue }
      throw TokenizerError(
        .idOutOfRange,
        "\(name) holds \(id), expected an id from 0 to \(tokens.count - 1)",
        remedy: "correct the id in the model's metadata, or remove it there")
    }
    for (flag, name, isMissing) in [
      ("addsBOS", "bosID", addsBOS && bosID == nil), ("addsEOS", "eosID", addsEOS && eosID == nil),
    ] where isMissing {
      throw TokenizerError(
        .missingSpecialToken,
        "\(flag) is set, but \(name) is not; expected the id of the token to add",
        remedy: "set \(name), or clear \(flag)")
    }
  }
}
