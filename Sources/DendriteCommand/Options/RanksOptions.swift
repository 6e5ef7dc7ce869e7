// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Who shares the context.
struct RanksOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Ranks in this process that share the context, each with its part of it: 1, 2, 4, 8 or 16. "
        + "The text does not depend on it.",
      valueName: "n"))
  var ranks: Int?

  mutating func validate() throws {
    guard let ranks, ![1, 2, 4, 8, 16].contains(ranks) else { return }
    throw ValidationError(
      "--ranks is \(ranks), expected 1, 2, 4, 8 or 16\n  try: --ranks 2, or leave it out")
  }

  /// The ranks that were asked for; `nil` if this process keeps the whole context.
  var choice: ContextRanks? { ranks.map { .threads($0) } }
}
