// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteDecoding
internal import DendriteModel
internal import Synchronization

/// Hands the link that was tried at the start to the first session, and a new one to each further session.
final class LinkShelf: Sendable {
  private let first: Mutex<RemoteMirror?>
  private let isLost = Mutex(false)
  private let make: @Sendable () throws(DecodingError) -> RemoteMirror

  init(
    _ first: RemoteMirror, make: @escaping @Sendable () throws(DecodingError) -> RemoteMirror
  ) {
    self.first = Mutex(first)
    self.make = make
  }

  /// A link of one's own; `nil` if the drafter serves somebody else, or is gone, and then it is asked no more.
  func take() -> RemoteMirror? {
    let kept = first.withLock { link -> RemoteMirror? in
      defer { link = nil }
      return link
    }
    if let kept { return kept }
    guard !isLost.withLock({ $0 }) else { return nil }
    do {
      return try make()
    } catch {
      if error.code != .drafterInUse { isLost.withLock { $0 = true } }
      return nil
    }
  }
}

/// Gives every session a drafter of its own over the same weights: its thread alone calls it.
final class ModelShelf: Sendable {
  private let first: Mutex<DrafterModel?>
  private let original: DrafterModel
  private let machine: Machine

  init(_ model: DrafterModel, _ machine: Machine) {
    first = Mutex(model)
    original = model
    self.machine = machine
  }

  /// A drafter that nobody else calls; `nil` if the system has no threads for it.
  func take() -> DrafterModel? {
    let kept = first.withLock { model -> DrafterModel? in
      defer { model = nil }
      return model
    }
    if let kept { return kept }
    guard let model = original.model as? CPUTransformer,
      let own = try? Machine(
        threads: machine.threads, parts: machine.parts, variant: machine.variant,
        cores: machine.cores)
    else { return nil }
    return DrafterModel(model: model.copy(on: own), streams: original.streams)
  }
}
