// SPDX-License-Identifier: Apache-2.0

public import DendriteTokenizer

/// Where a model comes from: its configuration, its vocabulary, and tensors by name.
///
/// Two kinds of places are read: a GGUF file (`GGUFFile`) and a Hugging Face directory
/// (`ModelDirectory`). What loads a model sees this protocol only and asks for tensors by their role
/// (`TensorName`); each source knows its own spelling.
public protocol ModelSource: Sendable {
  /// All tensors, in the order of the files.
  var tensors: [TensorInfo] { get }
  /// The paths of the files; there is at least one.
  var paths: [String] { get }
  /// Bytes of all files together.
  var fileByteCount: Int { get }
  /// What the source is, for people: `GGUF` or `safetensors`.
  var formatName: String { get }

  /// The model's sizes and constants, range-checked.
  ///
  /// - Throws: `.missingKey`, `.invalidValue`, `.unsupportedModel` or `.wrongShape`.
  func modelConfiguration() throws(CheckpointError) -> ModelConfiguration

  /// The vocabulary, as the tokenizer wants it.
  ///
  /// - Throws: `.unsupportedVocabulary`, `.missingKey` or `.invalidValue`.
  func vocabularyDescription() throws(CheckpointError) -> VocabularyDescription

  /// The tensor that the source spells like this, or `nil`.
  func tensorIfPresent(named name: String) -> TensorView?

  /// The tensor that the source spells like this.
  ///
  /// - Throws: `.missingTensor`.
  func tensor(named name: String) throws(CheckpointError) -> TensorView

  /// How the source spells a tensor's name.
  func spelling(of name: TensorName, in model: ModelConfiguration) -> String

  /// A shape as people know it from this kind of source: rows last in GGUF, first elsewhere.
  func text(ofShape shape: [Int]) -> String

  /// Whether a tensor that the model does not use may be there all the same.
  func mayIgnore(tensor name: String, in model: ModelConfiguration) -> Bool
}

extension ModelSource {
  /// Bytes of all tensors together.
  public var tensorByteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// The tensor of this role, or `nil`.
  public func tensorIfPresent(_ name: TensorName, in model: ModelConfiguration) -> TensorView? {
    tensorIfPresent(named: spelling(of: name, in: model))
  }

  /// The tensor of this role, of the shape that the configuration demands.
  ///
  /// - Throws: `.missingTensor`, `.wrongShape`, or `.unsupportedTensorType`.
  public func tensor(
    _ name: TensorName, in model: ModelConfiguration
  ) throws(CheckpointError) -> TensorView {
    let (shape, reason) = name.expectedShape(in: model)
    return try tensor(
      named: spelling(of: name, in: model), shape: shape, because: reason, areBytes: name.areBytes)
  }

  /// The tensor that the source spells like this, of this shape (ne0 first).
  func tensor(
    named name: String, shape: [Int], because reason: String, areBytes: Bool = false
  ) throws(CheckpointError) -> TensorView {
    let tensor = try tensor(named: name)
    guard Self.isSameShape(tensor.info.shape, shape) else {
      throw CheckpointError(
        .wrongShape,
        "tensor '\(name)' has shape \(text(ofShape: tensor.info.shape)), expected "
          + "\(text(ofShape: shape))" + (reason.isEmpty ? "" : "\n(\(reason))"),
        remedy: "get metadata and weights from the same revision; `dendrite inspect` lists both")
    }
    guard areBytes ? tensor.info.type == .u8 : !tensor.info.type.isInteger else {
      throw CheckpointError(
        .unsupportedTensorType,
        "tensor '\(name)' is stored as \(tensor.info.type), expected "
          + (areBytes ? "U8" : "one of\n" + TensorType.supportedNames),
        remedy: "get the model in another quantisation, for example Q8_0 or Q4_K_M")
    }
    return tensor
  }

  /// Whether two shapes are alike; dimensions of 1 at the end do not count.
  private static func isSameShape(_ left: [Int], _ right: [Int]) -> Bool {
    let rank = max(left.count, right.count)
    return (0..<rank).allSatisfy { axis in
      (axis < left.count ? left[axis] : 1) == (axis < right.count ? right[axis] : 1)
    }
  }

  /// Checks that every tensor of the configuration is there, in its shape, and no other.
  ///
  /// A tensor that the model's graph has no place for would be ignored in silence and change the
  /// answer, so it is refused.
  ///
  /// - Throws: the first `.missingTensor`, `.wrongShape`, or `.unsupportedModel`.
  public func checkTensors(for model: ModelConfiguration) throws(CheckpointError) {
    let names = TensorName.all(in: model)
    for name in names { _ = try tensor(name, in: model) }
    guard tensors.count > names.count else { return }
    let known = Set(names.map { spelling(of: $0, in: model) })
    let extra = tensors.first { !known.contains($0.name) && !mayIgnore(tensor: $0.name, in: model) }
    guard let extra else { return }
    throw CheckpointError(
      .unsupportedModel,
      "tensor \(quoted(extra.name)) has no place in architecture '\(model.architecture.rawValue)' "
        + "with \(model.layerCount) layers,\nexpected only the \(names.count) tensors it uses",
      remedy: "choose another file of the model; `dendrite inspect` lists the tensors")
  }
}
