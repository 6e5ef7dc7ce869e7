// SPDX-License-Identifier: Apache-2.0

internal import DendriteTokenizer

/// What the files beside a tokenizer say about single tokens.
enum SpecialTokens {
  /// Fills in BOS, EOS and their like, the stop set and the chat template.
  static func apply(
    _ companions: TokenizerFile.Companions, to vocabulary: inout VocabularyDescription
  ) throws(CheckpointError) {
    let configuration = try companions.configuration.map { bytes throws(CheckpointError) in
      try TokenizerField(bytes, name: "tokenizer_config.json")
    }
    let map = try companions.specialTokens.map { bytes throws(CheckpointError) in
      try TokenizerField(bytes, name: "special_tokens_map.json")
    }
    func text(_ key: String) throws(CheckpointError) -> String? {
      guard let field = configuration?[key] ?? map?[key] else { return nil }
      if let content = field["content"] { return try content.string() }
      // Some files have `false` or other odd values where there is no token.
      if case .string(let text) = field.value { return text }
      return nil
    }
    let keys = ["bos_token", "eos_token", "pad_token", "unk_token"]
    var names: [String: String] = [:]
    for key in keys { names[key] = try text(key) }
    let ids = ids(of: Array(names.values), in: vocabulary)
    func id(_ key: String) -> Int? { names[key].flatMap { ids[Array($0.utf8)] } }
    vocabulary.bosID = id("bos_token") ?? vocabulary.bosID
    vocabulary.eosID = id("eos_token") ?? vocabulary.eosID
    vocabulary.paddingID = id("pad_token") ?? vocabulary.paddingID
    vocabulary.unknownID = vocabulary.unknownID ?? id("unk_token")
    try applyFlags(configuration, to: &vocabulary)
    try applyStops(companions.generation, to: &vocabulary)
    vocabulary.chatTemplate = try template(companions.chatTemplate, configuration)
  }

  private static func ids(
    of names: [String], in vocabulary: VocabularyDescription
  ) -> [[UInt8]: Int] {
    let wanted = Set(names.map { Array($0.utf8) })
    var ids: [[UInt8]: Int] = [:]
    for (id, token) in vocabulary.tokens.enumerated() {
      let key = Array(token.utf8)
      if wanted.contains(key), ids[key] == nil { ids[key] = id }
    }
    return ids
  }

  /// Decides whether BOS and EOS are added.
  ///
  /// Classes that obey their flags build their template from them;
  /// for others the template of the file decides.
  private static func applyFlags(
    _ configuration: TokenizerField?, to vocabulary: inout VocabularyDescription
  ) throws(CheckpointError) {
    guard case .pipeline(var pipeline) = vocabulary.kind else { return }
    let name = try configuration?["tokenizer_class"]?.string() ?? ""
    let obeysFlags = ["Llama", "Gemma", "Cohere"].contains { name.contains($0) }
    if obeysFlags, let id = vocabulary.bosID, let flag = configuration?["add_bos_token"] {
      let adds = try flag.bool()
      if !adds { pipeline.prefixIDs.removeAll { $0 == id } }
      if adds, !pipeline.prefixIDs.contains(id) { pipeline.prefixIDs.insert(id, at: 0) }
    }
    if obeysFlags, let id = vocabulary.eosID, let flag = configuration?["add_eos_token"] {
      let adds = try flag.bool()
      if !adds { pipeline.suffixIDs.removeAll { $0 == id } }
      if adds, !pipeline.suffixIDs.contains(id) { pipeline.suffixIDs.append(id) }
    }
    if vocabulary.bosID == nil, pipeline.prefixIDs.count == 1 {
      vocabulary.bosID = pipeline.prefixIDs.first
    }
    vocabulary.addsBOS = vocabulary.bosID.map { pipeline.prefixIDs == [$0] } ?? false
    vocabulary.addsEOS = vocabulary.eosID.map { pipeline.suffixIDs == [$0] } ?? false
    vocabulary.kind = .pipeline(pipeline)
  }

  /// The ids that end generation: those of `generation_config.json` with the tokenizer's EOS; tokens
  /// of known texts where the file is silent.
  private static func applyStops(
    _ generation: [UInt8]?, to vocabulary: inout VocabularyDescription
  ) throws(CheckpointError) {
    var stops: Set<Int> = []
    if let generation,
      let field = try TokenizerField(generation, name: "generation_config.json")["eos_token_id"]
    {
      if case .array = field.value {
        for id in try field.elements() { stops.insert(try id.count()) }
      } else {
        stops.insert(try field.count())
      }
      // A model may have more rows than its tokenizer has tokens.
      stops = stops.filter { $0 < vocabulary.tokens.count }
    }
    if let id = vocabulary.eosID { stops.insert(id) }
    if generation == nil || stops.isEmpty {
      stops = StopTokens.ids(in: vocabulary.tokens, beside: stops)
    }
    vocabulary.stopIDs = stops
  }

  private static func template(
    _ file: [UInt8]?, _ configuration: TokenizerField?
  ) throws(CheckpointError) -> String? {
    if let file { return String(decoding: file, as: UTF8.self) }
    guard let field = configuration?["chat_template"] else { return nil }
    guard case .array = field.value else { return try field.string() }
    var first: String?
    for entry in try field.elements() {
      let template = try entry.required("template").string()
      if try entry.required("name").string() == "default" { return template }
      first = first ?? template
    }
    return first
  }
}
