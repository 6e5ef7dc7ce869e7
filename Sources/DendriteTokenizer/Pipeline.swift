// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A chain of steps that is ready to run; immutable but for a pool of scratch space.
final class Pipeline: Sendable {
  /// The algorithms, with their tables.
  enum Model: Sendable {
    case bpe(BPEModel)
    case unigram(UnigramModel)
    case wordPiece(WordPieceModel)
    case wordLevel(WordLevelModel)
    case sentencePiece(SentencePieceModel)
  }

  private let description: TokenizerPipeline
  private let normalizers: [Normalizer]
  private let cutters: [PieceCutter]
  private let model: Model
  /// Whether pieces are short and come again, so that their tokens are worth keeping.
  private let cachesPieces: Bool
  /// Whether it matters that a piece is the first of its text and was so before normalisation.
  private let marksFirst: Bool
  /// Whether a normaliser may leave something that is not UTF-8.
  private let mayBreakText: Bool
  private let finders: (raw: AddedTokenFinder, normalized: AddedTokenFinder)
  let decoders: DecoderChain
  private let pool = Mutex<[Workspace]>([])

  /// Checks a description and builds the tables.
  ///
  /// - Throws: `idOutOfRange`, `mergeOfMissingToken`, `mismatchedLists`, `tokenTooLong`,
  ///   `unsupportedPattern`, `malformedCharsmap`.
  init(
    _ pipeline: TokenizerPipeline, _ vocabulary: VocabularyDescription
  ) throws(TokenizerError) {
    try pipeline.validate(tokenCount: vocabulary.tokens.count)
    description = pipeline
    var normalizers: [Normalizer] = []
    for step in pipeline.normalizers { normalizers += try Normalizer.make(step) }
    self.normalizers = normalizers
    mayBreakText = pipeline.normalizers.contains {
      if case .precompiled = $0 { true } else { false }
    }
    // Byte-level BPE that ends in the alphabet of bytes works on bytes instead.
    let steps = pipeline.preTokenizers
    var isRaw = false
    if case .bpe = pipeline.model, case .byteLevel = steps.last,
      !pipeline.normalizers.contains(.byteLevel)
    {
      isRaw = !steps.dropLast().contains { if case .byteLevel = $0 { true } else { false } }
    }
    var cutters: [PieceCutter] = []
    for step in steps { cutters += try PieceCutter.make(step) }
    if isRaw { cutters.removeLast() }
    self.cutters = cutters
    marksFirst =
      !normalizers.isEmpty
      && cutters.contains { if case .markSpaces(_, .first) = $0 { true } else { false } }
    cachesPieces = !cutters.isEmpty
    model = try Self.model(pipeline, vocabulary, isRaw: isRaw)
    decoders = try DecoderChain(pipeline.decoders)
    finders = try Self.finders(pipeline, vocabulary, normalizers, mayBreakText: mayBreakText)
  }

  private static func model(
    _ pipeline: TokenizerPipeline, _ vocabulary: VocabularyDescription, isRaw: Bool
  ) throws(TokenizerError) -> Model {
    // What only added tokens spell, and marks of the protocol, the model does not yield.
    var excluded = [Bool](repeating: false, count: vocabulary.tokens.count)
    for token in pipeline.addedTokens where token.isSpecial || !token.isModelPiece {
      excluded[token.id] = true
    }
    for (id, type) in vocabulary.types.enumerated() where type == .unused { excluded[id] = true }
    let isPiece = { (id: Int) in !excluded[id] }
    let tokens = vocabulary.tokens
    switch pipeline.model {
    case .bpe(let bpe):
      return .bpe(
        try BPEModel(
          bpe, tokens: tokens, unknownID: vocabulary.unknownID, isRaw: isRaw, isPiece: isPiece))
    case .unigram(let unigram):
      // SentencePiece counts normal pieces only, others all.
      let types = unigram.hasSinglePrecision ? vocabulary.types : []
      return .unigram(
        UnigramModel(
          unigram, tokens: tokens, unknownID: vocabulary.unknownID,
          isPiece: { isPiece($0) && (types.isEmpty || types[$0] == .normal) },
          countsForMinimum: { types.isEmpty || types[$0] == .normal }))
    case .wordPiece(let prefix, let longestWord):
      return .wordPiece(
        WordPieceModel(
          tokens: tokens, continuingPrefix: prefix, longestWord: longestWord,
          unknownID: vocabulary.unknownID, isPiece: isPiece))
    case .wordLevel:
      return .wordLevel(
        WordLevelModel(tokens: tokens, unknownID: vocabulary.unknownID, isPiece: isPiece))
    case .sentencePieceBPE:
      var inner = vocabulary
      inner.kind = .sentencePieceBPE
      let rules = try SegmentationRules.sentencePiece(inner, TokenTexts(inner))
      return .sentencePiece(
        SentencePieceModel(
          rules, tokenCount: tokens.count, unknownID: vocabulary.unknownID.map(UInt32.init),
          fusesUnknown: true))
    }
  }

  private static func finders(
    _ pipeline: TokenizerPipeline, _ vocabulary: VocabularyDescription,
    _ normalizers: [Normalizer], mayBreakText: Bool
  ) throws(TokenizerError) -> (raw: AddedTokenFinder, normalized: AddedTokenFinder) {
    var raw = AddedTokenFinder()
    var normalized = AddedTokenFinder()
    var (scratch, patterns) = ([UInt8](), Pattern.Scratch())
    for token in pipeline.addedTokens {
      var text = Array(vocabulary.tokens[token.id].utf8)
      if token.isNormalized, !normalizers.isEmpty {
        guard text.count <= AddedTokens.longestLength else {
          throw AddedTokens.tooLong(text, id: token.id)
        }
        if case .sentencePiece = normalizers[0] {
          // Such a token is protected from its normaliser, all but its spaces: with one it is never
          // found.
          if text.contains(UInt8(ascii: " ")) { continue }
          text = SpaceMark.replaced(in: text)
        } else {
          for normalizer in normalizers { normalizer.apply(to: &text, &scratch, &patterns) }
        }
        if mayBreakText { repair(&text) }
        try normalized.insert(text, token)
      } else {
        try raw.insert(text, token)
      }
    }
    return (raw, normalized)
  }

  private static func repair(_ text: inout [UInt8]) {
    if UTF8Sequence.firstError(in: text) != nil {
      text = Array(String(decoding: text, as: UTF8.self).utf8)
    }
  }

  /// The token of each byte, `UInt32.max` where none spells it; all zero for models of whole words.
  var byteSymbols: [UInt32] {
    switch model {
    case .bpe(let model): model.byteFallback.isEmpty ? model.symbols : model.byteFallback
    case .unigram(let model):
      model.byteFallback.isEmpty ? [UInt32](repeating: 0, count: 256) : model.byteFallback
    case .sentencePiece(let model): model.rules.byteFallback
    case .wordPiece, .wordLevel: [UInt32](repeating: 0, count: 256)
    }
  }
}

// MARK: - Encoding

extension Pipeline {
  /// What one encoding works with; kept between encodings for its capacity and its cache.
  struct Workspace: Sendable {
    fileprivate var buffer: [UInt8] = []
    fileprivate var pieces = PieceList()
    fileprivate var pieceIDs: [UInt32] = []
    fileprivate var patterns = Pattern.Scratch()
    fileprivate var merger = SymbolMerger()
    fileprivate var paths = UnigramModel.Scratch()
    fileprivate var cache = WordCache()

    /// Gives back the memory of all but the cache.
    fileprivate mutating func forgetBuffers() {
      let cache = cache
      self = Workspace()
      self.cache = cache
    }
  }

  private static let longTextCount = 1 << 20

  /// A text without added tokens as the model sees it: normalised, cut into pieces.
  ///
  /// For display and tests; where bytes are spelt in the printable alphabet, that last step is left
  /// out.
  func pieces(of text: [UInt8]) -> PieceList {
    var workspace = Workspace()
    var buffer = text
    normalize(&buffer, &workspace)
    workspace.pieces.reset(buffer, 0..<buffer.count)
    let isFirst = keepsFirst(text, &workspace)
    for cutter in cutters { cutter.apply(to: &workspace.pieces, isFirst: isFirst) }
    return workspace.pieces
  }

  /// Whether the first scalar of a text outlives normalisation: only then the first piece begins the
  /// text, as far as a mark before it is concerned.
  private func keepsFirst(_ text: [UInt8], _ workspace: inout Workspace) -> Bool {
    guard marksFirst, !text.isEmpty else { return true }
    var first = Array(text[..<UTF8Sequence.length(lead: text[0])])
    normalize(&first, &workspace)
    return !first.isEmpty
  }

  private func normalize(_ text: inout [UInt8], _ workspace: inout Workspace) {
    for normalizer in normalizers {
      normalizer.apply(to: &text, &workspace.buffer, &workspace.patterns)
    }
    if mayBreakText { Self.repair(&text) }
  }

  /// The ids of a text.
  ///
  /// - Precondition: the text is valid UTF-8.
  func encode(_ text: [UInt8], addingSpecial: Bool, parsingSpecial: Bool) -> [Int] {
    var workspace = pool.withLock { $0.popLast() } ?? Workspace()
    defer {
      // What a long text needed is not kept for short ones.
      if text.count > Self.longTextCount { workspace.forgetBuffers() }
      pool.withLock { if $0.count < 16 { $0.append(workspace) } }
    }
    var ids: [Int] = []
    ids.reserveCapacity(text.count / 3 + 8)
    if addingSpecial { ids += description.prefixIDs }
    if finders.raw.isEmpty, !text.isEmpty {
      encodeStretch(text, 0..<text.count, parsingSpecial, &workspace, &ids)
    } else {
      finders.raw.forEachStretch(in: text, includingControl: parsingSpecial) { range, id in
        if let id {
          ids.append(Int(id))
        } else {
          encodeStretch(text, range, parsingSpecial, &workspace, &ids)
        }
      }
    }
    if addingSpecial { ids += description.suffixIDs }
    return ids
  }

  private func encodeStretch(
    _ text: [UInt8], _ range: Range<Int>, _ parsingSpecial: Bool, _ workspace: inout Workspace,
    _ ids: inout [Int]
  ) {
    let isFirst = range.lowerBound == 0 && keepsFirst(text, &workspace)
    guard !normalizers.isEmpty || !finders.normalized.isEmpty else {
      encodePieces(text, range, isFirst: isFirst, &workspace, &ids)
      return
    }
    var buffer = Array(text[range])
    normalize(&buffer, &workspace)
    guard !finders.normalized.isEmpty else {
      encodePieces(buffer, 0..<buffer.count, isFirst: isFirst, &workspace, &ids)
      return
    }
    finders.normalized.forEachStretch(in: buffer, includingControl: parsingSpecial) { part, id in
      if let id {
        ids.append(Int(id))
      } else {
        encodePieces(
          buffer, part, isFirst: isFirst && part.lowerBound == 0, &workspace, &ids)
      }
    }
  }

  private func encodePieces(
    _ text: [UInt8], _ range: Range<Int>, isFirst: Bool, _ workspace: inout Workspace,
    _ ids: inout [Int]
  ) {
    workspace.pieces.reset(text, range)
    for cutter in cutters { cutter.apply(to: &workspace.pieces, isFirst: isFirst) }
    let pieces = workspace.pieces
    for piece in pieces.ranges {
      let isCached = cachesPieces && piece.count <= WordCache.longestPiece
      var hash: UInt64 = 0
      if isCached {
        hash = workspace.cache.hash(pieces.text, piece)
        if workspace.cache.append(pieces.text, piece, hash: hash, to: &ids) { continue }
      }
      workspace.pieceIDs.removeAll(keepingCapacity: true)
      encodePiece(pieces.text, piece, &workspace)
      for id in workspace.pieceIDs { ids.append(Int(id)) }
      if isCached {
        workspace.cache.insert(pieces.text, piece, hash: hash, workspace.pieceIDs)
      }
    }
  }

  /// Appends the tokens of a piece to `workspace.pieceIDs`.
  private func encodePiece(_ text: [UInt8], _ range: Range<Int>, _ workspace: inout Workspace) {
    switch model {
    case .bpe(let model):
      model.encode(text, range, &workspace.merger, into: &workspace.pieceIDs)
    case .unigram(let model):
      model.encode(text, range, &workspace.paths, into: &workspace.pieceIDs)
    case .wordPiece(let model): model.encode(text, range, into: &workspace.pieceIDs)
    case .wordLevel(let model): model.encode(text, range, into: &workspace.pieceIDs)
    case .sentencePiece(let model):
      model.encode(text, range, &workspace.merger, into: &workspace.pieceIDs)
    }
  }
}

extension TokenizerPipeline {
  fileprivate func validate(tokenCount: Int) throws(TokenizerError) {
    let named =
      addedTokens.map { ("an added token", $0.id) } + prefixIDs.map { ("the prefix", $0) }
      + suffixIDs.map { ("the suffix", $0) }
    for (name, id) in named where !(0..<tokenCount).contains(id) {
      throw TokenizerError(
        .idOutOfRange, "\(name) has the id \(id), expected one from 0 to \(tokenCount - 1)",
        remedy: "correct the id in the tokenizer's file")
    }
    if case .unigram(let unigram) = model, unigram.scores.count > tokenCount {
      throw TokenizerError(
        .mismatchedLists,
        "the vocabulary has \(unigram.scores.count) scores for \(tokenCount) tokens",
        remedy: "check that the file is intact, or convert the model again")
    }
  }
}
