// SPDX-License-Identifier: Apache-2.0
package import DendriteDecoding
internal import DendriteModel
internal import DendriteTokenizer

/// One way of guessing that is compared with plain decoding.
package struct SpeculationArm: Sendable {
  /// What tables call it.
  package var name: String
  /// The setting of a reply.
  package var speculation: Speculation
  /// A drafter to load beside the target; `nil` if there is none.
  package var file: DrafterFile?
  /// Makes the drafters, once for a whole run; none where the setting makes its own.
  package var makeDrafters: @Sendable () throws -> [any Drafter]

  /// A way of guessing.
  package init(
    name: String, speculation: Speculation, file: DrafterFile? = nil,
    makeDrafters: @escaping @Sendable () throws -> [any Drafter] = { [] }
  ) {
    self.name = name
    self.speculation = speculation
    self.file = file
    self.makeDrafters = makeDrafters
  }

  /// No guesses: what all others are compared with.
  static let plain = SpeculationArm(name: "plain", speculation: .none)
}

extension SpeculationArm {
  /// A target, on the cores that it is left, and who guesses for it.
  struct Team {
    var context: DecodingContext
    var drafters: [any Drafter]
    /// What was decided, for people.
    var note: String?
  }

  /// Loads what the way needs beside a target.
  func team(
    for model: any CausalModel, _ context: DecodingContext, _ settings: ContextSettings,
    _ tokenizer: Tokenizer, path: String
  ) throws -> Team {
    guard let file, let target = model as? CPUTransformer else {
      return Team(context: context, drafters: try makeDrafters())
    }
    let pair = try file.pair(with: target, tokenizer, path: path)
    let own = try pair.makeDrafter()
    return Team(
      context: pair.target === target
        ? context : try DecodingContext(model: pair.target, settings: settings),
      drafters: speculation == .automatic ? speculation.makeDrafters() + [own] : [own],
      note: pair.note)
  }
}
