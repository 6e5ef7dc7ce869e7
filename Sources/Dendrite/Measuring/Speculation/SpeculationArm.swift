// SPDX-License-Identifier: Apache-2.0
package import DendriteDecoding

/// One way of guessing that is compared with plain decoding.
package struct SpeculationArm: Sendable {
  /// What tables call it.
  package var name: String
  /// The setting of a reply.
  package var speculation: Speculation
  /// Makes the drafters, once for a whole run; none where the setting makes its own.
  package var makeDrafters: @Sendable () throws -> [any Drafter]

  /// A way of guessing.
  package init(
    name: String, speculation: Speculation,
    makeDrafters: @escaping @Sendable () throws -> [any Drafter] = { [] }
  ) {
    self.name = name
    self.speculation = speculation
    self.makeDrafters = makeDrafters
  }

  /// No guesses: what all others are compared with.
  static let plain = SpeculationArm(name: "plain", speculation: .none)
}
