// SPDX-License-Identifier: Apache-2.0
public import DendriteCompute
public import DendriteDecoding
public import DendriteDistributed
public import DendriteModel
internal import DendriteCheckpoint
internal import DendriteTokenizer
internal import Synchronization

/// A model from a file, ready to talk.
///
/// ```swift
/// let model = try await LocalModel.load("llama-3.2-1b-instruct-q4_0.gguf")
/// let chat = ChatSession(model)
/// ```
///
/// Copies share the weights and the engine; the model goes with its last copy and its last session.
public struct LocalModel: Sendable {
  /// The model, its tokenizer and its thread.
  public let engine: Engine
  /// How conversations are written for this model.
  public let promptFormat: PromptFormat
  /// Why conversations are written as plain text, if the file's own way is not known here.
  public let promptFormatNote: String?

  /// How target and drafter share the machine, in words, if that was decided here.
  public private(set) var drafterNote: String?

  /// Where texts are remembered for later runs, if they are.
  public private(set) var memory: SuffixMemory?

  /// What the model is.
  public var description: ModelDescription { engine.description }

  /// Loads a GGUF file (or all shards of a split one), a Hugging Face directory, or a model in the Hub cache.
  ///
  /// - Parameters:
  ///   - path: The file or directory; of a split model, any shard; or `owner/name`.
  ///   - machine: Threads and kernels; by default all cores and the fastest kernels.
  ///   - drafter: A smaller model of the same vocabulary that guesses ahead.
  ///   - ranks: Who shares every context; `nil` if this process keeps all of it.
  ///   - progress: Called with a share 0 … 1 of the weights, on the engine's thread.
  /// - Returns: the model, checked and ready.
  /// - Throws: `CheckpointError`, `TokenizerError`, `ComputeError`, `ModelError`, `DecodingError` or
  ///   `DistributedError`, each saying what was found, what was expected and what to do.
  public static func load(
    _ path: String, on machine: Machine? = nil, drafter: DrafterFile? = nil,
    ranks: ContextRanks? = nil, progress: (@Sendable (Double) -> Void)? = nil
  ) async throws -> LocalModel {
    let note = Note()
    let engine = try await Engine.loading {
      let file = try ModelLocation.open(path)
      let tokenizer = try Tokenizer(file.vocabularyDescription())
      var machine = try machine ?? Machine()
      let joined = try ranks?.join(machine)
      if let joined { machine = try joined.machine(machine) }
      let model = try CPUTransformer(
        file: file, machine: machine, sharding: joined.map { try TreeReduction($0.communicator) },
        progress: progress)
      let pair = try drafter?.pair(with: model, tokenizer, path: path)
      note.set(text: pair?.note, memory: pair?.memory)
      let target = pair?.target ?? model
      return Engine.Parts(
        model: try joined?.lead(target) ?? target, tokenizer: tokenizer,
        kernelVariant: machine.variant.name,
        makeDrafter: pair?.makeDrafter)
    }
    var loaded = LocalModel(engine: engine)
    (loaded.drafterNote, loaded.memory) = note.contents
    return loaded
  }

  /// Keeps a part of the contexts of rank 0, until it says stop: what every other process of a group does.
  ///
  /// - Parameters:
  ///   - path: The same file as on rank 0.
  ///   - machine: Threads and kernels; by default all cores and the fastest kernels.
  ///   - communicator: The group; this rank is not 0.
  ///   - options: What rank 0 was given, too.
  /// - Throws: as `load`; `DistributedError` once the group has ended for another reason than a stop.
  public static func follow(
    _ path: String, on machine: Machine? = nil, communicator: any Communicator,
    options: String = ""
  ) throws {
    let model = try CPUTransformer(
      file: ModelLocation.open(path), machine: machine ?? Machine(),
      sharding: TreeReduction(communicator))
    try Follower.follow(model: model, communicator: communicator, options: options)
  }

  /// Lets the ranks go that share this model's contexts; the model is of no use from then on.
  public func endRanks() { (engine.model as? DistributedModel)?.close() }

  /// Wraps an engine; the prompt format is detected from the vocabulary's chat template.
  public init(engine: Engine) {
    self.engine = engine
    (promptFormat, promptFormatNote) = PromptFormat.detect(
      in: engine.tokenizer.description.chatTemplate)
  }
}

/// A word from the engine's thread.
private final class Note: Sendable {
  private let note = Mutex<(text: String?, memory: SuffixMemory?)>((nil, nil))
  var contents: (String?, SuffixMemory?) { note.withLock { ($0.text, $0.memory) } }
  func set(text: String?, memory: SuffixMemory?) { note.withLock { $0 = (text, memory) } }
}
