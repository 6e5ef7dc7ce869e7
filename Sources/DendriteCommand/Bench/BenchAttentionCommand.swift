// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite bench attention`: attention over long contexts, on one rank and on several.
struct BenchAttentionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Measure attention over long contexts, on one rank and on several.",
    discussion: """
      A model with a published shape's heads and layers and nothing else decodes behind made-up keys \
      and values, on ranks that are threads of this process. The limit is reading them once.

        $ dendrite bench attention
        $ dendrite bench attention --context 1048576 --cache-type q8 --ranks 2 --repetitions 3

      On ranks beyond the cores it shows that work is divided, not that it becomes faster.
      """)

  @Option(
    help: ArgumentHelp("Whose heads and layers.", valueName: "name"),
    completion: .list(ModelShape.all.map(\.name)),
    transform: { text in
      guard let shape = ModelShape(named: text) else {
        throw Choice.refusal(text, option: "--shape", names: ModelShape.all.map(\.name))
      }
      return shape
    })
  var shape: ModelShape = ModelShape.all[0]

  @Option(help: ArgumentHelp("Tokens of history.", valueName: "n"))
  var context = 32_768

  @Option(
    help: ArgumentHelp("How keys and values are stored: f32, f16, bf16 or q8.", valueName: "type"),
    completion: .list(CacheType.allCases.map(\.rawValue)),
    transform: {
      try Choice.parse(
        $0, option: "--cache-type", among: CacheType.allCases.map { ($0.rawValue, $0) })
    })
  var cacheType: CacheType = .f16

  @Option(
    help: ArgumentHelp("Numbers of ranks, each measured.", valueName: "list"),
    transform: { text in
      let numbers = try Lists.numbers(text, option: "--ranks", in: 1...16)
      guard numbers.allSatisfy({ [1, 2, 4, 8, 16].contains($0) }) else {
        throw ValidationError("expected numbers among 1, 2, 4, 8 and 16\n  try: --ranks 1,2,4")
      }
      return numbers
    })
  var ranks = [1, 2, 4, 8]

  @Option(help: ArgumentHelp("Samples of each, interleaved.", valueName: "n"))
  var repetitions = 10

  @OptionGroup(title: "Machine") var machine: MachineOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print Markdown tables.")
  var markdown = false

  mutating func validate() throws {
    if json, markdown { throw ValidationError("--json and --markdown\n  try: one of the two") }
    try Bounds.check(
      "--repetitions", repetitions, in: 1...10_000, expected: "a number from 1 to 10000",
      remedy: "leave it out for 10")
    try Bounds.check(
      "--context", context, in: 1...16_000_000, expected: "1 to 16000000 tokens",
      remedy: "leave it out for 32768")
  }

  func run() throws {
    let filling = ProgressLine("filling caches")
    defer { filling.finish() }
    let benchmark = try AttentionBenchmark(
      .init(
        shape: shape, context: context, cacheType: cacheType, ranks: ranks,
        repetitions: repetitions), machine: machine.machine())
    filling.finish()
    let measuring = ProgressLine("measuring")
    defer { measuring.finish() }
    let report = try benchmark.run { measuring.update($0) }
    measuring.finish()
    try StandardStream.output.write(
      json ? report.json.text() + "\n" : markdown ? report.markdown() : report.text())
  }
}
