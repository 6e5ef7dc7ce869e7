// SPDX-License-Identifier: Apache-2.0
package import DendriteReport

extension Proof {
  /// One line: a mark, the promise, what was compared, how much of it.
  package var line: String {
    let mark =
      switch outcome {
      case .holds: "✓"
      case .broken: "✗"
      case .information: "·"
      }
    let amount = "\(Figures.text(count)) \(unit), \(Figures.text(seconds, decimals: 1)) s"
    var text = "\(mark) \(promise) \(name.padded(to: 9)) \(claim) (\(amount))"
    if case .broken(let place) = outcome { text += "\n    differs first at: \(place)" }
    return text
  }

  /// The proof for programs.
  package var json: JSONValue {
    let (word, place): (String, JSONValue) =
      switch outcome {
      case .holds: ("holds", .null)
      case .broken(let place): ("broken", .string(place))
      case .information: ("information", .null)
      }
    return .object([
      .init("promise", .integer(promise)), .init("name", .string(name)),
      .init("claim", .string(claim)), .init("outcome", .string(word)),
      .init("differs_at", place), .init("count", .integer(count)), .init("unit", .string(unit)),
      .init("seconds", .number(seconds)),
    ])
  }
}

extension ProofRecord {
  /// The record for programs; keys are always there and always in this order.
  package func json(facts: [Report.Fact]) -> JSONValue {
    .object([
      .init("report", .string("prove")),
      .init("facts", .object(facts.map { .init($0.name, .string($0.value)) })),
      .init("holds", .bool(holds)),
      .init("proofs", .array(proofs.map(\.json))),
      .init(
        "text_hashes",
        .object(
          TextHash.lengths.enumerated().map { stage, length in
            .init(
              "\(length)",
              .object(
                hashes.map { .init($0.variant, $0.hashes[stage].map { .string($0) } ?? .null) }))
          })),
      .init("seconds", .number(seconds)),
    ])
  }
}

extension String {
  /// The text with spaces behind it, at least `width` characters.
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
