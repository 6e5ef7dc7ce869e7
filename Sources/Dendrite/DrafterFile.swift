// SPDX-License-Identifier: Apache-2.0
public import DendriteCompute
public import DendriteDecoding
internal import DendriteCheckpoint
internal import DendriteModel
internal import DendriteTokenizer

/// A small model in a file, which guesses what a large one will say.
///
/// `NAME.streams.gguf` beside `NAME.gguf`, if it is there, lets it guess several tokens a pass.
public struct DrafterFile: Sendable, Hashable {
  /// The file; its vocabulary must be the target's, or the beginning of it.
  public var path: String
  /// What a draft looks like.
  public var shape: ModelDrafter.Shape
  /// Whether streams are used if they are there.
  public var usesStreams: Bool

  /// Names a drafter.
  public init(_ path: String, shape: ModelDrafter.Shape = .chain, usesStreams: Bool = true) {
    self.path = path
    self.shape = shape
    self.usesStreams = usesStreams
  }

  /// Loads the drafter on the target's machine: the two take turns.
  func maker(
    for tokenizer: Tokenizer, of target: GGUFFile, on machine: Machine
  ) throws -> @Sendable () -> any Drafter {
    let model = try load(for: tokenizer, on: machine)
    let shape = shape
    return { ModelDrafter(model, shape: shape) }
  }

  /// Loads the file and what lies beside it.
  ///
  /// - Throws: `CheckpointError`, `TokenizerError`, `ModelError`; `DecodingError` if the vocabularies differ.
  package func load(for tokenizer: Tokenizer, on machine: Machine) throws -> DrafterModel {
    let file = try GGUFFile(path: path)
    try Self.check(try file.vocabularyDescription().tokens, fit: tokenizer.description.tokens)
    let model = try CPUTransformer(file: file, machine: machine)
    var streams: StreamVectors?
    let sidecar = Self.sidecar("streams", of: path)
    if usesStreams, FileCheck.isReadable(sidecar) {
      streams = try StreamVectors(
        file: GGUFFile(path: sidecar), hiddenSize: model.description.hiddenSize)
    }
    return DrafterModel(model: model, streams: streams)
  }

  /// The name of a thin part beside a model file.
  package static func sidecar(_ kind: String, of path: String) -> String {
    let stem = path.hasSuffix(".gguf") ? String(path.dropLast(5)) : path
    return "\(stem).\(kind).gguf"
  }

  /// The same id must be the same text on both sides.
  private static func check(_ drafter: [String], fit target: [String]) throws(DecodingError) {
    guard drafter.count <= target.count else {
      throw DecodingError(
        .vocabularyMismatch,
        "the drafter has \(drafter.count) tokens, expected at most the target's \(target.count)",
        remedy: "name a drafter that was made for this vocabulary")
    }
    for (id, (mine, theirs)) in zip(drafter, target).enumerated() where mine != theirs {
      throw DecodingError(
        .vocabularyMismatch,
        "token \(id) is '\(mine)' for the drafter and '\(theirs)' for the target, expected the same "
          + "vocabulary",
        remedy: "name a drafter that was made for this vocabulary")
    }
  }
}
