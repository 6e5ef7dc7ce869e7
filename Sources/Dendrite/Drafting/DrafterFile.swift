// SPDX-License-Identifier: Apache-2.0
package import DendriteCompute
public import DendriteDecoding
internal import DendriteCheckpoint
internal import DendriteModel
internal import DendriteTokenizer

/// A small model that guesses what a large one will say: a file here, or a drafter elsewhere.
///
/// `NAME.streams.gguf` beside `NAME.gguf`, if it is there, lets it guess several tokens a pass.
public struct DrafterFile: Sendable, Hashable {
  /// Where the drafter is.
  public enum Place: Sendable, Hashable {
    /// A file; its vocabulary must be the target's, or the beginning of it.
    case file(String)
    /// A drafter that waits with `dendrite lab drafter --listen`; it works as a mirror.
    case remote(host: String, port: Int)
    /// No model: a file that remembers texts of earlier runs, made if it is not there.
    case memory(String)
  }

  /// Where the drafter is.
  public var place: Place
  /// What a draft looks like; a mirror drafts chains.
  public var shape: ModelDrafter.Shape
  /// Whether streams are used if they are there.
  public var usesStreams: Bool
  /// How target and drafter work at the same time; `nil` if they take turns.
  public var mirror: MirrorPlan?

  /// Names a drafter in a file.
  public init(
    _ path: String, shape: ModelDrafter.Shape = .chain, usesStreams: Bool = true,
    mirror: MirrorPlan? = nil
  ) {
    self.init(.file(path), shape: shape, usesStreams: usesStreams, mirror: mirror)
  }

  /// Names a drafter.
  public init(
    _ place: Place, shape: ModelDrafter.Shape = .chain, usesStreams: Bool = true,
    mirror: MirrorPlan? = nil
  ) {
    self.place = place
    self.shape = shape
    self.usesStreams = usesStreams
    self.mirror = mirror
  }

  /// A target with who guesses for it.
  struct Pair {
    /// The target, on the cores that it is left.
    var target: CPUTransformer
    var makeDrafter: @Sendable () throws(DecodingError) -> any Drafter
    /// What was decided, for people.
    var note: String?
    /// Where texts are remembered.
    var memory: SuffixMemory?
  }

  /// Loads the drafter beside its target.
  func pair(
    with target: CPUTransformer, _ tokenizer: Tokenizer, path: String
  ) throws -> Pair {
    switch place {
    case .memory(let path):
      let memory = try SuffixMemory.open(
        path: path, vocabularyHash: SuffixMemory.vocabularyHash(of: tokenizer.description.tokens))
      let remembered = RememberedSuffixes(try memory.sequences())
      return Pair(
        target: target, makeDrafter: { SuffixDrafter(remembering: remembered) }, memory: memory)
    case .remote(let host, let port):
      let plan = mirror ?? MirrorPlan()
      let exit = try plan.exitHead(of: target, path: path)
      let tokens = tokenizer.description.tokens
      let first = try RemoteMirror(host: host, port: port, tokens: tokens)
      let links = LinkShelf(first) { () throws(DecodingError) in
        try RemoteMirror(host: host, port: port, tokens: tokens, patience: 1)
      }
      return Pair(
        target: target,
        makeDrafter: {
          guard let link = links.take() else { return PromptLookup() }
          return MirrorDrafter(remote: link, settings: plan.settings, exit: exit)
        }, note: "the drafter works at \(host):\(port)")
    case .file(let file):
      guard let plan = mirror else {
        let model = try Self.load(file, tokenizer, on: target.machine, usesStreams: usesStreams)
        let shape = shape
        return Pair(
          target: target,
          makeDrafter: { () throws(DecodingError) in try ModelDrafter(model, shape: shape) })
      }
      let placement = try MirrorPlacement.find(
        for: plan, target: target,
        drafter: { try Self.load(file, tokenizer, on: $0, usesStreams: usesStreams) })
      guard let machine = placement.drafterMachine else {
        let model = placement.drafter
        return Pair(
          target: target, makeDrafter: { () throws(DecodingError) in try ModelDrafter(model) },
          note: placement.description)
      }
      let exit = try plan.exitHead(of: target, path: path)
      let shelf = ModelShelf(placement.drafter, machine)
      return Pair(
        target: placement.target,
        makeDrafter: { () throws(DecodingError) in
          guard let model = shelf.take() else { return PromptLookup() }
          return try MirrorDrafter(model: model, settings: plan.settings, exit: exit)
        },
        note: placement.description)
    }
  }

  /// Loads a drafter's file and what lies beside it.
  ///
  /// - Throws: `CheckpointError`, `TokenizerError`, `ModelError`; `DecodingError` if the vocabularies differ.
  package static func load(
    _ path: String, _ tokenizer: Tokenizer?, on machine: Machine, usesStreams: Bool = true
  ) throws -> DrafterModel {
    let file = try ModelLocation.open(path)
    if let tokenizer {
      try check(try file.vocabularyDescription().tokens, fit: tokenizer.description.tokens)
    }
    let model = try CPUTransformer(file: file, machine: machine)
    var streams: StreamVectors?
    let sidecar = sidecar("streams", of: path)
    if usesStreams, FileCheck.isReadable(sidecar) {
      streams = try StreamVectors(
        file: GGUFFile(path: sidecar), hiddenSize: model.description.hiddenSize,
        fingerprint: model.fingerprint)
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
