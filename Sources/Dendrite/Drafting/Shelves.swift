// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteDecoding
internal import DendriteModel
internal import Synchronization

/// Hands the link that was tried at the start to the first session, and a new one to each further session.
final class LinkShelf: Sendable {
  private let first: Mutex<RemoteMirror?>
  private let make: @Sendable () -> RemoteMirror?

  init(_ first: RemoteMirror, make: @escaping @Sendable () -> RemoteMirror?) {
    self.first = Mutex(first)
    self.make = make
  }

  func take() -> RemoteMirror? {
    let kept = first.withLock { link -> RemoteMirror? in
      defer { link = nil }
      return link
    }
    return kept ?? make()
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

  func take() -> DrafterModel {
    let kept = first.withLock { model -> DrafterModel? in
      defer { model = nil }
      return model
    }
    if let kept { return kept }
    guard let model = original.model as? CPUTransformer,
      let own = try? Machine(
        threads: machine.threads, parts: machine.parts, variant: machine.variant,
        cores: machine.cores)
    else { return original }
    return DrafterModel(model: model.copy(on: own), streams: original.streams)
  }
}
