// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite context build`: reads a text and writes its context.
struct ContextBuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Read a text and write its context.",
    discussion: """
        $ dendrite context build handbook.txt -m model.gguf
        $ man bash | dendrite context build - -o bash.ctx

      The text is taken as it stands, without a chat template; a prompt of `dendrite run --context` \
      goes on right behind it.
      """)

  @Argument(help: "The text; - is the standard input.", completion: .file())
  var text: String

  @OptionGroup(title: "Model") var model: ModelOption

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The file to write or replace (default: the text's name, .ctx).", valueName: "path"))
  var output: String?

  @Option(
    help: ArgumentHelp("How keys and values are stored: f32, f16, bf16 or q8.", valueName: "type"),
    completion: .list(CacheType.allCases.map(\.rawValue)),
    transform: {
      try Choice.parse(
        $0, option: "--cache-type", among: CacheType.allCases.map { ($0.rawValue, $0) })
    })
  var cacheType: CacheType = .f16

  @OptionGroup(title: "Ranks") var ranks: RanksOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func run() async throws {
    guard let output = output ?? Self.defaultOutput(for: text) else {
      throw Failure(
        .usage, "a text from the standard input without --output, expected a name for the context",
        remedy: "dendrite context build - -o text.ctx")
    }
    let seat = try ranks.join()
    let path = try model.resolve()
    if let leader = seat.leader {
      try LocalModel.follow(
        path, on: machine.machine(), communicator: leader, options: RanksOptions.agreement)
      return seat.leave()
    }
    do {
      try await build(from: path, to: output, on: seat)
    } catch {
      if ranks.contextParallel { seat.fail(Failure(error).message) }
      throw error
    }
    seat.leave()
  }

  private func build(
    from path: String, to output: String, on seat: RanksOptions.Seat
  ) async throws {
    let text = try Prompt.text(ofFile: text)
    let loading = ProgressLine("loading \(path.split(separator: "/").last ?? "the model")")
    defer { loading.finish() }
    let loaded = try await LocalModel.load(path, on: machine.machine(), ranks: seat.ranks) {
      loading.update($0)
    }
    loading.finish()
    defer { loaded.endRanks() }
    let ids = loaded.engine.tokenizer.encode(text)
    let reading = ProgressLine("reading \(Figures.text(ids.count)) tokens")
    defer { reading.finish() }
    let began = ContinuousClock.now
    let builder = ContextBuilder(engine: loaded.engine)
    let work = Task {
      try await builder.build(ids: ids, cacheType: cacheType, to: output) {
        reading.update($0.fraction)
      }
    }
    let interrupt = Interrupt { work.cancel() }
    defer { interrupt.end() }
    try await work.value
    reading.finish()
    let file = try ContextFile(path: output)
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    StandardStream.say(
      "\(output): \(Figures.text(ids.count)) tokens read in \(Figures.text(seconds)) s, "
        + "\(MemoryBudget.text(file.byteCount)), \(cacheType.rawValue)")
  }

  /// The text's name with another ending; `nil` for the standard input.
  static func defaultOutput(for text: String) -> String? {
    if text == "-" { return nil }
    guard let dot = text.lastIndex(of: "."), text[dot...].firstIndex(of: "/") == nil,
      dot != text.startIndex, text[text.index(before: dot)] != "/"
    else { return text + ".ctx" }
    return text[..<dot] + ".ctx"
  }
}
