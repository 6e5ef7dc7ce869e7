// SPDX-License-Identifier: Apache-2.0
public import DendriteModel
internal import Synchronization

/// A small model that guesses what a large one will say.
///
/// Its ids must mean what the large model's mean; its vocabulary may be shorter.
public final class DrafterModel: Sendable {
  /// The small model; one thread at a time calls it.
  public let model: any CausalModel
  /// What lets it guess several tokens a pass; `nil` if it guesses one.
  public let streams: StreamVectors?

  /// Caches that nobody uses any more; whoever calls the model next gives them back.
  private let abandoned = Mutex<[CacheHandle]>([])

  /// Leaves a cache behind, on any thread.
  func abandon(_ cache: CacheHandle) { abandoned.withLock { $0.append(cache) } }

  /// Gives abandoned caches back, on the thread that calls the model.
  func releaseAbandoned() {
    let caches = abandoned.withLock { list -> [CacheHandle] in
      defer { list.removeAll(keepingCapacity: true) }
      return list
    }
    for cache in caches { model.release(cache) }
  }

  /// Mirrors whose threads call the model, and drafters that take turns on one thread.
  private let users = Mutex((mirrors: 0, inTurn: 0))

  /// How somebody calls the model.
  package enum Use: Sendable {
    /// From a thread of his own, at any time.
    case alone
    /// In turn with others like him, on one thread.
    case inTurn
  }

  /// The right to call the model; it ends when it is given back, or with the last reference.
  package final class Claim: Sendable {
    private let model: DrafterModel
    private let use: Use
    private let isHeld = Mutex(true)

    fileprivate init(_ model: DrafterModel, _ use: Use) {
      self.model = model
      self.use = use
    }

    deinit { giveBack() }

    /// Lets others call the model.
    package func giveBack() {
      let wasHeld = isHeld.withLock { held in
        defer { held = false }
        return held
      }
      guard wasHeld else { return }
      model.users.withLock { users in
        switch use {
        case .alone: users.mirrors -= 1
        case .inTurn: users.inTurn -= 1
        }
      }
    }
  }

  /// Asks for the right to call the model: it goes to one mirror, or to drafters that take turns.
  ///
  /// - Throws: `drafterInUse`.
  package func claim(_ use: Use) throws(DecodingError) -> Claim {
    let holder = users.withLock { users -> String? in
      if users.mirrors > 0 { return "works for a mirror already, on a thread of its own" }
      switch use {
      case .alone:
        guard users.inTurn == 0 else { return "drafts in turn with a target already" }
        users.mirrors += 1
      case .inTurn: users.inTurn += 1
      }
      return nil
    }
    if let holder {
      throw DecodingError(
        .drafterInUse,
        "the drafter '\(model.description.name)' \(holder), expected one that nobody else calls",
        remedy:
          "give each mirror a `DrafterModel` of its own: `CPUTransformer.copy(on:)` shares the weights"
      )
    }
    return Claim(self, use)
  }

  /// Wraps a model that is loaded already; nobody else may call or wrap it.
  public init(model: any CausalModel, streams: StreamVectors? = nil) {
    self.model = model
    self.streams = streams
  }

  /// Sampling as the target does it, over the drafter's vocabulary: with the same noise it agrees most often.
  func sampler(for reply: ReplyOutline) throws(DecodingError) -> Sampler {
    let size = model.description.vocabularySize
    var settings = reply.sampler
    settings.logitBias = settings.logitBias.filter { $0.key < size }
    return try Sampler(settings, vocabularySize: size)
  }
}
