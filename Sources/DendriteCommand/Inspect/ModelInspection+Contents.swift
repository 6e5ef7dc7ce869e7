// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

extension ModelInspection {
  // MARK: Tokenizer

  var tokenizerSection: Part {
    switch vocabulary {
    case .failure(let error): unreadable("Tokenizer", key: "tokenizer", error)
    case .success(let vocabulary):
      (
        .init(title: "Tokenizer", facts: Self.facts(vocabulary)),
        .init("tokenizer", Self.json(vocabulary))
      )
    }
  }

  private static func facts(_ vocabulary: VocabularyDescription) -> [Report.Fact] {
    let ids = specialIDs(vocabulary).compactMap { name, id in
      id.map { "\(name) \($0) \(token($0, vocabulary))" }
    }
    let stops = vocabulary.stopIDs.sorted().map { "\($0) \(token($0, vocabulary))" }
    var additions: [String] = []
    if vocabulary.addsBOS { additions.append("bos before") }
    if vocabulary.addsEOS { additions.append("eos after") }
    if vocabulary.addsSpacePrefix { additions.append("a space before") }
    let (format, _) = PromptFormat.detect(in: vocabulary.chatTemplate)
    return [
      .init("kind", kind(vocabulary)),
      .init("tokens", Figures.text(vocabulary.tokens.count)),
      .init("special", ids.isEmpty ? "none" : ids.joined(separator: ", ")),
      .init("ends a text", stops.isEmpty ? "none" : stops.joined(separator: ", ")),
      .init("adds to text", additions.isEmpty ? "nothing" : additions.joined(separator: ", ")),
      .init(
        "chat template",
        vocabulary.chatTemplate == nil
          ? "no" : format == .plain ? "yes, of an unknown kind" : "yes (\(format.name))"),
    ]
  }

  private static func kind(_ vocabulary: VocabularyDescription) -> String {
    switch vocabulary.kind {
    case .sentencePieceBPE: "SentencePiece BPE"
    case .byteLevelBPE(let preTokenizer): "byte-level BPE, split as \(preTokenizer.rawValue)"
    case .pipeline(let chain): chain.description
    }
  }

  private static func specialIDs(_ vocabulary: VocabularyDescription) -> [(String, Int?)] {
    [
      ("bos", vocabulary.bosID), ("eos", vocabulary.eosID), ("eot", vocabulary.eotID),
      ("unknown", vocabulary.unknownID), ("padding", vocabulary.paddingID),
    ]
  }

  private static func token(_ id: Int, _ vocabulary: VocabularyDescription) -> String {
    vocabulary.tokens.indices.contains(id) ? vocabulary.tokens[id] : "?"
  }

  private static func json(_ vocabulary: VocabularyDescription) -> JSONValue {
    let ids = specialIDs(vocabulary).map { name, id in
      JSONValue.Member("\(name)_id", id.map { .integer($0) } ?? .null)
    }
    let (format, _) = PromptFormat.detect(in: vocabulary.chatTemplate)
    let before: [JSONValue.Member] = [
      .init("kind", .string(kind(vocabulary))),
      .init("tokens", .integer(vocabulary.tokens.count)),
    ]
    let after: [JSONValue.Member] = [
      .init("stop_ids", .array(vocabulary.stopIDs.sorted().map { .integer($0) })),
      .init("adds_bos", .bool(vocabulary.addsBOS)),
      .init("adds_eos", .bool(vocabulary.addsEOS)),
      .init("adds_space_prefix", .bool(vocabulary.addsSpacePrefix)),
      .init("chat_template", .bool(vocabulary.chatTemplate != nil)),
      .init("chat_format", .string(format.name)),
    ]
    return .object(before + ids + after)
  }

  // MARK: Tensors

  var tensorSummary: Part {
    var table = Table([
      .words("type"), .figures("tensors"), .figures("values"), .figures("size"),
    ])
    var members: [JSONValue] = []
    for (type, tensors) in tensorsByType {
      let values = tensors.reduce(0) { $0 + $1.elementCount }
      let bytes = tensors.reduce(0) { $0 + $1.byteCount }
      table.append([
        type.name, "\(tensors.count)", Figures.text(values), MemoryBudget.text(bytes),
      ])
      members.append(
        .object([
          .init("type", .string(type.name)), .init("tensors", .integer(tensors.count)),
          .init("values", .integer(values)), .init("bytes", .integer(bytes)),
        ]))
    }
    let section: InspectionReport.Section =
      members.isEmpty
      ? .init(title: "Tensors", facts: [.init("none", "a vocabulary or settings alone")])
      : .init(title: "Tensors", table: table)
    return (section, .init("tensor_types", .array(members)))
  }

  /// Tensors grouped by their type, the type with most bytes first.
  private var tensorsByType: [(TensorType, [TensorInfo])] {
    Dictionary(grouping: file.tensors, by: \.type)
      .map { ($0.key, $0.value, $0.value.reduce(0) { $0 + $1.byteCount }) }
      .sorted { ($0.2, $1.0.rawValue) > ($1.2, $0.0.rawValue) }
      .map { ($0.0, $0.1) }
  }

  var tensorList: Part {
    var table = Table([
      .words("tensor"), .words("type"), .figures("shape"), .figures("size"),
    ])
    var members: [JSONValue] = []
    for tensor in file.tensors {
      let isRowsFirst = file is ModelDirectory
      let lengths = isRowsFirst ? tensor.shape.reversed() : tensor.shape
      let shape = lengths.map(String.init).joined(separator: " × ")
      table.append([tensor.name, tensor.type.name, shape, MemoryBudget.text(tensor.byteCount)])
      members.append(
        .object([
          .init("name", .string(tensor.name)), .init("type", .string(tensor.type.name)),
          .init("shape", .array(lengths.map { .integer($0) })),
          .init("bytes", .integer(tensor.byteCount)),
        ]))
    }
    return (.init(title: "Tensors", table: table), .init("tensors", .array(members)))
  }

  // MARK: Memory

  func memorySection(_ model: ModelConfiguration) -> Part {
    let packed = CPUTransformer.packedByteCount(of: file)
    var table = Table([.words("cache")] + CacheType.allCases.map { .figures($0.rawValue) })
    var members: [JSONValue] = []
    for tokens in Set([1024, model.contextLength]).sorted() {
      let bytes = CacheType.allCases.map {
        tokens * CPUTransformer.cacheByteCount(of: model, type: $0)
      }
      let note = tokens == model.contextLength ? " (full context)" : ""
      table.append(["\(Figures.text(tokens)) tokens\(note)"] + bytes.map { MemoryBudget.text($0) })
      members.append(
        .object(
          [.init("tokens", .integer(tokens))]
            + zip(CacheType.allCases, bytes).map { .init("\($0.rawValue)_bytes", .integer($1)) }))
    }
    return (
      .init(
        title: "Memory",
        facts: [
          .init("file", "\(MemoryBudget.text(file.fileByteCount)), mapped while it is read"),
          .init("packed", "\(MemoryBudget.text(packed)), the weights as the kernels want them"),
        ], table: table),
      .init(
        "memory",
        .object([
          .init("file_bytes", .integer(file.fileByteCount)),
          .init("packed_bytes", .integer(packed)), .init("caches", .array(members)),
        ]))
    )
  }

  // MARK: Metadata

  var metadataSection: Part {
    var table = Table([.words("key"), .words("value")])
    var members: [JSONValue.Member] = []
    if let metadata = (file as? GGUFFile)?.metadata {
      for key in metadata.keys {
        guard let value = metadata[key] else { continue }
        table.append([key, "\(value)"])
        members.append(.init(key, Self.json(value)))
      }
    }
    for (key, value) in (file as? ModelDirectory)?.configurationKeys ?? [] {
      table.append([key, value])
      members.append(.init(key, .string(value)))
    }
    return (.init(title: "Metadata", table: table), .init("metadata", .object(members)))
  }

  /// Elements of an array that are shown; of vocabularies nobody wants to see all.
  private static let longestArray = 16

  private static func json(_ value: MetadataValue) -> JSONValue {
    func array<T>(_ values: [T], _ element: (T) -> JSONValue) -> JSONValue {
      let first = JSONValue.array(values.prefix(longestArray).map(element))
      return values.count <= longestArray
        ? first : .object([.init("count", .integer(values.count)), .init("first", first)])
    }
    return switch value {
    case .integer(let number): .integer(Int(number))
    case .unsigned(let number): .string("\(number)")
    case .float(let number): .number(number)
    case .bool(let value): .bool(value)
    case .string(let text): .string(text)
    case .integers(let values): array(values) { .integer(Int($0)) }
    case .floats(let values): array(values) { .number(Double($0)) }
    case .doubles(let values): array(values) { .number($0) }
    case .bools(let values): array(values) { .bool($0) }
    case .strings(let values): array(values) { .string($0) }
    }
  }
}
