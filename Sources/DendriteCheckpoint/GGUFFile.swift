// SPDX-License-Identifier: Apache-2.0

/// A model in the GGUF format, memory-mapped and validated; one file or all shards of a split one.
///
/// Opening checks the whole header: sizes against the file's length before anything is allocated,
/// that every tensor's bytes are inside the file, aligned and disjoint, and that shards belong
/// together. Weights are not read until they are touched.
///
/// - Source: ggml `docs/gguf.md`; versions 2 and 3, little-endian.
public struct GGUFFile: Sendable {
  /// The key/value part; of a split file, the first shard's.
  public let metadata: GGUFMetadata
  /// All tensors, shard after shard in the files' order.
  public let tensors: [TensorInfo]
  /// The format's version, 2 or 3.
  public let version: Int
  /// Bytes that tensor offsets are multiples of; of a split file, the first shard's.
  public let alignment: Int

  private let files: [MappedFile]
  private let indexByName: [String: Int]

  /// Opens a model; given any shard of a split file, opens all of them.
  ///
  /// - Throws: `.unreadable`, `.unsupportedFormat`, `.truncated`, `.malformed`,
  ///   `.unsupportedTensorType` or `.incompleteSplit`; the message says what was found and expected.
  /// - Complexity: O(header bytes); no tensor is read.
  public init(path: String) throws(CheckpointError) {
    let opened = try GGUFHeader(MappedFile(path: path), shard: 0)
    try self.init(shards: GGUFFile.allShards(of: opened, path: path))
  }

  /// Opens a model held in memory; one file only.
  package init(bytes: [UInt8], name: String = "memory.gguf") throws(CheckpointError) {
    let header = try GGUFHeader(MappedFile(name: name, copying: bytes), shard: 0)
    if let count = try header.metadata.int("split.count"), count > 1 {
      throw CheckpointError(
        .incompleteSplit, "\(quoted(name)) is one of \(count) shards, expected a whole model",
        remedy: "open the shards from disk by path")
    }
    try self.init(shards: [header])
  }

  /// - Precondition: there is at least one shard.
  private init(shards: [GGUFHeader]) throws(CheckpointError) {
    precondition(!shards.isEmpty, "a model has at least one file")
    metadata = shards[0].metadata
    version = shards[0].version
    alignment = shards[0].alignment
    files = shards.map(\.file)
    tensors = shards.flatMap(\.tensors)
    var index: [String: Int] = [:]
    index.reserveCapacity(tensors.count)
    for (position, tensor) in tensors.enumerated() {
      if let other = index.updateValue(position, forKey: tensor.name) {
        throw CheckpointError(
          .incompleteSplit,
          "tensor \(quoted(tensor.name)) is in shard \(tensors[other].shard + 1) and in shard "
            + "\(tensor.shard + 1), expected once",
          remedy: "download all shards again, from the same revision")
      }
    }
    indexByName = index
  }

  /// The paths of the files, in the order of shards.
  public var paths: [String] { files.map(\.path) }

  /// Bytes of all files together.
  public var fileByteCount: Int { files.reduce(0) { $0 + $1.count } }

  /// The architecture that the file names, for example `llama`; empty if it names none.
  public var architecture: String {
    if case .string(let name) = metadata["general.architecture"] { name } else { "" }
  }

  /// The tensor of this name, or `nil`.
  public func tensorIfPresent(named name: String) -> TensorView? {
    indexByName[name].map { TensorView(info: tensors[$0], file: files[tensors[$0].shard]) }
  }

  /// The tensor of this name.
  ///
  /// - Throws: `.missingTensor`.
  public func tensor(named name: String) throws(CheckpointError) -> TensorView {
    guard let tensor = tensorIfPresent(named: name) else { throw missingTensor(name) }
    return tensor
  }

  /// Lets the operating system read the tensors' pages ahead, in the background.
  public func adviseWillNeed() {
    for file in files { file.adviseWillNeed(0..<file.count) }
  }

  private func missingTensor(_ name: String) -> CheckpointError {
    let prefix = name.split(separator: ".").dropLast(2).joined(separator: ".")
    let fused = prefix + ".attn_qkv.weight"
    if name.contains(".attn_"), indexByName[fused] != nil {
      return CheckpointError(
        .missingTensor,
        "no tensor \(quoted(name)) among the file's \(tensors.count) but the fused "
          + "\(quoted(fused)), expected separate q, k and v",
        remedy: "convert the model again without fusing q, k and v")
    }
    return CheckpointError(
      .missingTensor,
      "no tensor \(quoted(name)) among the \(tensors.count) of \(quoted(paths[0])), expected one "
        + "for architecture \(quoted(architecture))",
      remedy: tensors.isEmpty
        ? "give a model file; this one holds only a vocabulary or settings"
        : "get the complete model; `dendrite inspect` lists the tensors of a file")
  }
}
