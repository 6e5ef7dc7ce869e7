// SPDX-License-Identifier: Apache-2.0

internal import DendriteTokenizer

/// Translates the model of `tokenizer.json`.
enum TokenizerModel {
  /// Reads the model and its vocabulary.
  static func read(
    _ field: TokenizerField, _ tokens: inout TokenCollector
  ) throws(CheckpointError) -> PipelineModel {
    let type = try kind(field)
    switch type {
    case "BPE":
      try readVocabulary(field, &tokens)
      return .bpe(try bpe(field))
    case "WordPiece":
      try readVocabulary(field, &tokens)
      return .wordPiece(
        continuingPrefix: try field.string("continuing_subword_prefix", "##"),
        longestWord: try field["max_input_chars_per_word"]?.count() ?? 100)
    case "WordLevel":
      try readVocabulary(field, &tokens)
      return .wordLevel
    case "Unigram":
      let pieces = try field.required("vocab")
      guard case .array(let values) = pieces.value else { throw pieces.error("an array") }
      var scores: [Double] = []
      scores.reserveCapacity(values.count)
      for (id, value) in values.enumerated() {
        guard case .array(let pair) = value, pair.count == 2, case .string(let text) = pair[0],
          case .number(let score) = pair[1]
        else { throw pieces.error("a piece and its score in each place; \(id) has not") }
        try tokens.set(text, id, .normal, pieces)
        scores.append(score)
      }
      var unigram = PipelineModel.Unigram(scores: scores)
      unigram.fallsBackToBytes = try field.bool("byte_fallback", false)
      return .unigram(unigram)
    default:
      throw field.error(
        "a model of type BPE, Unigram, WordPiece or WordLevel; this is "
          + quoted(type), code: .unsupportedVocabulary)
    }
  }

  /// The type of a model; old files leave it out.
  private static func kind(_ field: TokenizerField) throws(CheckpointError) -> String {
    if let type = field["type"] { return try type.string() }
    if field["merges"] != nil { return "BPE" }
    if case .array = field["vocab"]?.value { return "Unigram" }
    return field["max_input_chars_per_word"] != nil ? "WordPiece" : "WordLevel"
  }

  private static func readVocabulary(
    _ field: TokenizerField, _ tokens: inout TokenCollector
  ) throws(CheckpointError) {
    let vocabulary = try field.required("vocab")
    guard case .object(let members) = vocabulary.value else { throw vocabulary.error("an object") }
    // In order of ids, so that holes show; files are sorted by id or by text.
    var entries: [(text: String, id: Int)] = []
    entries.reserveCapacity(members.count)
    for member in members {
      let place = TokenizerField(member.value, path: "\(vocabulary.path) \(quoted(member.key))")
      entries.append((member.key, try place.count()))
    }
    entries.sort { $0.id < $1.id }
    for entry in entries { try tokens.set(entry.text, entry.id, .normal, vocabulary) }
  }

  private static func bpe(_ field: TokenizerField) throws(CheckpointError) -> PipelineModel.BPE {
    if let dropout = field["dropout"], try dropout.double() > 0 {
      throw dropout.error(
        "none: with dropout a text has other tokens every time",
        code: .unsupportedVocabulary)
    }
    var bpe = PipelineModel.BPE(merges: try merges(field.required("merges")))
    bpe.continuingPrefix = try field.string("continuing_subword_prefix", "")
    bpe.endSuffix = try field.string("end_of_word_suffix", "")
    bpe.fusesUnknown = try field.bool("fuse_unk", false)
    bpe.fallsBackToBytes = try field.bool("byte_fallback", false)
    bpe.ignoresMerges = try field.bool("ignore_merges", false)
    return bpe
  }

  private static func merges(
    _ field: TokenizerField
  ) throws(CheckpointError) -> [PipelineModel.Merge] {
    guard case .array(let values) = field.value else { throw field.error("an array") }
    var merges: [PipelineModel.Merge] = []
    merges.reserveCapacity(values.count)
    for (rank, value) in values.enumerated() {
      switch value {
      case .string(let text) where rank == 0 && text.hasPrefix("#version"): continue
      case .string(let text):
        let halves = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard halves.count == 2, let left = String(halves[0]), let right = String(halves[1]) else {
          throw field.error("two pieces with a space between; merge \(rank) is \(quoted(text))")
        }
        merges.append(PipelineModel.Merge(left, right))
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1]
        else { throw field.error("pairs of pieces; merge \(rank) is \(value.kind)") }
        merges.append(PipelineModel.Merge(left, right))
      default: throw field.error("pairs of pieces; merge \(rank) is \(value.kind)")
      }
    }
    return merges
  }

  /// The id of the unknown token, named by its text or, in Unigram models, by its id.
  static func unknownID(
    _ field: TokenizerField, _ tokens: TokenCollector
  ) throws(CheckpointError) -> Int? {
    if let id = field["unk_id"] {
      let value = try id.count()
      guard value < tokens.texts.count else {
        throw id.error("an id below \(tokens.texts.count), the number of tokens")
      }
      return value
    }
    guard let name = field["unk_token"] else { return nil }
    let text = try name.string()
    return tokens.ids(of: [text])[Array(text.utf8)]
  }
}
