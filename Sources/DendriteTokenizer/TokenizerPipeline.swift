// SPDX-License-Identifier: Apache-2.0

/// A tokenizer as a chain of steps, the way `tokenizer.json` describes one.
///
/// The tokens themselves are those of the ``VocabularyDescription`` around it.
public struct TokenizerPipeline: Sendable, Hashable {
  /// A token that is cut out of text before the model sees it.
  package struct AddedToken: Sendable, Hashable {
    package var id: Int
    /// Whether it is a mark of the model's protocol rather than text.
    package var isSpecial: Bool
    /// Whether it is found in normalised text, its own text normalised too.
    package var isNormalized: Bool
    /// Whether it must not touch letters or digits.
    package var isSingleWord: Bool
    /// Whether whitespace before it, or behind it, belongs to it.
    package var stripsLeft: Bool
    package var stripsRight: Bool
    /// Whether the model's vocabulary has it as well.
    package var isModelPiece: Bool

    /// Describes an added token.
    package init(
      id: Int, isSpecial: Bool = false, isNormalized: Bool = false, isSingleWord: Bool = false,
      stripsLeft: Bool = false, stripsRight: Bool = false, isModelPiece: Bool = false
    ) {
      self.id = id
      self.isSpecial = isSpecial
      self.isNormalized = isNormalized
      self.isSingleWord = isSingleWord
      self.stripsLeft = stripsLeft
      self.stripsRight = stripsRight
      self.isModelPiece = isModelPiece
    }
  }

  /// What happens to text before it is cut, in order.
  package var normalizers: [NormalizerStep]
  /// How text is cut into pieces, in order; without any, it is one piece.
  package var preTokenizers: [PreTokenizerStep]
  /// What turns pieces into tokens.
  package var model: PipelineModel
  /// The tokens put before and behind a text.
  package var prefixIDs: [Int]
  package var suffixIDs: [Int]
  /// What turns tokens into text, in order.
  package var decoders: [DecoderStep]
  package var addedTokens: [AddedToken]

  /// Describes a chain.
  package init(
    normalizers: [NormalizerStep] = [], preTokenizers: [PreTokenizerStep] = [],
    model: PipelineModel, prefixIDs: [Int] = [], suffixIDs: [Int] = [],
    decoders: [DecoderStep] = [], addedTokens: [AddedToken] = []
  ) {
    self.normalizers = normalizers
    self.preTokenizers = preTokenizers
    self.model = model
    self.prefixIDs = prefixIDs
    self.suffixIDs = suffixIDs
    self.decoders = decoders
    self.addedTokens = addedTokens
  }
}

extension TokenizerPipeline: CustomStringConvertible {
  /// What kind of tokenizer this is, in a few words.
  public var description: String {
    let name =
      switch model {
      case .bpe: "BPE"
      case .unigram: "Unigram"
      case .wordPiece: "WordPiece"
      case .wordLevel: "whole words"
      case .sentencePieceBPE: "SentencePiece BPE"
      }
    return
      "\(name) behind \(normalizers.count) normalizers and \(preTokenizers.count) pre-tokenizers"
  }
}

/// The algorithm that turns a piece of text into tokens.
package enum PipelineModel: Sendable, Hashable {
  /// Ranked merges of neighbours.
  case bpe(BPE)
  /// The segmentation with the largest sum of scores.
  case unigram(Unigram)
  /// The longest token that fits, again and again; pieces inside a word carry a prefix.
  case wordPiece(continuingPrefix: String, longestWord: Int)
  /// Whole pieces.
  case wordLevel
  /// Merges ranked by the score of what they yield; types and scores are the vocabulary's.
  case sentencePieceBPE

  /// Two neighbours that become one token.
  package struct Merge: Sendable, Hashable {
    package var left: String
    package var right: String

    /// Names both halves.
    package init(_ left: String, _ right: String) {
      self.left = left
      self.right = right
    }
  }

  /// The settings of merging.
  package struct BPE: Sendable, Hashable {
    /// Merges in order of rank.
    package var merges: [Merge]
    /// Put before every character of a piece but the first.
    package var continuingPrefix = ""
    /// Put behind the last character of a piece.
    package var endSuffix = ""
    /// Whether neighbouring unknown characters are one unknown token.
    package var fusesUnknown = false
    /// Whether characters without a token are spelt in tokens `<0xNN>`.
    package var fallsBackToBytes = false
    /// Whether a piece that is a token is taken whole.
    package var ignoresMerges = false

    /// Describes merging without further settings.
    package init(merges: [Merge]) { self.merges = merges }
  }

  /// The settings of the best segmentation.
  package struct Unigram: Sendable, Hashable {
    /// Log-probabilities, parallel to the first tokens of the vocabulary.
    package var scores: [Double]
    /// Whether characters without a token are spelt in tokens `<0xNN>`.
    package var fallsBackToBytes = false
    /// Whether sums are of single precision, as SentencePiece has them.
    package var hasSinglePrecision = false

    /// Describes a segmentation without further settings.
    package init(scores: [Double]) { self.scores = scores }
  }
}
