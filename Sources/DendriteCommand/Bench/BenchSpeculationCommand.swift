// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport
internal import Synchronization

/// `dendrite bench speculation`: what drafters are worth, task by task.
struct BenchSpeculationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speculation",
    abstract: "Measure drafters on questions, as Spec-Bench does.",
    discussion: """
      Answers every question plainly and with each drafter, compares the texts token by token, \
      and reports speed-ups by task. A text that differs ends the run with exit code 1.

        $ dendrite bench speculation --questions spec-bench.jsonl
        $ dendrite bench speculation --questions spec-bench.jsonl --html page.html
        $ dendrite bench speculation --questions HumanEval.jsonl --per-category 0

      Files have one JSON object to a line: Spec-Bench (question_id, category, turns), HumanEval \
      (task_id, prompt) or GSM8K (question, answer). They are not part of Dendrite:
        github.com/hemingkx/Spec-Bench    data/spec_bench/question.jsonl
        github.com/openai/human-eval      data/HumanEval.jsonl.gz (gunzip it first)
        github.com/openai/grade-school-math

      MT-Bench's eight categories are one task, multi-turn conversation, and take turns in it. A \
      model with a chat template is asked in its own format; any other is given "Question: … \
      Answer:", and code as it stands.

      A target and a drafter with one vocabulary (not run by us: no weights here; Qwen 3 is not \
      read yet):

        $ dendrite bench speculation --questions spec-bench.jsonl \\
            -m Llama-3.1-8B-Instruct-Q4_0.gguf \\
            --drafter model:Llama-3.2-1B-Instruct-Q4_0.gguf
        $ dendrite bench speculation --questions spec-bench.jsonl \\
            -m Qwen2.5-7B-Instruct-Q4_0.gguf \\
            --drafter model:Qwen2.5-0.5B-Instruct-Q4_0.gguf
        $ dendrite bench speculation --questions spec-bench.jsonl \\
            -m Qwen3-8B-Q4_0.gguf --drafter model:Qwen3-0.6B-Q4_0.gguf
      """)

  @OptionGroup(title: "Model") var model: ModelOption

  @Option(
    help: ArgumentHelp("A file of questions. Repeatable.", valueName: "path"),
    completion: .file(extensions: ["jsonl"]))
  var questions: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Questions of each task, the first of the files; 0 asks all.", valueName: "n"))
  var perCategory = 10

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The longest reply to a turn, in tokens.", valueName: "n"))
  var maxNew = 128

  @Option(
    help: ArgumentHelp(
      "Who guesses, as for `dendrite run`. Several with commas between, or repeated (default: lookup,auto).",
      valueName: "list"))
  var drafter: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Guesses a pass, where a drafter does not choose.", valueName: "n"))
  var draftLength = 8

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("0 takes the most probable token every time.", valueName: "t"))
  var temperature = 0.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The seed of every reply, at a temperature above 0.", valueName: "n"))
  var seed = 1

  @Option(
    help: ArgumentHelp("Write figures of every question to a JSON file.", valueName: "path"),
    completion: .file(extensions: ["json"]))
  var json: String?

  @Option(
    help: ArgumentHelp("Write one HTML page with charts.", valueName: "path"),
    completion: .file(extensions: ["html"]))
  var html: String?

  @Option(help: ArgumentHelp("A date for the reports (default: none).", valueName: "text"))
  var date: String?

  @OptionGroup(title: "Context") var context: ContextOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  mutating func validate() throws {
    if questions.isEmpty {
      throw ValidationError(
        "no --questions, expected a file of questions\n  try: --questions spec-bench.jsonl, "
          + "see --help for where it is")
    }
    try Bounds.check(
      "--per-category", perCategory, in: 0...Int.max, expected: "0 (all) or a positive number",
      remedy: "--per-category 10")
    try Bounds.check(
      "--max-new", maxNew, in: 1...Int.max, expected: "a positive number of tokens",
      remedy: "--max-new 128")
    try Bounds.check(
      "--draft-length", draftLength, in: 1...Speculation.longestDraft,
      expected: "a number from 1 to \(Speculation.longestDraft)", remedy: "--draft-length 8")
    if temperature != 0 {
      try Bounds.check(
        "--temperature", temperature, in: 1e-30...1e30, expected: "0 or a positive number",
        remedy: "--temperature 0, as Spec-Bench has it")
    }
    try Bounds.check(
      "--seed", seed, in: 0...Int.max, expected: "a whole number, 0 or more", remedy: "--seed 1")
    _ = try arms()
  }

  func run() async throws {
    for path in [json, html].compactMap({ $0 }) { try OutputFile.check(path) }
    let chosen = Question.select(
      try questions.flatMap { try Self.read($0) }, perTask: perCategory)
    let path = try model.resolve()
    let file = try ModelLocation.open(path)
    try context.check(against: file.modelConfiguration())
    let machine = try machine.machine()
    let loading = ProgressLine("loading")
    let model = try await LocalModel.load(path, on: machine) { loading.update($0) }
    loading.finish()
    var settings = SpeculationBenchmark.Settings(
      maximumTokens: maxNew, sampler: try sampler(), context: context.settings)
    settings.modelPath = path
    let benchmark = SpeculationBenchmark(
      tokenizer: model.engine.tokenizer, format: model.promptFormat, settings: settings,
      arms: try arms(), questions: chosen)
    let report = SpeculationReport(
      try await measure(benchmark, model), model: model.description,
      facts: facts(of: model, file, machine), perTask: perCategory, command: command, date: date)
    try StandardStream.output.write(report.report.text())
    if let json { try OutputFile.write(report.json.text() + "\n", to: json) }
    if let html { try OutputFile.write(report.page.text(), to: html) }
  }

  // MARK: What is asked for

  private func arms() throws -> [SpeculationArm] {
    try SpeculationArm.list(
      drafter.isEmpty ? ["lookup", "auto"] : drafter, draftLength: draftLength)
  }

  /// The sampler of `dendrite run` with this temperature and seed.
  private func sampler() throws -> SamplerSettings {
    try SamplingOptions.parse(["--temperature", "\(temperature)", "--seed", "\(seed)"]).settings()
  }

  private static func read(_ path: String) throws(Failure) -> [Question] {
    let bytes = try StandardStream.readAll(path: path, limit: QuestionFile.longest)
    guard bytes.count <= QuestionFile.longest else {
      throw Failure(
        .badData, "'\(path)' has more than \(QuestionFile.longest >> 20) MiB, expected questions",
        remedy: "take a part of it, for example with `head -n 1000`")
    }
    do {
      return try QuestionFile.parse(bytes, name: path)
    } catch {
      throw Failure(.badData, error.message, remedy: error.remedy)
    }
  }

  // MARK: Running

  private func measure(
    _ benchmark: SpeculationBenchmark, _ model: LocalModel
  ) async throws -> SpeculationResult {
    let progress = ProgressLine("answering")
    defer { progress.finish() }
    let stop = Stop()
    let interrupt = Interrupt { stop.isWanted.store(true, ordering: .relaxed) }
    defer { interrupt.end() }
    do {
      return try await model.engine.withModel { target in
        try benchmark.run(
          on: target, isCancelled: { stop.isWanted.load(ordering: .relaxed) },
          progress: { progress.update($0) })
      }
    } catch let difference as SpeculationBenchmark.Difference {
      progress.finish()
      throw Failure(.failure, difference.message, remedy: difference.remedy)
    }
  }

  /// Whether Ctrl-C was pressed.
  private final class Stop: Sendable {
    let isWanted = Atomic<Bool>(false)
  }

  // MARK: Facts

  private func facts(
    of model: LocalModel, _ file: any ModelSource, _ machine: Machine
  ) -> [Report.Fact] {
    let names = questions.map { String($0.split(separator: "/").last ?? "") }
    return BenchmarkReport.facts(of: model.description, file: file) + [
      .init("threads", "\(machine.threads), \(machine.variant)"),
      .init("cache", context.cacheType.rawValue),
      .init("questions", names.joined(separator: ", ")),
      .init(
        "replies",
        "at most \(maxNew) tokens, "
          + (temperature == 0 ? "greedy" : "temperature \(temperature), seed \(seed)")),
    ]
  }

  /// The command line as a shell takes it.
  private var command: String {
    (["dendrite"] + CommandLine.arguments.dropFirst()).map(Shell.quoted).joined(separator: " ")
  }
}
