// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite run`: generates text with a model.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Generate text with a model.",
    discussion: """
      The prompt is an argument, a file, or the standard input; at a terminal without any of them \
      you talk to the model line by line. The text streams to the standard output; a line on \
      the standard error says what it cost and how to get it again.

        $ dendrite run "def fibonacci(n):"
        $ dendrite run -m model.gguf --temperature 0 "Once upon a time"
        $ git diff | dendrite run -m model.gguf --system "Summarise this change."
        $ dendrite run -m model.gguf --file story.txt --stop $'\\n\\n' --seed 7
        $ dendrite run -m model.gguf

      A model with a chat template answers the prompt. Any other model, and any with --raw, \
      continues it: prompt and reply are printed as one text, closed by an empty line \
      (--no-echo prints the reply alone). The line break that ends a file or the standard \
      input is not part of the prompt.

      The same model, prompt, seed, settings and cache type give the same text on every machine, \
      with any number of threads.

      With --json every line of output is an object. For each token:
        {"type":"fragment","text":" time","id":309,"logprob":-0.12,"origin":"plain"}
      A text that a later token may complete, to a character or to a --stop text, comes with \
      that token. At the end:
        {"type":"end","finish_reason":"length","stop":null,"seed":7,
         "prompt_tokens":5,"generated_tokens":200,…,
         "settings":{…},"model":{…},"machine":{…}}
      A reason is stop, stop_string, length, context_full or cancelled.

      Ctrl-C ends the reply, with statistics and exit code 130; a second one ends the program.
      """)

  @Argument(help: "The prompt. Put -- before one that begins with a dash.")
  var prompt: String?

  @OptionGroup(title: "Model") var model: ModelOption
  @OptionGroup(title: "Prompt") var promptOptions: PromptOptions
  @OptionGroup(title: "Reply") var reply: ReplyOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Speculation") var speculation: SpeculationOptions
  @OptionGroup(title: "Context") var context: ContextOptions
  @OptionGroup(title: "Ranks") var ranks: RanksOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func run() async throws {
    let seat = try ranks.join()
    if let leader = seat.leader {
      try LocalModel.follow(
        model.resolve(), on: machine.machine(), communicator: leader,
        options: RanksOptions.agreement)
      return seat.leave()
    }
    if !reply.quiet { for advice in seat.advice { StandardStream.say("note: \(advice)") } }
    do {
      try await run(on: seat)
    } catch {
      // The others wait for this rank; they end with its words.
      if ranks.contextParallel { seat.fail(Failure(error).message) }
      throw error
    }
    seat.leave()
  }

  private func run(on seat: RanksOptions.Seat) async throws {
    switch try Prompt.find(argument: prompt, file: promptOptions.file) {
    case .text(let text):
      var maker = try await makeReplyMaker(isTyped: false, seat)
      defer { maker.model.endRanks() }
      let trace = speculation.trace.map { _ in TraceRecorder() }
      maker.settings.trace = trace
      let hasEnded =
        maker.format == .plain || maker.file != nil
        ? try await maker.continueText(text) : try await maker.ask(text, in: chat(maker))
      if let trace, let path = speculation.trace {
        try OutputFile.write(TraceFile.json(trace.events).text(indented: false) + "\n", to: path)
      }
      if !hasEnded { throw Failure.interrupted }
    case .conversation:
      if reply.json {
        throw Failure(
          .usage, "--json without a prompt, expected one",
          remedy: "dendrite run --json \"Once upon a time\"")
      }
      if speculation.trace != nil {
        throw Failure(
          .usage, "--trace without a prompt, expected one",
          remedy: "dendrite run --trace trace.json \"Once upon a time\"")
      }
      if context.file != nil {
        throw Failure(
          .usage, "--context with a file and without a prompt, expected one",
          remedy: "dendrite run --context handbook.ctx \"How long is the notice period?\"")
      }
      let maker = try await makeReplyMaker(isTyped: true, seat)
      defer { maker.model.endRanks() }
      try await Conversation(maker: maker, chat: chat(maker), seed: sampling.seed).run()
    }
  }

  /// Loads the model and puts everything together.
  private func makeReplyMaker(
    isTyped: Bool, _ seat: RanksOptions.Seat
  ) async throws -> ReplyMaker {
    let path = try model.resolve()
    if context.tokens != nil {
      try context.check(against: ModelLocation.open(path).modelConfiguration())
    }
    let file = try context.file.map { try ContextFile(path: $0) }
    let machine = try machine.machine()
    let model = try await load(path, on: machine, seat.ranks)
    try promptOptions.check(model)
    let format = promptOptions.format(for: model)
    return ReplyMaker(
      model: model, machine: machine, context: context.settings,
      settings: reply.settings(
        sampling.settings(), speculation: speculation.speculation, format: format),
      printer: ReplyPrinter(
        form: try reply.form(for: format, isTyped: isTyped), isQuiet: reply.quiet,
        showsSpeculation: speculation.showSpeculation && !reply.json),
      format: format, file: file, ranks: seat.count)
  }

  private func load(
    _ path: String, on machine: Machine, _ ranks: ContextRanks?
  ) async throws -> LocalModel {
    let progress = ProgressLine("loading \(path.split(separator: "/").last ?? "the model")")
    defer { progress.finish() }
    let model = try await LocalModel.load(
      path, on: machine, drafter: speculation.file(), ranks: ranks
    ) { progress.update($0) }
    progress.finish()
    if let note = model.drafterNote, !reply.quiet { StandardStream.say(note) }
    return model
  }

  private func chat(_ maker: ReplyMaker) -> ChatSession {
    ChatSession(
      maker.model, instructions: promptOptions.system, promptFormat: maker.format,
      context: maker.context)
  }
}
