// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite prove`: checks the promises on the reader's own file and machine.
struct ProveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Check on a model file that nothing changes its answer, on this machine.",
    discussion: """
      Compares replies with guesses of every kind (look-up, trees, wrong ones, early exits, a \
      mirror) with the plain one, and the bits of logits: a row alone and among others, in trees, \
      in chunks of a prompt, with the work cut otherwise, with other threads, kernels and cache types, and after a \
      history was forked, truncated, saved and restored. Also: how near decoding comes to the \
      read limit and whether speculation pays (figures, no proofs), and that impossible \
      requests and damaged files are refused. Exits with 0 only if every promise holds.

      The text hash is a fingerprint of what the model says to a fixed prompt, with its \
      probabilities. The same file has the same hash on every machine and with all kernels.

        $ dendrite prove
        $ dendrite prove -m model.gguf -o proof.json
        $ dendrite prove -m model.gguf --hash
      """)

  @OptionGroup var model: ModelOption

  @Option(
    help: ArgumentHelp(
      "Seconds to aim at, loading not counted: more compares more rows.", valueName: "seconds"))
  var budget = 120.0

  @Option(help: ArgumentHelp("Chooses the rows and trees that are compared.", valueName: "n"))
  var seed: UInt64 = 1

  @Flag(help: "Make the text hash only.")
  var hash = false

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the JSON object to a file too.", valueName: "path"),
    completion: .file(extensions: ["json"]))
  var output: String?

  @OptionGroup(title: "Machine") var machine: MachineOptions

  mutating func validate() throws {
    try Bounds.check(
      "--budget", budget, in: 1...86_400, expected: "a number of seconds from 1 to 86400",
      remedy: "leave it out for 120")
  }

  func run() throws {
    let file = try ModelLocation.open(model.resolve())
    let machine = try machine.machine()
    let loading = ProgressLine("loading")
    let model = try CPUTransformer(file: file, machine: machine) { loading.update($0) }
    loading.finish()
    let facts =
      BenchmarkReport.facts(of: model, file: file) + [
        .init("threads", "\(machine.threads), \(machine.variant)")
      ]
    if !json { try StandardStream.output.write(Report("prove", facts: facts).text() + "\n") }
    let settings = Prover.Settings(budget: budget, seed: seed)
    let prover = try Prover(model: model, file: file, settings: settings)
    let record = prover.run(only: hash ? ["text"] : nil) { proof in
      if !json { try? StandardStream.output.write(proof.line + "\n") }
    }
    let report = record.json(facts: facts).text() + "\n"
    try StandardStream.output.write(json ? report : ProofSummary(record).text)
    if let output { try OutputFile.write(report, to: output) }
    if !record.holds { throw ExitCode(ExitStatus.failure.rawValue) }
  }
}
