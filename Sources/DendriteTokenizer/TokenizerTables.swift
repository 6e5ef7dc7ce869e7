// SPDX-License-Identifier: Apache-2.0

/// What a tokenizer looks things up in; built once, shared by all its copies.
final class TokenizerTables: Sendable {
  let description: VocabularyDescription
  let texts: TokenTexts
  let rules: SegmentationRules
  let addedTokens: AddedTokens
  let endOfGeneration: Set<Int>

  init(_ description: VocabularyDescription) throws(TokenizerError) {
    try description.validate()
    self.description = description
    texts = TokenTexts(description)
    rules =
      switch description.kind {
      case .byteLevelBPE: try SegmentationRules.byteLevel(description, texts)
      case .sentencePieceBPE: try SegmentationRules.sentencePiece(description, texts)
      }
    addedTokens = try Self.addedTokens(description, texts)
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
      let length = token.utf8.count
      guard length <= AddedTokens.longestLength else {
        throw TokenizerError(
          .tokenTooLong,
          "token \(id), which is matched in raw text, has \(length) bytes, expected at most "
            + "\(AddedTokens.longestLength)\nit begins \(quoted(token))",
          remedy: "check that the file is intact; real added tokens have fewer than a hundred bytes"
        )
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
