// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Whether several tokens are guessed and checked in one pass.
///
/// None of it changes the text.
struct SpeculationOptions: ParsableArguments {
  /// Who guesses.
  enum Drafter: String, CaseIterable {
    case none
    case lookup
    case auto
  }

  @Option(
    help: ArgumentHelp(
      "Who guesses what comes next, for the model to check several tokens at once: none; lookup, which "
        + "repeats what followed the last tokens before; auto, the same where it pays on this machine. "
        + "The text does not depend on it.",
      valueName: "drafter"),
    completion: .list(Drafter.allCases.map(\.rawValue)),
    transform: {
      try Choice.parse(
        $0, option: "--drafter", among: Drafter.allCases.map { ($0.rawValue, $0) })
    })
  var drafter: Drafter = .none

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Guesses that are checked with a token, at most (default: 8).", valueName: "n"))
  var draftLength: Int?

  mutating func validate() throws {
    try Bounds.check(
      "--draft-length", draftLength, in: 1...Speculation.longestDraft,
      expected: "a number from 1 to \(Speculation.longestDraft)", remedy: "--draft-length 8")
    if draftLength != nil, drafter != .lookup {
      throw ValidationError(
        "--draft-length with --drafter \(drafter.rawValue), expected a drafter whose length is yours to "
          + "choose\n  try: --drafter lookup")
    }
  }

  /// The setting of a reply.
  var speculation: Speculation {
    switch drafter {
    case .none: .none
    case .lookup: .promptLookup(draftLength: draftLength ?? 8)
    case .auto: .automatic
    }
  }
}
