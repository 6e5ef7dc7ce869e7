// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite lab mirror`: a mirror beside an accelerator that is not here.
struct MirrorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mirror",
    abstract: "Measure a mirror with an emulated accelerator, beside the latency law.",
    discussion: """
      The target's verdicts and the guesses of its exit are real, recorded beforehand; its passes then \
      take the time of a profile, while the drafter works for real on this machine. Everything that \
      comes of it is labelled emulated.

        $ dendrite lab mirror --drafter Models/dendrite-tiny-drafter-q8_0.gguf
      """)

  @OptionGroup(title: "Model") var model: ModelOption

  @Option(
    help: ArgumentHelp("A drafter of the same vocabulary. Repeatable.", valueName: "path"),
    completion: .file(extensions: ["gguf"]))
  var drafter: [String]

  @Option(
    help: ArgumentHelp(
      "Accelerators, of \(AcceleratorProfile.all.map(\.name).joined(separator: ", ")) (default: all). "
        + "Repeatable.", valueName: "name"),
    transform: {
      try Choice.parse(
        $0, option: "--profile", among: AcceleratorProfile.all.map { ($0.name, $0) })
    })
  var profile: [AcceleratorProfile] = []

  @Option(help: ArgumentHelp("Tokens of each reply (default: 128).", valueName: "n"))
  var maxNew: Int?

  @Option(help: ArgumentHelp("Guesses in a window (default: 7).", valueName: "n"))
  var draftLength: Int?

  @Option(help: ArgumentHelp("Outcomes that are prepared for (default: 32).", valueName: "n"))
  var branches: Int?

  @Option(help: ArgumentHelp("Guesses of the exit for each row (default: 8).", valueName: "n"))
  var exitGuesses: Int?

  @Option(
    help: ArgumentHelp(
      "The exit: a number of layers, half or none (default: half).", valueName: "layer"),
    transform: { try MirrorWords.exit($0) })
  var exit: MirrorPlan.Exit = .half

  @Option(help: ArgumentHelp("0 is greedy (default: 0).", valueName: "t"))
  var temperature: Double?

  @Option(help: ArgumentHelp("Write the figures as JSON too.", valueName: "path"))
  var json: String?

  @OptionGroup(title: "Machine") var machine: MachineOptions

  mutating func validate() throws {
    try Bounds.check(
      "--max-new", maxNew, in: 16...4096, expected: "a number from 16 to 4096",
      remedy: "--max-new 128")
    try Bounds.check(
      "--draft-length", draftLength, in: 1...16, expected: "a number from 1 to 16",
      remedy: "--draft-length 7")
    try Bounds.check(
      "--branches", branches, in: 0...256, expected: "a number from 0 to 256",
      remedy: "--branches 32")
    try Bounds.check(
      "--exit-guesses", exitGuesses, in: 0...32, expected: "a number from 0 to 32",
      remedy: "--exit-guesses 8")
    if let temperature, !(0...10).contains(temperature) {
      throw ValidationError(
        "--temperature is \(temperature), expected a number from 0 to 10\n  try: --temperature 1")
    }
  }

  func run() throws {
    var settings = MirrorStudy.Settings(
      target: try model.resolve(), drafters: drafter, prompts: StudyPrompts.all)
    if !profile.isEmpty { settings.profiles = profile }
    if let maxNew { settings.count = maxNew }
    settings.exit = exit
    settings.mirror.length = draftLength ?? settings.mirror.length
    settings.mirror.branches = branches ?? settings.mirror.branches
    settings.mirror.exitCount = exitGuesses ?? settings.mirror.exitCount
    settings.mirror.patience = 30
    if let temperature, temperature > 0 {
      settings.sampler = .pure(temperature: temperature, seed: 1)
    }
    let progress = ProgressLine("measuring")
    defer { progress.finish() }
    let rows = try MirrorStudy(settings).run(on: machine.machine()) { _ in progress.update(0) }
    progress.finish()
    let report = MirrorStudy.report(rows, settings: settings)
    try StandardStream.output.write(report.text())
    if let json { try OutputFile.write(report.json.text(indented: true) + "\n", to: json) }
  }
}
