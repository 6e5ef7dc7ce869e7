// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Whether several tokens are guessed and checked in one pass.
///
/// None of it changes the text.
struct SpeculationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Who guesses what comes next, for the model to check several tokens at once.",
      discussion: """
        none; lookup, which repeats what followed the last tokens before; model:PATH, a smaller model of the \
        same vocabulary; auto, whoever pays on this machine. The text does not depend on it.
        """,
      valueName: "drafter"),
    completion: .list(DrafterChoice.names),
    transform: { try DrafterChoice(parsing: $0) })
  var drafter: DrafterChoice = .none

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Guesses that are checked with a token, at most (default: 8).", valueName: "n"))
  var draftLength: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Let a drafter model guess alternatives: a tree, so many paths wide.", valueName: "n"))
  var draftWidth: Int?

  mutating func validate() throws {
    try Bounds.check(
      "--draft-length", draftLength, in: 1...Speculation.longestDraft,
      expected: "a number from 1 to \(Speculation.longestDraft)", remedy: "--draft-length 8")
    if draftLength != nil, !drafter.hasLength {
      throw ValidationError(
        "--draft-length with --drafter \(drafter.text), expected a drafter whose length is yours to "
          + "choose\n  try: --drafter lookup")
    }
    try Bounds.check(
      "--draft-width", draftWidth, in: 2...16, expected: "a number from 2 to 16",
      remedy: "--draft-width 4")
    if draftWidth != nil, drafter.modelPath == nil {
      throw ValidationError(
        "--draft-width with --drafter \(drafter.text), expected a drafter that is a model\n"
          + "  try: --drafter model:PATH")
    }
  }

  /// The setting of a reply.
  var speculation: Speculation { drafter.speculation(draftLength: draftLength ?? 8) }

  /// The drafter to load with the model.
  var file: DrafterFile? {
    drafter.modelPath.map {
      DrafterFile($0, shape: draftWidth.map { .tree(width: $0) } ?? .chain)
    }
  }
}
