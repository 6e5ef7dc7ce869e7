// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite lab exits`: what an early exit after a layer is worth.
struct ExitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exits",
    abstract: "Measure how often an early exit knows what the model will say.",
    discussion: """
      The model continues some texts by its own choice. After each layer the raw exit (final norm \
      and head on the hidden state) and, where NAME.exits.gguf beside NAME.gguf has one, the \
      trained exit say what they would have said. What helps a mirror is the coverage given that \
      a draft was rejected.

        $ dendrite lab exits
        $ dendrite lab exits -m model.gguf --drafter small.gguf --layers 8,12
        $ dendrite lab exits --temperature 0.8 --seed 1 --json exits.json

      Without a drafter, drafts are those of the prompt look-up, or the model's own second-best \
      tokens where that is rejected too rarely; the output says which.
      """)

  @OptionGroup var model: ModelOption

  @Option(
    help: ArgumentHelp(
      "A smaller model of the same vocabulary, whose drafts are checked.", valueName: "path"),
    completion: .file(extensions: ["gguf"]))
  var drafter: String?

  @Option(
    help: ArgumentHelp(
      "Layers before an exit (default: eighths of the depth, and those that were trained).",
      valueName: "list"),
    transform: { try Lists.numbers($0, option: "--layers", in: 1...1024) })
  var layers: [Int] = []

  @Option(help: ArgumentHelp("Candidates of a row.", valueName: "n"))
  var guesses = 8

  @Option(
    help: ArgumentHelp(
      "A text file with prompts, blank lines between them (default: twelve of code and maths).",
      valueName: "path"),
    completion: .file(extensions: ["txt"]))
  var prompts: String?

  @Option(help: ArgumentHelp("Tokens of a reply, at most.", valueName: "n"))
  var maxNew = 96

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "0 takes the most probable token every time; others filter as `dendrite run` does.",
      valueName: "t"))
  var temperature = 0.0

  @Option(help: ArgumentHelp("Determines what is sampled.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Write one JSON object to a file too.", valueName: "path"),
    completion: .file(extensions: ["json"]))
  var json: String?

  @OptionGroup(title: "Machine") var machine: MachineOptions

  mutating func validate() throws {
    try Bounds.check(
      "--guesses", guesses, in: 1...64, expected: "a number from 1 to 64", remedy: "--guesses 8")
    try Bounds.check(
      "--max-new", maxNew, in: 1...65_536, expected: "a number from 1 to 65536",
      remedy: "--max-new 96")
    if temperature != 0 {
      try Bounds.check(
        "--temperature", temperature, in: 1e-30...1e30, expected: "0 or a positive number",
        remedy: "--temperature 0 for the most probable token, 0.8 for variety")
    }
  }

  func run() throws {
    let path = try model.resolve()
    let texts = try prompts.map { try PromptList.read($0) } ?? StudyPrompts.all
    let file = try ModelLocation.open(path)
    try check(layers, against: file.modelConfiguration())
    let trained = try ExitStudy.trainedExits(beside: path)
    let tokenizer = try Tokenizer(file.vocabularyDescription())
    let machine = try machine.machine()
    let loading = ProgressLine("loading")
    let drafterModel = try drafter.map {
      try DrafterFile.load($0, tokenizer, on: machine, usesStreams: false)
    }
    let model = try CPUTransformer(file: file, machine: machine) { loading.update($0) }
    loading.finish()
    let study = try ExitStudy(
      model: model, tokenizer: tokenizer, trained: trained, drafter: drafterModel,
      settings: .init(
        layers: layers.isEmpty ? nil : layers, guesses: guesses, maximumTokens: maxNew,
        sampler: temperature == 0
          ? .greedy : SamplerSettings(temperature: temperature, seed: seed)))
    let studying = ProgressLine("studying")
    let findings = try study.run(texts) { studying.update($0) }
    studying.finish()
    let facts =
      BenchmarkReport.facts(of: model, file: file) + [
        .init("threads", "\(machine.threads), \(machine.variant)"),
        .init("tokens", temperature == 0 ? "the most probable" : sampling),
        .init(
          "exits",
          trained == nil
            ? "raw; trained ones would be in \(ExitStudy.sidecar(of: path))"
            : "raw, and trained ones of \(ExitStudy.sidecar(of: path))"),
      ]
    let report = findings.report(facts: facts)
    try StandardStream.output.write(report.text())
    if let json { try OutputFile.write(report.json.text() + "\n", to: json) }
  }

  private var sampling: String {
    "sampled at temperature \(temperature) with the default filters, seed \(seed)"
  }

  private func check(
    _ layers: [Int], against model: ModelConfiguration
  ) throws(Failure) {
    guard let layer = layers.first(where: { $0 > model.layerCount }) else { return }
    throw Failure(
      .usage,
      "--layers has \(layer), expected numbers up to \(model.layerCount), the model's layers",
      remedy: "--layers \(max(1, model.layerCount / 2))")
  }
}

/// Prompts of a text file: paragraphs with blank lines between them.
enum PromptList {
  /// Reads the file.
  ///
  /// - Throws: `noInput` or `badData` for a file that cannot be read, is not UTF-8, or holds no prompt.
  static func read(_ path: String) throws(Failure) -> [String] {
    guard !path.lowercased().hasSuffix(".jsonl") else {
      throw Failure(
        .badData, "'\(path)' is a list of JSON objects, expected a text file",
        remedy: "write the prompts as paragraphs, with blank lines between them")
    }
    let bytes = try StandardStream.readAll(path: path, limit: Prompt.longest)
    let prompts = paragraphs(of: try Prompt.text(bytes, from: "'\(path)'"))
    guard !prompts.isEmpty else {
      throw Failure(
        .badData, "'\(path)' holds no text, expected prompts with blank lines between them",
        remedy: "write some, or leave --prompts out for the twelve that come with the command")
    }
    return prompts
  }

  /// The paragraphs of a text.
  static func paragraphs(of text: String) -> [String] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .split { $0.allSatisfy(\.isWhitespace) }
      .map { $0.joined(separator: "\n") }
  }
}
