// SPDX-License-Identifier: Apache-2.0

internal import DendriteTokenizer

/// Translates the steps of `tokenizer.json`.
enum TokenizerSteps {
  /// Most steps of one kind; a published file has fewer than ten.
  private static let mostSteps = 256

  /// The steps of a field: those of a sequence one after the other, nothing where it is missing.
  static func steps<Step>(
    _ field: TokenizerField?, member: String,
    _ translate: (TokenizerField, String) throws(CheckpointError) -> [Step]
  ) throws(CheckpointError) -> [Step] {
    guard let field else { return [] }
    let type = try field.required("type").string()
    guard type == "Sequence" else { return try translate(field, type) }
    var steps: [Step] = []
    for part in try field.required(member).elements() {
      steps += try self.steps(part, member: member, translate)
      guard steps.count <= mostSteps else { throw field.error("at most \(mostSteps) steps") }
    }
    return steps
  }

  private static func unknown(_ field: TokenizerField, _ what: String) -> CheckpointError {
    (field["type"] ?? field).error(what, code: .unsupportedVocabulary)
  }

  // MARK: Normalisers

  static func normalizers(_ field: TokenizerField?) throws(CheckpointError) -> [NormalizerStep] {
    try steps(field, member: "normalizers") { field, type throws(CheckpointError) in
      switch type {
      case "NFC": return [.nfc]
      case "NFD": return [.nfd]
      case "NFKC": return [.nfkc]
      case "NFKD": return [.nfkd]
      case "Lowercase": return [.lowercase]
      case "StripAccents": return [.stripAccents]
      case "Nmt": return [.nmt]
      case "ByteLevel": return [.byteLevel]
      case "Strip":
        return [
          .strip(
            left: try field.bool("strip_left", true), right: try field.bool("strip_right", true))
        ]
      case "Prepend": return [.prepend(try field.required("prepend").string())]
      case "Replace":
        return [.replace(try pattern(field), with: try field.required("content").string())]
      case "Precompiled":
        guard let charsmap = field["precompiled_charsmap"] else { return [] }
        guard let bytes = Base64.decode(Array(try charsmap.string().utf8)) else {
          throw charsmap.error("base64")
        }
        return [.precompiled(bytes)]
      case "BertNormalizer":
        let lowercases = try field.bool("lowercase", true)
        return [
          .bert(
            cleansText: try field.bool("clean_text", true),
            handlesChinese: try field.bool("handle_chinese_chars", true),
            stripsAccents: try field.bool("strip_accents", lowercases), lowercases: lowercases)
        ]
      default: throw unknown(field, "the name of a normalizer")
      }
    }
  }

  private static func pattern(_ field: TokenizerField) throws(CheckpointError) -> SearchPattern {
    let pattern = try field.required("pattern")
    if let literal = pattern["String"] { return .literal(try literal.string()) }
    if let regex = pattern["Regex"] { return .regex(try regex.string()) }
    throw pattern.error("an object with 'String' or 'Regex'")
  }

  // MARK: Pre-tokenizers

  static func preTokenizers(
    _ field: TokenizerField?
  ) throws(CheckpointError) -> [PreTokenizerStep] {
    try steps(field, member: "pretokenizers") { field, type throws(CheckpointError) in
      switch type {
      case "ByteLevel":
        return [
          .byteLevel(
            addsPrefixSpace: try field.bool("add_prefix_space", true),
            usesPattern: try field.bool("use_regex", true))
        ]
      case "Split":
        return [
          .split(
            try pattern(field), try behavior(field.required("behavior")),
            isInverted: try field.bool("invert", false))
        ]
      case "Metaspace":
        let (mark, scheme) = try metaspace(field)
        return [.metaspace(mark: mark, scheme, splits: try field.bool("split", true))]
      case "Whitespace": return [.whitespace]
      case "WhitespaceSplit": return [.whitespaceSplit]
      case "Punctuation":
        return [.punctuation(try field["behavior"].map(behavior) ?? .isolated)]
      case "Digits": return [.digits(areIndividual: try field.bool("individual_digits", false))]
      case "BertPreTokenizer": return [.bert]
      case "CharDelimiterSplit", "Delimiter":
        return [
          .split(
            .literal(try field.required("delimiter").string()), .removed, isInverted: false)
        ]
      case "UnicodeScripts": return [.scripts]
      case "FixedLength": return [.fixedLength(try field["length"]?.count() ?? 5)]
      default: throw unknown(field, "the name of a pre-tokenizer")
      }
    }
  }

  private static func behavior(
    _ field: TokenizerField
  ) throws(CheckpointError) -> PreTokenizerStep.Behavior {
    guard let behavior = PreTokenizerStep.Behavior(rawValue: try field.string()) else {
      throw field.error(
        PreTokenizerStep.Behavior.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return behavior
  }

  private static func metaspace(
    _ field: TokenizerField
  ) throws(CheckpointError) -> (mark: String, PreTokenizerStep.PrependScheme) {
    let mark = try field.string("replacement", "▁")
    guard mark.unicodeScalars.count == 1 else {
      throw (field["replacement"] ?? field).error("one character")
    }
    guard let scheme = field["prepend_scheme"] else {
      return (mark, try field.bool("add_prefix_space", true) ? .always : .never)
    }
    guard let known = PreTokenizerStep.PrependScheme(rawValue: try scheme.string()) else {
      throw scheme.error("always, first, never")
    }
    return (mark, known)
  }

  // MARK: Decoders

  static func decoders(_ field: TokenizerField?) throws(CheckpointError) -> [DecoderStep] {
    try steps(field, member: "decoders") { field, type throws(CheckpointError) in
      switch type {
      case "ByteLevel": return [.byteLevel]
      case "ByteFallback": return [.byteFallback]
      case "Fuse": return [.fuse]
      case "WordPiece":
        return [
          .wordPiece(
            prefix: try field.string("prefix", "##"), cleansUp: try field.bool("cleanup", true))
        ]
      case "Metaspace":
        let (mark, scheme) = try metaspace(field)
        return [.metaspace(mark: mark, dropsFirst: scheme != .never)]
      case "BPEDecoder": return [.bpe(suffix: try field.string("suffix", "</w>"))]
      case "CTC":
        return [
          .ctc(
            pad: try field.string("pad_token", "<pad>"),
            delimiter: try field.string("word_delimiter_token", "|"),
            cleansUp: try field.bool("cleanup", true))
        ]
      case "Strip":
        return [
          .strip(
            try field.required("content").string(), start: try field["start"]?.count() ?? 0,
            stop: try field["stop"]?.count() ?? 0)
        ]
      case "Replace":
        return [.replace(try pattern(field), with: try field.required("content").string())]
      default: throw unknown(field, "the name of a decoder")
      }
    }
  }

  // MARK: Post-processors

  /// What is put before and behind a text.
  struct Affixes {
    var prefix: [Int] = []
    var suffix: [Int] = []
  }

  static func affixes(_ field: TokenizerField?) throws(CheckpointError) -> Affixes {
    var affixes = Affixes()
    let parts = try steps(field, member: "processors") { field, type throws(CheckpointError) in
      switch type {
      case "ByteLevel": return [Affixes]()
      case "BertProcessing", "RobertaProcessing":
        return [
          Affixes(prefix: [try tokenID(field, "cls")], suffix: [try tokenID(field, "sep")])
        ]
      case "TemplateProcessing": return [try template(field)]
      default: throw unknown(field, "the name of a post-processor")
      }
    }
    for part in parts {
      affixes.prefix = part.prefix + affixes.prefix
      affixes.suffix += part.suffix
    }
    return affixes
  }

  /// The id in a pair of name and id.
  private static func tokenID(
    _ field: TokenizerField, _ key: String
  ) throws(CheckpointError) -> Int {
    let pair = try field.required(key)
    let parts = try pair.elements()
    guard parts.count == 2 else { throw pair.error("a name and an id") }
    return try parts[1].count()
  }

  private static func template(_ field: TokenizerField) throws(CheckpointError) -> Affixes {
    let single = try field.required("single")
    var affixes = Affixes()
    var sequences = 0
    for part in try single.elements() {
      if part["Sequence"] != nil {
        sequences += 1
        continue
      }
      let name = try part.required("SpecialToken").required("id").string()
      let token = try field.required("special_tokens").required(name)
      for id in try token.required("ids").elements() {
        if sequences == 0 {
          affixes.prefix.append(try id.count())
        } else {
          affixes.suffix.append(try id.count())
        }
      }
    }
    guard sequences == 1 else {
      throw single.error("a template with one text in it", code: .unsupportedVocabulary)
    }
    return affixes
  }
}
