// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Whether several tokens are guessed and checked in one pass.
///
/// None of it changes the text.
struct SpeculationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Who guesses what comes next, for the model to check several tokens at once (default: none).",
      discussion: """
        lookup repeats what followed the last tokens before, suffix what followed the longest run of them most \
        often. model:PATH is a smaller model of the same \
        vocabulary, stream:PATH one that guesses several tokens a pass, tree:PATH one that guesses alternatives too. mirror:PATH is one that works while the \
        model does, on cores of its own; mirror:HOST:PORT one elsewhere (`dendrite lab drafter`). auto is \
        whoever pays on this machine, auto:PATH with a model among them, which guesses chains: trees are used \
        only by name. The text does not depend on it.
        """,
      valueName: "drafter"),
    completion: .list(DrafterChoice.names),
    transform: { try DrafterChoice(parsing: $0) })
  var drafter: DrafterChoice = .none

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Guesses that are checked with a token, at most (default: 8, of a mirror 7).", valueName: "n")
  )
  var draftLength: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Paths of a tree that are followed at a time (default: 4).", valueName: "n"))
  var draftWidth: Int?

  @Option(
    help: ArgumentHelp(
      "With --drafter suffix: a file that remembers texts of earlier runs, and this one's; private, 16 MiB at "
        + "most. `dendrite lab forget` deletes it.", valueName: "path"),
    completion: .file())
  var remember: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Outcomes that a mirror prepares for (default: 32).", valueName: "n"))
  var mirrorBranches: Int?

  @Option(
    help: ArgumentHelp(
      "The layer after which the model tells a mirror what it is about to say: a number, half or none "
        + "(default: half).", valueName: "layer"),
    transform: { try MirrorWords.exit($0) })
  var mirrorExit: MirrorPlan.Exit?

  @Option(
    help: ArgumentHelp(
      "Cores of the model and of its mirror, as in 7+1; together, in turn; or auto, by timing "
        + "(default: auto).", valueName: "cores"),
    transform: { try MirrorWords.cores($0) })
  var mirrorCores: MirrorPlan.Cores?

  @Flag(help: "Colour the tokens: accepted guesses, corrections, bonus tokens.")
  var showSpeculation = false

  @Option(
    help: ArgumentHelp(
      "Write what model, exit and drafter did when, for chrome://tracing or ui.perfetto.dev.",
      valueName: "path"),
    completion: .file(extensions: ["json"]))
  var trace: String?

  mutating func validate() throws {
    try Bounds.check(
      "--draft-length", draftLength, in: 1...Speculation.longestDraft,
      expected: "a number from 1 to \(Speculation.longestDraft)", remedy: "--draft-length 8")
    try expect(
      "--draft-length", draftLength != nil, drafter.hasLength,
      "a drafter whose length is yours to choose", "lookup")
    try Bounds.check(
      "--draft-width", draftWidth, in: 2...16, expected: "a number from 2 to 16",
      remedy: "--draft-width 4")
    var isTree = false
    var isMirror = false
    if case .tree = drafter { isTree = true }
    if case .mirror = drafter { isMirror = true }
    try expect("--draft-width", draftWidth != nil, isTree, "a tree", "tree:PATH")
    try expect("--remember", remember != nil, drafter == .suffix, "suffix", "suffix")
    try Bounds.check(
      "--mirror-branches", mirrorBranches, in: 0...256, expected: "a number from 0 to 256",
      remedy: "--mirror-branches 32")
    for (name, isThere) in [
      ("--mirror-branches", mirrorBranches != nil), ("--mirror-exit", mirrorExit != nil),
      ("--mirror-cores", mirrorCores != nil),
    ] {
      try expect(name, isThere, isMirror, "a mirror", "mirror:PATH")
    }
  }

  /// Refuses an option that the drafter has no use for.
  private func expect(
    _ option: String, _ isThere: Bool, _ fits: Bool, _ expected: String, _ remedy: String
  ) throws {
    guard isThere, !fits else { return }
    throw ValidationError(
      "\(option) with --drafter \(drafter.text), expected \(expected)\n  try: --drafter \(remedy)")
  }

  /// The setting of a reply.
  var speculation: Speculation {
    var length = draftLength ?? 8
    if case .mirror = drafter { length = draftLength ?? mirrorLength }
    if remember != nil { return .drafter(draftLength: length) }
    return drafter.speculation(draftLength: length)
  }

  /// Guesses in a window of a mirror.
  private var mirrorLength: Int { draftLength ?? MirrorDrafter.Settings().length }

  /// The drafter to load with the model.
  func file() -> DrafterFile? {
    if let remember { return DrafterFile(.memory(remember)) }
    return drafter.file(draftLength: mirrorLength, width: draftWidth ?? 4) { plan in
      plan.settings.branches = mirrorBranches ?? plan.settings.branches
      plan.cores = mirrorCores ?? plan.cores
      plan.exit = mirrorExit ?? plan.exit
    }
  }
}

/// Reads what follows the options of a mirror.
enum MirrorWords {
  static func exit(_ text: String) throws -> MirrorPlan.Exit {
    switch text.lowercased() {
    case "none": return .none
    case "half": return .half
    default:
      guard let layer = Int(text), layer > 0 else {
        throw ValidationError(
          "expected a number of layers, half or none\n  try: --mirror-exit half")
      }
      return .layer(layer)
    }
  }

  static func cores(_ text: String) throws -> MirrorPlan.Cores {
    switch text.lowercased() {
    case "auto": return .measured
    case "together": return .together
    default:
      let parts = text.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let target = parts[0], let drafter = parts[1], target > 0, drafter > 0
      else {
        throw ValidationError(
          "expected two numbers of cores as in 7+1, together or auto\n  try: --mirror-cores auto")
      }
      return .apart(target: target, drafter: drafter)
    }
  }
}
