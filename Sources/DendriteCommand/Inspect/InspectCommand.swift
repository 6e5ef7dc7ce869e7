// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite inspect`: what is in a model file, or what this machine can do.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a model file, or what this machine can do.",
    discussion: """
      With a file or a directory: its sizes, its tokenizer, its tensors by type, and the memory that it needs. \
      Weights are not read. Without one: the processor, the kernels it can run, and its limits \
      as measured, which takes about two seconds.

        $ dendrite inspect
        $ dendrite inspect model.gguf
        $ dendrite inspect model.gguf --tensors
        $ dendrite inspect model.gguf --metadata --json
        $ dendrite inspect model.gguf --tokens "Hello, world"

      --tokens, --tensors and --metadata without a file look at the model that `dendrite run` \
      takes without -m.
      """)

  @Argument(
    help:
      "A model file (.gguf; any shard of a split one), a directory, or owner/name in the Hub cache.",
    completion: .file(extensions: ["gguf"]))
  var file: String?

  @OptionGroup var model: ModelOption

  @Option(help: ArgumentHelp("Show how a text is cut into tokens.", valueName: "text"))
  var tokens: String?

  @Flag(help: "With --tokens: names of control tokens in the text become those tokens.")
  var special = false

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(help: "List every key of the metadata; long arrays are shortened.")
  var metadata = false

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(inversion: .prefixedNo, help: "Measure the machine's limits.")
  var measure = true

  @OptionGroup(title: "Machine") var machine: MachineOptions

  mutating func validate() throws {
    if special, tokens == nil {
      throw ValidationError(
        "--special without --tokens, expected both\n  try: --tokens \"<|im_start|>\" --special")
    }
    if let file, let other = model.path {
      throw ValidationError(
        "two files, '\(file)' and -m '\(other)', expected one\n  try: one `dendrite inspect` for each"
      )
    }
  }

  func run() async throws {
    let wantsModel = tokens != nil || tensors || metadata
    guard let path = try file ?? model.path ?? (wantsModel ? ModelOption.defaultPath() : nil) else {
      return try print(MachineInspection(machine.machine(), isMeasured: measure).report)
    }
    let file = try ModelLocation.open(path)
    if let tokens {
      let tokenizer = try Tokenizer(file.vocabularyDescription())
      return try print(TokenInspection(tokens, tokenizer, parsingSpecial: special).report)
    }
    try print(
      ModelInspection(file).report(listsTensors: tensors, listsMetadata: metadata))
  }

  private func print(_ report: InspectionReport) throws(Failure) {
    try StandardStream.output.write(json ? report.json.text() + "\n" : report.text)
  }
}
