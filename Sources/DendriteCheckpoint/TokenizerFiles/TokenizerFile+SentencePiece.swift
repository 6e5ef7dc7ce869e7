// SPDX-License-Identifier: Apache-2.0

package import DendriteTokenizer

extension TokenizerFile {
  /// The description that a SentencePiece model file gives.
  ///
  /// BOS is put before a text if the model is BPE (as Llama's and Gemma's are) unless the
  /// configuration says otherwise; SentencePiece itself leaves that to its user.
  ///
  /// - Parameters:
  ///   - sentencePiece: The bytes of the file.
  ///   - companions: The files beside it.
  /// - Returns: the description.
  /// - Throws: as ``read(sentencePiece:configuration:)``.
  package static func description(
    sentencePiece: [UInt8], _ companions: Companions = Companions()
  ) throws(CheckpointError) -> VocabularyDescription {
    let file: SentencePieceFile
    do {
      file = try SentencePieceFile(sentencePiece)
    } catch {
      throw CheckpointError(
        .malformed,
        "tokenizer.model is no SentencePiece model: \(error.problem) at byte \(error.position) of "
          + "\(sentencePiece.count)",
        remedy: HeaderReader.downloadAgain)
    }
    guard !file.pieces.isEmpty else {
      throw CheckpointError(
        .malformed, "tokenizer.model has no pieces, expected a vocabulary",
        remedy: HeaderReader.downloadAgain)
    }
    var vocabulary = VocabularyDescription(
      kind: .sentencePieceBPE, tokens: file.pieces.map(\.text), types: file.pieces.map(\.type))
    vocabulary.scores = file.pieces.map(\.score)
    vocabulary.unknownID = file.pieces.firstIndex { $0.type == .unknown }
    vocabulary.bosID = file.id(of: file.bosPiece)
    vocabulary.eosID = file.id(of: file.eosPiece)
    vocabulary.paddingID = file.id(of: file.padPiece)

    var pipeline = TokenizerPipeline(model: try file.model())
    pipeline.addedTokens = vocabulary.types.enumerated().compactMap { id, type in
      switch type {
      case .control, .unknown: TokenizerPipeline.AddedToken(id: id, isSpecial: true)
      case .userDefined:
        TokenizerPipeline.AddedToken(id: id, isNormalized: true, isModelPiece: true)
      case .normal, .unused, .byte: nil
      }
    }
    var normalization = file.normalization
    normalization.protectedTexts = file.pieces.filter { $0.type == .userDefined }.map(\.text)
    pipeline.normalizers = [.sentencePiece(normalization)]
    pipeline.decoders = [.replace(.literal("▁"), with: " "), .byteFallback, .fuse]
    if normalization.addsDummyPrefix || normalization.removesExtraWhitespace {
      pipeline.decoders.insert(
        .leadingMark("▁", repeats: normalization.removesExtraWhitespace), at: 0)
    }
    if case .sentencePieceBPE = pipeline.model, let id = vocabulary.bosID {
      pipeline.prefixIDs = [id]
    }
    vocabulary.kind = .pipeline(pipeline)
    try SpecialTokens.apply(companions, to: &vocabulary)
    return vocabulary
  }
}

/// A SentencePiece model, as its protocol buffer has it.
///
/// - Source: google/sentencepiece, `sentencepiece_model.proto`, for fields and defaults.
struct SentencePieceFile {
  /// A piece of the vocabulary; its id is its place.
  struct Piece {
    var text = ""
    var score: Float = 0
    var type = VocabularyDescription.TokenType.normal
  }

  private(set) var pieces: [Piece] = []
  private var modelType: UInt64 = 1
  private var fallsBackToBytes = false
  private(set) var bosPiece = "<s>"
  private(set) var eosPiece = "</s>"
  private(set) var padPiece = "<pad>"
  private(set) var normalization = SentencePieceNormalization()

  private let bytes: [UInt8]

  /// Reads a file.
  ///
  /// - Throws: what is wrong, and where.
  init(_ bytes: [UInt8]) throws(ProtobufReader.Failure) {
    self.bytes = bytes
    var reader = ProtobufReader(bytes, 0..<bytes.count)
    while let (number, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      switch number {
      case 1: try readPiece(range)
      case 2: try readTrainer(range)
      case 3: try readNormalizer(range)
      default: break
      }
    }
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
  }

  private mutating func readPiece(_ range: Range<Int>) throws(ProtobufReader.Failure) {
    var piece = Piece()
    var reader = ProtobufReader(bytes, range)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let range)): piece.text = text(range)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .number(let type)):
        // The numbers are those of GGUF, which took them from here.
        guard let type = VocabularyDescription.TokenType(rawValue: Int(clamping: type)) else {
          throw ProtobufReader.Failure(
            problem: "a piece of type \(type)", position: range.lowerBound)
        }
        piece.type = type
      default: break
      }
    }
    pieces.append(piece)
  }

  private mutating func readTrainer(_ range: Range<Int>) throws(ProtobufReader.Failure) {
    var reader = ProtobufReader(bytes, range)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (3, .number(let type)): modelType = type
      case (24, .number(let flag)): normalization.treatsWhitespaceAsSuffix = flag != 0
      case (35, .number(let flag)): fallsBackToBytes = flag != 0
      case (46, .bytes(let range)): bosPiece = text(range)
      case (47, .bytes(let range)): eosPiece = text(range)
      case (48, .bytes(let range)): padPiece = text(range)
      default: break
      }
    }
  }

  private mutating func readNormalizer(_ range: Range<Int>) throws(ProtobufReader.Failure) {
    var reader = ProtobufReader(bytes, range)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (2, .bytes(let range)): normalization.charsmap = Array(bytes[range])
      case (3, .number(let flag)): normalization.addsDummyPrefix = flag != 0
      case (4, .number(let flag)): normalization.removesExtraWhitespace = flag != 0
      default: break
      }
    }
  }

  /// The id of a control piece.
  func id(of name: String) -> Int? {
    pieces.firstIndex { $0.type == .control && $0.text.utf8.elementsEqual(name.utf8) }
  }

  /// The algorithm.
  ///
  /// - Throws: `.unsupportedVocabulary` for models of whole words or single characters.
  func model() throws(CheckpointError) -> PipelineModel {
    switch modelType {
    case 1:
      var unigram = PipelineModel.Unigram(scores: pieces.map { Double($0.score) })
      unigram.fallsBackToBytes = fallsBackToBytes
      unigram.hasSinglePrecision = true
      return .unigram(unigram)
    case 2: return .sentencePieceBPE
    default:
      throw CheckpointError(
        .unsupportedVocabulary,
        "tokenizer.model is of type \(modelType), expected 1 (Unigram) or 2 (BPE)",
        remedy: "choose a model with one of these tokenizers; others are not supported")
    }
  }
}
