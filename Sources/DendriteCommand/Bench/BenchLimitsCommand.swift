// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite bench limits`: speeds of a model beside the limits of the machine.
struct BenchLimitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits",
    abstract: "Measure decoding, prefill and verification against the limits of this machine.",
    discussion: """
      Every repetition measures everything once, the limits included: how fast all threads read \
      memory, and how many int8 products they form. Shares of a limit are medians over \
      repetitions, with the interval that holds the median with 95 % confidence. Let nothing else \
      run meanwhile; a share above 100 % means that the limit was measured wrongly.

        $ dendrite bench
        $ dendrite bench -m model.gguf --quick
        $ dendrite bench -m model.gguf --threads 1,2 --kernels avx2,avx512vnni
        $ dendrite bench -m model.gguf --only decode,prefill --prompt-lengths 128,512,2048

      Speed does not depend on the values of weights: `dendrite lab make-model` makes a file of a \
      published shape to measure with. The method is explained in Docs/Benchmarks.md.
      """)

  @OptionGroup var model: ModelOption

  @Option(
    help: ArgumentHelp(
      "Topics to measure: decode, prefill, verify, sample, pool (default: all).", valueName: "list"),
    completion: .list(BenchmarkSettings.Topic.allCases.map(\.rawValue)),
    transform: { try Lists.names($0, option: "--only", among: BenchmarkSettings.Topic.allCases) })
  var only: [BenchmarkSettings.Topic] = BenchmarkSettings.Topic.allCases

  @Option(
    help: ArgumentHelp(
      "Repetitions that count; one more is dropped (default: 30).", valueName: "n"))
  var repetitions: Int?

  @Flag(help: "Five repetitions: for a first look, too few to quote.")
  var quick = false

  @Option(
    help: ArgumentHelp("Lengths of prompts (default: 512).", valueName: "list"),
    transform: { try Lists.numbers($0, option: "--prompt-lengths", in: 1...1_048_576) })
  var promptLengths: [Int] = []

  @Option(
    help: ArgumentHelp("Rows of a verifying pass (default: 2,4,8,16,32).", valueName: "list"),
    transform: { try Lists.numbers($0, option: "--rows", in: 1...512) })
  var rows = [2, 4, 8, 16, 32]

  @Option(
    help: ArgumentHelp(
      "Tokens in the cache when rows are decoded and verified (default: 512).", valueName: "n"))
  var context: Int?

  @Option(
    help: ArgumentHelp(
      "How keys and values are stored: f32, f16, bf16 or q8 (default: f16).", valueName: "type"),
    completion: .list(CacheType.allCases.map(\.rawValue)),
    transform: {
      try Choice.parse(
        $0, option: "--cache-type", among: CacheType.allCases.map { ($0.rawValue, $0) })
    })
  var cacheType: CacheType = .f16

  @Option(
    help: ArgumentHelp(
      "Numbers of threads, each measured (default: the cores of this process).",
      valueName: "list"),
    transform: { try Lists.numbers($0, option: "--threads", in: 1...1024) })
  var threads: [Int] = []

  @Option(
    help: ArgumentHelp(
      "Kernel variants, each measured (default: the fastest of this CPU).", valueName: "list"),
    completion: .list(KernelVariant.available.map(\.name)),
    transform: { try Lists.variants($0, option: "--kernels") })
  var kernels: [KernelVariant] = [.best]

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print Markdown tables.")
  var markdown = false

  mutating func validate() throws {
    if quick, repetitions != nil {
      throw ValidationError("--quick and --repetitions\n  try: one of the two")
    }
    if json, markdown { throw ValidationError("--json and --markdown\n  try: one of the two") }
    try Bounds.check(
      "--repetitions", repetitions, in: 1...10_000, expected: "a number from 1 to 10000",
      remedy: "leave it out for 30")
    try Bounds.check(
      "--context", context, in: 0...1_048_576, expected: "a number of tokens, 0 or more",
      remedy: "leave it out for 512")
  }

  func run() throws {
    let file = try ModelLocation.open(model.resolve())
    let settings = try settings(for: file.modelConfiguration())
    let machines = try kernels.flatMap { variant in
      try (threads.isEmpty ? [AvailableCores.count()] : threads).map {
        try Machine(threads: $0, variant: variant)
      }
    }
    let loading = ProgressLine("loading")
    let model = try CPUTransformer(file: file, machine: machines[0]) { loading.update($0) }
    loading.finish()
    let measuring = ProgressLine("measuring")
    let report = try BenchmarkReport.make(
      model: model, file: file, machines: machines, settings: settings
    ) { measuring.update($0) }
    measuring.finish()
    try StandardStream.output.write(
      json ? report.json.text() + "\n" : markdown ? report.markdown() : report.text())
  }

  /// The settings; the defaults fit themselves to a model with a short context, options do not.
  private func settings(
    for model: ModelConfiguration
  ) throws(Failure) -> BenchmarkSettings {
    let longest = model.contextLength
    let settings = BenchmarkSettings(
      topics: Set(only), repetitions: repetitions ?? (quick ? 5 : 30),
      promptLengths: promptLengths.isEmpty ? [min(512, longest)] : promptLengths,
      verifyRows: rows, contextLength: context ?? min(512, longest / 2), cacheType: cacheType)
    guard settings.longestHistory <= longest else {
      throw Failure(
        .usage,
        "\(settings.longestHistory) tokens are to be measured, expected at most \(longest), the "
          + "length that the model was trained for",
        remedy: "a smaller --context, fewer --rows, or shorter --prompt-lengths")
    }
    return settings
  }
}
