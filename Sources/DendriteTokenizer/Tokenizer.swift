// SPDX-License-Identifier: Apache-2.0

/// Turns text into token ids and back.
///
/// Byte-level BPE (GPT-2, Llama 3, Qwen 2), SentencePiece BPE (Llama 2), and whatever a
/// ``TokenizerPipeline`` describes, with results equal to the tokenizers the models were trained with. A tokenizer is an immutable value: copying it is
/// free, and many threads may use it at once.
///
/// ```swift
/// let tokenizer = try Tokenizer(description)
/// let ids = tokenizer.encode("Hello world")
/// let text = tokenizer.decode(ids)
/// ```
///
/// It is not for rendering conversations: a chat template writes the text, control tokens included,
/// and `encode(_:addingSpecial:parsingSpecial:)` then reads it with `parsingSpecial: true`.
///
/// - Edge cases: with vocabularies from GGUF files no Unicode normalisation takes place, as in
///   llama.cpp; text in decomposed form gives other ids than the same text composed. Pipelines
///   normalise as they say.
public struct Tokenizer: Sendable {
  let tables: TokenizerTables

  /// Checks a vocabulary and builds the tables for it.
  ///
  /// Tolerated: duplicate tokens (a normal one is used for encoding before a user-defined one, then
  /// the highest id), empty tokens (never matched), byte-level tokens outside the byte alphabet (never matched, literal on decoding), a
  /// missing or malformed byte token (see ``unspellableBytes``).
  ///
  /// - Throws: `invalidSize`, `mismatchedLists`, `idOutOfRange`, `missingSpecialToken`,
  ///   `malformedMerge`, `mergeOfMissingToken`, `tokenTooLong`.
  /// - Complexity: linear in the size of the vocabulary; about 0.2 s for 150,000 tokens.
  public init(_ description: VocabularyDescription) throws(TokenizerError) {
    tables = try TokenizerTables(description)
  }

  /// The vocabulary this tokenizer was made from.
  public var description: VocabularyDescription { tables.description }

  /// The number of tokens; ids are smaller.
  public var vocabularySize: Int { tables.texts.count }

  /// The tokens that end a text or a turn.
  public var endOfGenerationIDs: Set<Int> { tables.endOfGeneration }

  /// Whether a model that produces this token has ended its text or its turn.
  ///
  /// - Complexity: O(1). False for ids outside the vocabulary.
  public func isEndOfGeneration(_ id: Int) -> Bool {
    tables.endOfGeneration.contains(id)
  }

  /// Whether this token is a mark of the model's protocol rather than text.
  ///
  /// - Complexity: O(1). False for ids outside the vocabulary.
  public func isControl(_ id: Int) -> Bool {
    tables.texts.indices.contains(id) && tables.texts.type(id) == .control
  }

  /// The bytes that no token spells; in text they become the unknown token or, without one, nothing.
  ///
  /// Empty for complete vocabularies, for which decoding gives back every encoded text.
  /// SentencePiece: the bytes without a `<0xNN>` token, which matter for characters without a piece.
  ///
  /// - Complexity: O(1).
  public var unspellableBytes: [UInt8] {
    let table = tables.rules.byteFallback.isEmpty ? tables.rules.symbols : tables.rules.byteFallback
    return (UInt8.min...UInt8.max).filter { table[Int($0)] == SymbolMerger.unknown }
  }

  /// A text without added tokens as the model sees it: normalised, cut into pieces.
  ///
  /// - Parameter text: The text.
  /// - Returns: the pieces; nil for a tokenizer that is not described as a chain.
  package func pieces(of text: String) -> [String]? {
    tables.pipeline.map { pipeline in
      let pieces = pipeline.pieces(of: Array(text.utf8))
      return pieces.ranges.map { String(decoding: pieces.text[$0], as: UTF8.self) }
    }
  }

  /// How many pieces a text without added tokens is cut into.
  ///
  /// - Parameter text: The text.
  /// - Returns: the number; nil for a tokenizer that is not described as a chain.
  package func pieceCount(of text: String) -> Int? {
    tables.pipeline?.pieces(of: Array(text.utf8)).ranges.count
  }
}
