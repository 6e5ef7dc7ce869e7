// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// What is in a model file, or in a directory of one.
///
/// Parts that cannot be understood are reported as such, with the reason.
struct ModelInspection {
  let file: any ModelSource
  /// The sizes, if this package runs the model.
  let configuration: Result<ModelConfiguration, CheckpointError>
  /// The tokenizer's description, if this package reads it.
  let vocabulary: Result<VocabularyDescription, CheckpointError>

  /// Reads the header's parts; never fails, because a file that does not run can be looked at too.
  init(_ file: any ModelSource) {
    self.file = file
    configuration = Result { () throws(CheckpointError) in
      let model = try file.modelConfiguration()
      try file.checkTensors(for: model)
      return model
    }
    vocabulary = Result { () throws(CheckpointError) in try file.vocabularyDescription() }
  }

  /// The whole report.
  func report(listsTensors: Bool, listsMetadata: Bool) -> InspectionReport {
    var report = InspectionReport()
    add(fileSection, to: &report)
    add(architectureSection, to: &report)
    add(tokenizerSection, to: &report)
    add(listsTensors ? tensorList : tensorSummary, to: &report)
    if case .success(let model) = configuration { add(memorySection(model), to: &report) }
    if listsMetadata { add(metadataSection, to: &report) }
    return report
  }

  typealias Part = (section: InspectionReport.Section, member: JSONValue.Member)

  private func add(_ part: Part, to report: inout InspectionReport) {
    report.sections.append(part.section)
    report.members.append(part.member)
  }

  // MARK: File

  private var fileSection: Part {
    let path = (file as? ModelDirectory)?.path ?? file.paths[0]
    let gguf = file as? GGUFFile
    let name = (try? gguf?.metadata.string("general.name")) ?? (try? configuration.get().name)
    let keys = gguf?.metadata.count ?? (file as? ModelDirectory)?.configurationKeys.count ?? 0
    let shards = file.paths.count == 1 ? "" : " in \(file.paths.count) files"
    return (
      .init(
        title: String(path.split(separator: "/").last ?? "model"),
        facts: [
          .init("name", name ?? "none"),
          .init("format", gguf.map { "GGUF version \($0.version)" } ?? file.formatName),
          .init("size", "\(MemoryBudget.text(file.fileByteCount))\(shards)"),
          .init(
            "holds",
            "\(Figures.text(file.tensors.count)) tensors, \(keys) metadata keys"),
        ]),
      .init(
        "file",
        .object([
          .init("paths", .array(file.paths.map { .string($0) })),
          .init("name", name.map { .string($0) } ?? .null),
          .init("format", .string(file.formatName)),
          .init("version", gguf.map { .integer($0.version) } ?? .null),
          .init("bytes", .integer(file.fileByteCount)),
          .init("alignment", gguf.map { .integer($0.alignment) } ?? .null),
          .init("tensors", .integer(file.tensors.count)),
          .init("metadata_keys", .integer(keys)),
        ]))
    )
  }

  // MARK: Architecture

  private var architectureSection: Part {
    switch configuration {
    case .success(let model):
      (
        .init(title: "Architecture", facts: ModelInspection.facts(model)),
        .init("architecture", ModelInspection.json(model))
      )
    case .failure(let error): unreadable("Architecture", key: "architecture", error)
    }
  }

  private static func facts(_ model: ModelConfiguration) -> [Report.Fact] {
    var rope = "base \(Figures.text(model.ropeBase)), \(model.ropeDimensionCount) dimensions"
    if model.ropeScaling != .none { rope += ", \(name(of: model.ropeScaling))" }
    if let base = model.windowedRopeBase { rope += "; \(Figures.text(base)) in windows" }
    if model.hasRopeFrequencies { rope += ", scaled by rope_freqs" }
    return [
      .init("family", model.architecture.rawValue),
      .init("parameters", Figures.text(model.parameterCount)),
      .init("context", "\(Figures.text(model.contextLength)) tokens"),
      .init(
        "attention",
        attention(of: model)),
      .init("vocabulary", "\(Figures.text(model.vocabularySize)) tokens"),
      .init("layers", "\(model.layerCount)"),
      .init("hidden size", Figures.text(model.hiddenSize)),
      .init(
        "feed-forward",
        model.experts.map {
          "\($0.usedCount) of \($0.count) experts of \(Figures.text($0.feedForwardSize))"
        } ?? Figures.text(model.feedForwardSize)),
      .init(
        "heads", "\(model.headCount) of \(model.headDim), \(model.kvHeadCount) for keys and values"),
      .init("rope", rope),
      .init("rms norm", "epsilon \(model.rmsNormEpsilon)"),
      .init("output", model.isOutputTied ? "the embedding" : "a matrix of its own"),
      .init("biases", model.hasQKVBias ? "on q, k and v" : "none"),
    ]
  }

  private static func name(of scaling: RopeScaling) -> String {
    switch scaling {
    case .none: "unscaled"
    case .linear(let factor): "divided by \(factor)"
    case .llama3(let factor, _, _, _): "llama3 scaling by \(factor)"
    case .yarn(let yarn): "YaRN scaling by \(yarn.factor)"
    case .divisors: "longrope, its table for short contexts"
    }
  }

  private static func attention(of model: ModelConfiguration) -> String {
    guard let window = model.slidingWindow else { return "to all tokens" }
    let narrow = (0..<model.layerCount).filter { model.window(ofLayer: $0) != nil }.count
    let tokens = "to the last \(Figures.text(window)) tokens"
    return narrow == model.layerCount ? tokens : tokens + " in \(narrow) of the layers"
  }

  private static func json(_ model: ModelConfiguration) -> JSONValue {
    var factor = 1.0
    if case .linear(let value) = model.ropeScaling { factor = value }
    return .object([
      .init("family", .string(model.architecture.rawValue)),
      .init("parameters", .integer(model.parameterCount)),
      .init("context_length", .integer(model.contextLength)),
      .init("sliding_window", model.slidingWindow.map { .integer($0) } ?? .null),
      .init("vocabulary_size", .integer(model.vocabularySize)),
      .init("layers", .integer(model.layerCount)),
      .init("hidden_size", .integer(model.hiddenSize)),
      .init("feed_forward_size", .integer(model.feedForwardSize)),
      .init("experts", model.experts.map { .integer($0.count) } ?? .null),
      .init("experts_used", model.experts.map { .integer($0.usedCount) } ?? .null),
      .init("heads", .integer(model.headCount)),
      .init("kv_heads", .integer(model.kvHeadCount)),
      .init("head_dim", .integer(model.headDim)),
      .init("rope_base", .number(model.ropeBase)),
      .init("rope_dimensions", .integer(model.ropeDimensionCount)),
      .init("rope_scaling", .string(name(of: model.ropeScaling))),
      .init("rope_linear_factor", .number(factor)),
      .init("rope_frequencies", .bool(model.hasRopeFrequencies)),
      .init("rms_norm_epsilon", .number(Double(model.rmsNormEpsilon))),
      .init("output_tied", .bool(model.isOutputTied)),
      .init("qkv_bias", .bool(model.hasQKVBias)),
    ])
  }

  /// A part that this package does not understand, and why.
  func unreadable(_ title: String, key: String, _ error: CheckpointError) -> Part {
    let message = error.message.split(separator: "\n").joined(separator: " ")
    return (
      .init(title: title, facts: [.init("not usable", message), .init("try", error.remedy)]),
      .init(key, .object([.init("error", .string(message)), .init("try", .string(error.remedy))]))
    )
  }
}
