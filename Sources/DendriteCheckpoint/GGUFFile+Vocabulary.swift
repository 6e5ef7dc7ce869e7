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
    case "gpt2", "gemma4": vocabulary = try byteLevelVocabulary(tokens, model)
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
    if let name = try publishedPattern(model) { try makeChain(of: &vocabulary, pattern: name) }
    return vocabulary
  }

  private func byteLevelVocabulary(
    _ tokens: [String], _ model: String
  ) throws(CheckpointError) -> VocabularyDescription {
    guard let merges = try metadata.strings(TokenizerKey.merges) else {
      throw missingVocabulary(TokenizerKey.merges)
    }
    if let name = try publishedPattern(model) {
      return VocabularyDescription(
        kind: .byteLevelBPE(.gpt2), tokens: tokens, merges: merges, addsBOS: name == "tekken",
        ignoresMerges: name == "tekken")
    }
    let supported = (PreTokenizer.supportedGGUFNames + PublishedPatterns.names).sorted().map {
      "'\($0)'"
    }
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
    let isLlama3 = preTokenizer == .llama3
    return VocabularyDescription(
      kind: .byteLevelBPE(preTokenizer), tokens: tokens, merges: merges,
      addsBOS: isLlama3, ignoresMerges: isLlama3)
  }

  /// The name of an expression that the general engine matches; nil where a matcher is written by
  /// hand, or the name is unknown.
  private func publishedPattern(_ model: String) throws(CheckpointError) -> String? {
    if model == "gemma4" { return model }
    guard model == "gpt2", let name = try metadata.string(TokenizerKey.preTokenizer) else {
      return nil
    }
    return PublishedPatterns.names.contains(name) ? name : nil
  }

  /// Describes a vocabulary of merges as a chain of steps.
  private func makeChain(
    of vocabulary: inout VocabularyDescription, pattern name: String
  ) throws(CheckpointError) {
    var merges: [PipelineModel.Merge] = []
    merges.reserveCapacity(vocabulary.merges.count)
    for (rank, merge) in vocabulary.merges.enumerated() {
      // A piece may begin with a space, so the first place for the one between is the second.
      let bytes = merge.utf8
      guard let space = bytes.dropFirst().firstIndex(of: UInt8(ascii: " ")),
        let left = String(bytes[..<space]), let right = String(bytes[bytes.index(after: space)...])
      else {
        throw invalidVocabulary(
          TokenizerKey.merges, "\(quoted(merge)) at rank \(rank)", "two pieces and a space")
      }
      merges.append(PipelineModel.Merge(left, right))
    }
    let isSpaced = name == "gemma4"
    var bpe = PipelineModel.BPE(merges: merges)
    bpe.ignoresMerges = vocabulary.ignoresMerges
    bpe.fallsBackToBytes = isSpaced
    var pipeline = TokenizerPipeline(model: .bpe(bpe))
    pipeline.normalizers = isSpaced ? [.replace(.literal(" "), with: "▁")] : []
    pipeline.preTokenizers = (PublishedPatterns.passes(ggufName: name) ?? [])
      .map { .split(.regex($0), .isolated, isInverted: false) }
    if !isSpaced {
      pipeline.preTokenizers.append(.byteLevel(addsPrefixSpace: false, usesPattern: false))
    }
    pipeline.decoders =
      isSpaced ? [.replace(.literal("▁"), with: " "), .byteFallback, .fuse] : [.byteLevel]
    pipeline.addedTokens = vocabulary.types.enumerated().compactMap { id, type in
      switch type {
      case .control, .unknown: TokenizerPipeline.AddedToken(id: id, isSpecial: true)
      case .userDefined: TokenizerPipeline.AddedToken(id: id, isModelPiece: true)
      case .normal, .unused, .byte: nil
      }
    }
    if vocabulary.addsBOS, let id = vocabulary.bosID { pipeline.prefixIDs = [id] }
    if vocabulary.addsEOS, let id = vocabulary.eosID { pipeline.suffixIDs = [id] }
    vocabulary.merges = []
    vocabulary.kind = .pipeline(pipeline)
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
