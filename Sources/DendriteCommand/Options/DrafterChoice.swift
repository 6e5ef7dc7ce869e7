// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// What follows `--drafter`.
enum DrafterChoice: Sendable, Hashable {
  case none
  case lookup
  case auto
  case model(String)

  /// The choices without a path, and how those with one begin.
  static let names = ["none", "lookup", "auto", "model:"]

  /// Reads a choice.
  init(parsing text: String) throws {
    if text.hasPrefix("model:") {
      let path = String(text.dropFirst(6))
      guard !path.isEmpty else {
        throw ValidationError(
          "--drafter model: without a path, expected a model file behind the colon\n"
            + "  try: --drafter model:drafter.gguf")
      }
      self = .model(path)
      return
    }
    self = try Choice.parse(
      text, option: "--drafter",
      among: [("none", .none), ("lookup", .lookup), ("auto", .auto)])
  }

  /// As it was typed.
  var text: String {
    switch self {
    case .none: "none"
    case .lookup: "lookup"
    case .auto: "auto"
    case .model(let path): "model:\(path)"
    }
  }

  /// Whether somebody may choose how many guesses are checked.
  var hasLength: Bool {
    switch self {
    case .none, .auto: false
    case .lookup, .model: true
    }
  }

  /// The model that guesses.
  var modelPath: String? {
    switch self {
    case .none, .lookup, .auto: nil
    case .model(let path): path
    }
  }

  /// The setting of a reply.
  func speculation(draftLength: Int) -> Speculation {
    switch self {
    case .none: .none
    case .lookup: .promptLookup(draftLength: draftLength)
    case .auto: .automatic
    case .model: .drafter(draftLength: draftLength)
    }
  }
}
