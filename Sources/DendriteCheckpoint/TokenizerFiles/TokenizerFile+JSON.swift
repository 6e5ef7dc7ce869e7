// SPDX-License-Identifier: Apache-2.0

package import DendriteTokenizer

extension TokenizerFile {
  /// The description that a `tokenizer.json` gives.
  ///
  /// - Parameters:
  ///   - json: The bytes of the file.
  ///   - companions: The files beside it.
  /// - Returns: the description.
  /// - Throws: as ``read(json:configuration:)``.
  package static func description(
    json: [UInt8], _ companions: Companions = Companions()
  ) throws(CheckpointError) -> VocabularyDescription {
    let root = try TokenizerField(json, name: "tokenizer.json")
    let model = try root.required("model")
    var tokens = TokenCollector()
    var pipeline = TokenizerPipeline(model: .wordLevel)
    pipeline.normalizers = try TokenizerSteps.normalizers(root["normalizer"])
    pipeline.preTokenizers = try TokenizerSteps.preTokenizers(root["pre_tokenizer"])
    pipeline.decoders = try TokenizerSteps.decoders(root["decoder"])
    pipeline.model = try TokenizerModel.read(model, &tokens)
    pipeline.addedTokens = try addedTokens(root["added_tokens"], &tokens)
    let affixes = try TokenizerSteps.affixes(root["post_processor"])
    pipeline.prefixIDs = affixes.prefix
    pipeline.suffixIDs = affixes.suffix

    var vocabulary = VocabularyDescription(
      kind: .pipeline(pipeline), tokens: tokens.texts, types: tokens.types)
    vocabulary.unknownID = try TokenizerModel.unknownID(model, tokens)
    try SpecialTokens.apply(companions, to: &vocabulary)
    return vocabulary
  }

  private static func addedTokens(
    _ field: TokenizerField?, _ tokens: inout TokenCollector
  ) throws(CheckpointError) -> [TokenizerPipeline.AddedToken] {
    guard let field else { return [] }
    var added: [TokenizerPipeline.AddedToken] = []
    var contents: [String] = []
    for entry in try field.elements() { contents.append(try entry.required("content").string()) }
    let modelIDs = tokens.ids(of: contents)
    for entry in try field.elements() {
      let content = try entry.required("content").string()
      guard !content.isEmpty else { continue }
      let isSpecial = try entry.bool("special", false)
      let known = modelIDs[Array(content.utf8)]
      let id = if let known { known } else { try entry.required("id").count() }
      try tokens.set(content, id, isSpecial ? .control : .userDefined, entry)
      added.append(
        TokenizerPipeline.AddedToken(
          id: id, isSpecial: isSpecial,
          isNormalized: try entry.bool("normalized", !isSpecial),
          isSingleWord: try entry.bool("single_word", false),
          stripsLeft: try entry.bool("lstrip", false),
          stripsRight: try entry.bool("rstrip", false), isModelPiece: known != nil))
    }
    return added
  }
}

/// Tokens by their ids, while a file is read.
struct TokenCollector {
  private(set) var texts: [String] = []
  private(set) var types: [VocabularyDescription.TokenType] = []
  /// Ids that were given, holes left out.
  private var count = 0

  /// Gives a token its id.
  ///
  /// - Throws: `.invalidValue` where the id belongs to another token or leaves too large a hole.
  mutating func set(
    _ text: String, _ id: Int, _ type: VocabularyDescription.TokenType, _ field: TokenizerField
  ) throws(CheckpointError) {
    // Ids may have holes, but memory must follow the file, not a number in it.
    guard id < 4 * (count + 1) + 65_536 || id < 1 << 20 else {
      throw field.error("ids without holes; \(id) belongs to \(quoted(text))")
    }
    while texts.count <= id {
      texts.append("")
      types.append(.unused)
    }
    if types[id] == .unused {
      count += 1
    } else if !texts[id].utf8.elementsEqual(text.utf8) {
      throw field.error("one token for each id; \(id) is \(quoted(texts[id])) and \(quoted(text))")
    }
    texts[id] = text
    types[id] = type
  }

  /// The ids of some texts, as far as they are tokens.
  func ids(of wanted: [String]) -> [[UInt8]: Int] {
    let wanted = Set(wanted.map { Array($0.utf8) })
    var ids: [[UInt8]: Int] = [:]
    guard !wanted.isEmpty else { return ids }
    for (id, text) in texts.enumerated() where types[id] != .unused {
      let key = Array(text.utf8)
      if wanted.contains(key) { ids[key] = id }
    }
    return ids
  }
}
