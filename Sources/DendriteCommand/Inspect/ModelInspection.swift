// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// What is in a model file.
///
/// Parts that cannot be understood are reported as such, with the reason.
struct ModelInspection {
  let file: GGUFFile
  /// The sizes, if this package runs the model.
  let configuration: Result<ModelConfiguration, CheckpointError>
  /// The tokenizer's description, if this package reads it.
  let vocabulary: Result<VocabularyDescription, CheckpointError>

  /// Reads the header's parts; never fails, because a file that does not run can be looked at too.
  init(_ file: GGUFFile) {
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
    let path = file.paths[0]
    let name = (try? file.metadata.string("general.name")) ?? nil
    let shards = file.paths.count == 1 ? "" : " in \(file.paths.count) files"
    return (
      .init(
        title: String(path.split(separator: "/").last ?? "model"),
        facts: [
          .init("name", name ?? "none"),
          .init("format", "GGUF version \(file.version)"),
          .init("size", "\(MemoryBudget.text(file.fileByteCount))\(shards)"),
          .init(
            "holds",
            "\(Figures.text(file.tensors.count)) tensors, \(file.metadata.count) metadata keys"),
        ]),
      .init(
        "file",
        .object([
          .init("paths", .array(file.paths.map { .string($0) })),
          .init("name", name.map { .string($0) } ?? .null),
          .init("version", .integer(file.version)),
          .init("bytes", .integer(file.fileByteCount)),
          .init("alignment", .integer(file.alignment)),
          .init("tensors", .integer(file.tensors.count)),
          .init("metadata_keys", .integer(file.metadata.count)),
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
    if case .linear(let factor) = model.ropeScaling { rope += ", divided by \(factor)" }
    if model.hasRopeFrequencies { rope += ", scaled by rope_freqs" }
    return [
      .init("family", model.architecture.rawValue),
      .init("parameters", Figures.text(model.parameterCount)),
      .init("context", "\(Figures.text(model.contextLength)) tokens"),
      .init(
        "attention",
        model.slidingWindow.map { "to the last \(Figures.text($0)) tokens" } ?? "to all tokens"),
      .init("vocabulary", "\(Figures.text(model.vocabularySize)) tokens"),
      .init("layers", "\(model.layerCount)"),
      .init("hidden size", Figures.text(model.hiddenSize)),
      .init("feed-forward", Figures.text(model.feedForwardSize)),
      .init(
        "heads", "\(model.headCount) of \(model.headDim), \(model.kvHeadCount) for keys and values"),
      .init("rope", rope),
      .init("rms norm", "epsilon \(model.rmsNormEpsilon)"),
      .init("output", model.isOutputTied ? "the embedding" : "a matrix of its own"),
      .init("biases", model.hasQKVBias ? "on q, k and v" : "none"),
    ]
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
      .init("heads", .integer(model.headCount)),
      .init("kv_heads", .integer(model.kvHeadCount)),
      .init("head_dim", .integer(model.headDim)),
      .init("rope_base", .number(model.ropeBase)),
      .init("rope_dimensions", .integer(model.ropeDimensionCount)),
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
