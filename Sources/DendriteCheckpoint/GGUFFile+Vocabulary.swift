// SPDX-License-Identifier: Apache-2.0

public import DendriteTokenizer

/// Keys of the tokenizer's part of the metadata.
enum TokenizerKey {
  static let model = "tokenizer.ggml.model"
  static let preTokenizer = "tokenizer.ggml.pre"
  static let tokens = "tokenizer.ggml.tokens"
  static let types = "tokenizer.ggml.token_type"
  static let scores = "tokenizer.ggml.scores"
  static let merges = "tokenizer.ggml.merges"
  static let addsBOS = "tokenizer.ggml.add_bos_token"
  static let addsEOS = "tokenizer.ggml.add_eos_token"
  static let addsSpacePrefix = "tokenizer.ggml.add_space_prefix"
  static let chatTemplate = "tokenizer.chat_template"

  /// The key of a special token's id, for example `bos`.
  static func id(_ name: String) -> String { "tokenizer.ggml.\(name)_token_id" }
}

extension GGUFFile {
  /// The vocabulary, as the tokenizer wants it.
  ///
  /// - Throws: `.unsupportedVocabulary` for another kind of tokenizer or an unknown pre-tokenizer,
  ///   `.missingKey` without tokens or merges, `.invalidValue` for ids outside the vocabulary and
  ///   arrays of different lengths.
  /// - Complexity: O(tokens).
  /// - Source: llama.cpp `src/llama-vocab.cpp`, for defaults.
  public func vocabularyDescription() throws(CheckpointError) -> VocabularyDescription {
    guard let model = try metadata.string(TokenizerKey.model) else {
      throw missingVocabulary(TokenizerKey.model)
    }
    guard let tokens = try metadata.strings(TokenizerKey.tokens), !tokens.isEmpty else {
      throw missingVocabulary(TokenizerKey.tokens)
    }
    var vocabulary: VocabularyDescription
    switch model {
    case "gpt2": vocabulary = try byteLevelVocabulary(tokens)
    case "llama": vocabulary = try sentencePieceVocabulary(tokens)
    default:
      throw CheckpointError(
        .unsupportedVocabulary,
        "a tokenizer of kind \(quoted(model)), expected 'gpt2' (byte-level BPE) or 'llama' "
          + "(SentencePiece BPE)",
        remedy: "choose a model with one of these tokenizers; others are not supported yet")
    }
    vocabulary.types = try tokenTypes(count: tokens.count)
    vocabulary.bosID = try tokenID("bos", tokens.count) ?? vocabulary.bosID
    vocabulary.eosID = try tokenID("eos", tokens.count) ?? vocabulary.eosID
    vocabulary.eotID = try tokenID("eot", tokens.count)
    vocabulary.unknownID = try tokenID("unknown", tokens.count) ?? vocabulary.unknownID
    vocabulary.paddingID = try tokenID("padding", tokens.count)
    vocabulary.addsBOS = try metadata.bool(TokenizerKey.addsBOS) ?? vocabulary.addsBOS
    vocabulary.addsEOS = try metadata.bool(TokenizerKey.addsEOS) ?? vocabulary.addsEOS
    vocabulary.stopIDs = try stopIDs(vocabulary)
    vocabulary.chatTemplate = try metadata.string(TokenizerKey.chatTemplate)
    return vocabulary
  }

  private func byteLevelVocabulary(
    _ tokens: [String]
  ) throws(CheckpointError) -> VocabularyDescription {
    let supported = PreTokenizer.supportedGGUFNames.sorted().map { "'\($0)'" }
      .joined(separator: " ")
    guard let name = try metadata.string(TokenizerKey.preTokenizer) else {
      throw CheckpointError(
        .missingKey,
        "no key '\(TokenizerKey.preTokenizer)', expected one of\n\(supported)",
        remedy: "convert the model again: files without this key cut text at the wrong places")
    }
    guard let preTokenizer = PreTokenizer(ggufName: name) else {
      throw CheckpointError(
        .unsupportedVocabulary,
        "pre-tokenizer \(quoted(name)), expected one of\n\(supported)",
        remedy: "choose a model with one of these; another would cut text at the wrong places")
    }
    guard let merges = try metadata.strings(TokenizerKey.merges) else {
      throw missingVocabulary(TokenizerKey.merges)
    }
    let isLlama3 = preTokenizer == .llama3
    return VocabularyDescription(
      kind: .byteLevelBPE(preTokenizer), tokens: tokens, merges: merges,
      addsBOS: isLlama3, ignoresMerges: isLlama3)
  }

  private func sentencePieceVocabulary(
    _ tokens: [String]
  ) throws(CheckpointError) -> VocabularyDescription {
    guard let scores = try metadata.floats(TokenizerKey.scores) else {
      throw missingVocabulary(TokenizerKey.scores)
    }
    guard scores.count == tokens.count else {
      throw invalidVocabulary(
        TokenizerKey.scores, "\(scores.count) scores", "\(tokens.count), one for each token")
    }
    func defaultID(_ id: Int) -> Int? { id < tokens.count ? id : nil }
    return VocabularyDescription(
      kind: .sentencePieceBPE, tokens: tokens, scores: scores,
      bosID: defaultID(1), eosID: defaultID(2), unknownID: defaultID(0), addsBOS: true,
      addsSpacePrefix: try metadata.bool(TokenizerKey.addsSpacePrefix) ?? true)
  }

  private func tokenTypes(
    count: Int
  ) throws(CheckpointError) -> [VocabularyDescription.TokenType] {
    guard let stored = try metadata.integers(TokenizerKey.types), !stored.isEmpty else { return [] }
    guard stored.count == count else {
      throw invalidVocabulary(
        TokenizerKey.types, "\(stored.count) types", "\(count), one for each token")
    }
    var types: [VocabularyDescription.TokenType] = []
    types.reserveCapacity(count)
    for (id, value) in stored.enumerated() {
      // 0 is "undefined": an ordinary token, as in llama.cpp.
      let raw = value == 0 ? 1 : value
      guard let type = Int(exactly: raw).flatMap(VocabularyDescription.TokenType.init(rawValue:))
      else {
        throw invalidVocabulary(TokenizerKey.types, "\(value) for token \(id)", "0 to 6")
      }
      types.append(type)
    }
    return types
  }

  /// A special token's id; `nil` if the key is absent or says "none" by a negative number.
  private func tokenID(_ name: String, _ count: Int) throws(CheckpointError) -> Int? {
    let key = TokenizerKey.id(name)
    // Writers put -1, also as an unsigned number of 32 bits, where there is no such token.
    guard let id = try metadata.int(key), id >= 0, id != Int(UInt32.max) else { return nil }
    guard id < count else {
      throw invalidVocabulary(key, "\(id)", "an id below \(count), the number of tokens")
    }
    return id
  }
}

// MARK: - End of generation

extension GGUFFile {
  /// All ids that end generation: those of the metadata and those of known texts.
  private func stopIDs(_ vocabulary: VocabularyDescription) throws(CheckpointError) -> Set<Int> {
    let count = vocabulary.tokens.count
    var ids: Set<Int> = []
    for id in [vocabulary.eosID, vocabulary.eotID] {
      if let id { ids.insert(id) }
    }
    for name in ["eom", "fim_pad", "fim_rep", "fim_sep"] {
      if let id = try tokenID(name, count) { ids.insert(id) }
    }
    return StopTokens.ids(in: vocabulary.tokens, beside: ids)
  }

  private func missingVocabulary(_ key: String) -> CheckpointError {
    CheckpointError(
      .missingKey, "no key '\(key)' in \(quoted(paths[0])), expected the model's tokenizer",
      remedy: "get a model file that includes its tokenizer, or convert the model again")
  }

  private func invalidVocabulary(_ key: String, _ found: String, _ expected: String)
    -> CheckpointError
  {
    CheckpointError(
      .invalidValue, "key '\(key)' is \(found), expected \(expected)",
      remedy: "get tokenizer and weights from the same revision, or convert the model again")
  }
}
