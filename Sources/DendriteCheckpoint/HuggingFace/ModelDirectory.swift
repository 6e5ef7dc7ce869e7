// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

/// A model as Hugging Face's programs save it: a directory with `config.json` and safetensors files.
///
/// Opening reads the configuration and the headers of all weight files, and checks them; weights are mapped
/// and not read until they are touched. Files that the index names must lie in the directory (or, in a Hub
/// cache, in the store that its links point to).
public struct ModelDirectory: Sendable {
  /// The path as given.
  public let path: String
  /// All tensors, file after file, in the order of their data.
  public let tensors: [TensorInfo]
  /// The configuration; of a model with several parts, the text model's.
  let configuration: ConfigurationFile
  /// `model_type` of the configuration.
  let modelType: String
  /// The whole of `config.json`.
  let wholeConfiguration: ConfigurationFile
  /// `generation_config.json`, if there is one.
  let generation: ConfigurationFile?

  private let files: [MappedFile]
  private let indexByName: [String: Int]
  /// What replaces `model.` at the front of names, and what stands before others, in a model of several parts.
  private let prefixes: (inside: String, outside: String)

  /// Opens a directory.
  ///
  /// - Throws: `.unreadable` without `config.json` or weights, `.malformed`, `.truncated`,
  ///   `.unsupportedTensorType` or `.incompleteSplit`; the message says what was found and expected.
  /// - Complexity: O(header bytes); no tensor is read.
  public init(path: String) throws(CheckpointError) {
    let folder = try ModelFolder(path: path)
    try self.init(
      path: path, configuration: folder.configuration(),
      generation: folder.optionalFile("generation_config.json"), shards: folder.shards())
  }

  private init(
    path: String, configuration whole: ConfigurationFile, generation: ConfigurationFile?,
    shards: [SafetensorsHeader]
  ) throws(CheckpointError) {
    self.path = path
    wholeConfiguration = whole
    let text = try wholeConfiguration.nested("text_config")
    configuration = text ?? wholeConfiguration
    let outer = try wholeConfiguration.string("model_type")
    guard let type = try configuration.string("model_type") ?? outer else {
      throw wholeConfiguration.missing("model_type")
    }
    modelType = type
    self.generation = generation
    files = shards.map(\.file)
    tensors = shards.flatMap(\.tensors)
    indexByName = try ModelDirectory.index(tensors, files)
    let inside = ["model.", "language_model.model.", "model.language_model."]
    let names = indexByName
    let prefix = inside.first { names[$0 + "embed_tokens.weight"] != nil } ?? "model."
    prefixes = (prefix, prefix == "language_model.model." ? "language_model." : "")
  }

  /// The same directory with other bytes in place of its first weight file, for tests of what is refused.
  ///
  /// - Parameter bytes: a safetensors file, whole or damaged.
  /// - Returns: the directory, its headers checked.
  /// - Throws: what opening throws.
  package func replacingFirstFile(by bytes: [UInt8]) throws(CheckpointError) -> ModelDirectory {
    var shards = [try SafetensorsHeader(MappedFile(name: files[0].path, copying: bytes), shard: 0)]
    for (number, file) in files.enumerated().dropFirst() {
      shards.append(try SafetensorsHeader(file, shard: number))
    }
    return try ModelDirectory(
      path: path, configuration: wholeConfiguration, generation: generation, shards: shards)
  }

  private static func index(
    _ tensors: [TensorInfo], _ files: [MappedFile]
  ) throws(CheckpointError) -> [String: Int] {
    var index: [String: Int] = [:]
    index.reserveCapacity(tensors.count)
    for (position, tensor) in tensors.enumerated() {
      if let other = index.updateValue(position, forKey: tensor.name) {
        throw CheckpointError(
          .incompleteSplit,
          "tensor \(quoted(tensor.name)) is in \(quoted(files[tensors[other].shard].path)) and in "
            + "\(quoted(files[tensor.shard].path)), expected once",
          remedy: "download all files again, from the same revision")
      }
    }
    return index
  }
}

// MARK: - Tensors

extension ModelDirectory: ModelSource {
  /// `safetensors`.
  public var formatName: String { "safetensors" }

  /// The paths of the weight files.
  public var paths: [String] { files.map(\.path) }

  /// The keys of `config.json` and their values as JSON, in the file's order.
  public var configurationKeys: [(key: String, value: String)] {
    guard case .object(let members) = wholeConfiguration.object else { return [] }
    return members.map { ($0.key, $0.value.text(indented: false)) }
  }

  /// Bytes of all weight files together.
  public var fileByteCount: Int { files.reduce(0) { $0 + $1.count } }

  /// The tensor of this name, or `nil`.
  public func tensorIfPresent(named name: String) -> TensorView? {
    indexByName[name].map { TensorView(info: tensors[$0], file: files[tensors[$0].shard]) }
  }

  /// The tensor of this name.
  ///
  /// - Throws: `.missingTensor`.
  public func tensor(named name: String) throws(CheckpointError) -> TensorView {
    if let tensor = tensorIfPresent(named: name) { return tensor }
    throw CheckpointError(
      .missingTensor,
      "no tensor \(quoted(name)) among the \(tensors.count) of \(quoted(path)), expected one for "
        + "model_type \(quoted(modelType))",
      remedy: "get configuration and weights from the same revision; `dendrite inspect` lists both")
  }

  /// As transformers spells it; what such directories do not have, as llama.cpp does.
  public func spelling(of name: TensorName, in model: ModelConfiguration) -> String {
    guard let spelled = name.huggingFaceName(in: model) else { return name.description }
    return spelled.hasPrefix("model.")
      ? prefixes.inside + spelled.dropFirst("model.".count) : prefixes.outside + spelled
  }

  /// Rows first, as PyTorch shows shapes.
  public func text(ofShape shape: [Int]) -> String { "\(Array(shape.reversed()))" }

  /// Buffers that old versions saved, a head that is tied all the same, and parts that see or hear.
  public func mayIgnore(tensor name: String, in model: ModelConfiguration) -> Bool {
    if name.hasSuffix(".rotary_emb.inv_freq") { return true }
    if name == spelling(of: .output, in: model), model.isOutputTied { return true }
    guard configuration.name == wholeConfiguration.name, prefixes.inside != "model." else {
      return false
    }
    return !name.hasPrefix(prefixes.inside) && !name.hasPrefix("language_model.")
  }
}
