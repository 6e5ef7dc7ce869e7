// SPDX-License-Identifier: Apache-2.0

/// Everything a tokenizer needs to know, as plain values.
///
/// A room that reads files (GGUF, Hugging Face) fills one of these; ``Tokenizer`` checks it. The
/// description itself checks nothing, so that it can be built field by field.
///
/// - Shapes: `types` and `scores` are either empty or parallel to `tokens`; a token's id is its
///   index in `tokens`.
public struct VocabularyDescription: Sendable {
  /// The algorithm that turns text into tokens.
  public enum Kind: Sendable, Hashable {
    /// Byte-level BPE: a pre-tokenizer cuts the text, ranked merges join bytes inside each piece.
    case byteLevelBPE(PreTokenizer)
    /// SentencePiece BPE: the adjacent pair whose piece has the highest score is joined first.
    case sentencePieceBPE
    /// A chain of steps, as `tokenizer.json` and SentencePiece's model files describe one.
    case pipeline(TokenizerPipeline)
  }

  /// What a token stands for; the raw values are those of `tokenizer.ggml.token_type`.
  public enum TokenType: Int, Sendable, Hashable, CaseIterable {
    /// A piece of text.
    case normal = 1
    /// The stand-in for text the vocabulary cannot spell.
    case unknown = 2
    /// A mark of the model's protocol; never text, found in a prompt only when asked for.
    case control = 3
    /// A literal string that is always kept whole.
    case userDefined = 4
    /// A hole in the vocabulary; never matched.
    case unused = 5
    /// One byte, written `<0xNN>`.
    case byte = 6
  }

  /// The algorithm.
  public var kind: Kind
  /// The tokens as the file spells them (byte-level pieces in their printable alphabet).
  public var tokens: [String]
  /// One type per token; empty means that every token is normal.
  ///
  /// SentencePiece tokens spelt `<0xNN>` count as bytes then.
  public var types: [TokenType]
  /// One score per token (SentencePiece only); empty means zero everywhere.
  public var scores: [Float]
  /// Merges in order of rank, `"left right"` (byte-level BPE only).
  public var merges: [String]

  /// Beginning of text.
  public var bosID: Int?
  /// End of text.
  public var eosID: Int?
  /// End of a turn, where it differs from end of text.
  public var eotID: Int?
  /// The token for text the vocabulary cannot spell.
  public var unknownID: Int?
  /// Padding.
  public var paddingID: Int?
  /// Further ids that end generation, beside `eosID` and `eotID`.
  public var stopIDs: Set<Int>

  /// Whether encoding begins with `bosID`.
  public var addsBOS: Bool
  /// Whether encoding ends with `eosID`.
  public var addsEOS: Bool
  /// Whether SentencePiece prefixes text with a space.
  public var addsSpacePrefix: Bool
  /// Whether a pre-token that is itself a token is taken whole, whatever the merges say (Llama 3).
  public var ignoresMerges: Bool

  /// The chat template (Jinja source), if the model brings one.
  public var chatTemplate: String?

  /// Describes a vocabulary.
  public init(
    kind: Kind,
    tokens: [String],
    types: [TokenType] = [],
    scores: [Float] = [],
    merges: [String] = [],
    bosID: Int? = nil,
    eosID: Int? = nil,
    eotID: Int? = nil,
    unknownID: Int? = nil,
    paddingID: Int? = nil,
    stopIDs: Set<Int> = [],
    addsBOS: Bool = false,
    addsEOS: Bool = false,
    addsSpacePrefix: Bool = false,
    ignoresMerges: Bool = false,
    chatTemplate: String? = nil
  ) {
    self.kind = kind
    self.tokens = tokens
    self.types = types
    self.scores = scores
    self.merges = merges
    self.bosID = bosID
    self.eosID = eosID
    self.eotID = eotID
    self.unknownID = unknownID
    self.paddingID = paddingID
    self.stopIDs = stopIDs
    self.addsBOS = addsBOS
    self.addsEOS = addsEOS
    self.addsSpacePrefix = addsSpacePrefix
    self.ignoresMerges = ignoresMerges
    self.chatTemplate = chatTemplate
  }
}
