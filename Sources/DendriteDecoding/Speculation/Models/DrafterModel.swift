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

  /// Wraps a model that is loaded already.
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
