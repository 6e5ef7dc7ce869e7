// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// `dendrite lab inflate`: writes a small model as a larger network that computes the same.
struct InflateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inflate",
    abstract: "Write a small model as a larger network that says the same.",
    discussion: """
      The larger network costs what its shape costs, and its text is the small model's, token for \
      token: for measuring speculation where no large model is at hand. A figure measured with it \
      says so.

        $ dendrite lab inflate --to llama-3.2-1b -o 1b.gguf
        $ dendrite lab inflate --to 2048x16x8192 --type q4_0 -o 1b.gguf \\
        >   --small small.gguf

      Trained exits and streams beside the model (NAME.exits.gguf, NAME.streams.gguf) are inflated \
      along with it: exits after the layers where the larger network knows as much, with the same \
      logits, bit for bit. Streams so near zero that the marks of spare tokens would change a bit are \
      left out, and that is said; --vocabulary keep needs no marks.

      With a --type that is not the model's own, its weights are quantised again: the text is then \
      that of the file that --small writes, bit for bit.

      Shapes, beside WIDTHxLAYERSxFFN (the width 1, 4, 16 or 64 times the model's):
      \(Choice.lines(ModelShape.all.map(\.name)).indented(by: 2))
      """)

  @OptionGroup var model: ModelOption

  @Option(
    help: ArgumentHelp(
      "The sizes: a shape, or width, layers and feed-forward width.", valueName: "shape"),
    completion: .list(ModelShape.all.map(\.name)),
    transform: { text in
      guard let target = InflationTarget(text) else {
        throw Choice.refusal(
          text, option: "--to", names: ModelShape.all.map(\.name) + ["WIDTHxLAYERSxFFN"])
      }
      return target
    })
  var to: InflationTarget

  @Option(
    help: ArgumentHelp(
      "How matrices are stored: q4_0 or q8_0 (default: as the model's).", valueName: "name"),
    completion: .list(["q4_0", "q8_0"]),
    transform: {
      try Choice.parse($0, option: "--type", among: [("q4_0", .q4_0), ("q8_0", .q8_0)])
    })
  var type: TensorType?

  /// How many tokens the larger model has.
  enum Vocabulary: Sendable, Hashable {
    case keep
    case size(Int)
  }

  @Option(
    help: ArgumentHelp(
      "How many tokens, or `keep` (default: a named shape's, else the model's).",
      discussion: "Tokens beyond the model's are never chosen.", valueName: "n"),
    transform: { text in
      if text.lowercased() == "keep" { return .keep }
      guard let size = Int(text), (1...(1 << 24)).contains(size) else {
        throw ValidationError(
          "expected `keep` or a number from 1 to \(1 << 24)\n  try: --vocabulary keep")
      }
      return .size(size)
    })
  var vocabulary: Vocabulary?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write or replace.", valueName: "path"),
    completion: .file(extensions: ["gguf"]))
  var output: String

  @Option(
    help: ArgumentHelp(
      "Also write the small model, with its matrices as --type says.", valueName: "path"),
    completion: .file(extensions: ["gguf"]))
  var small: String?

  @Option(help: ArgumentHelp("Determines the extra weights.", valueName: "n"))
  var seed: UInt64 = 0

  func run() async throws {
    let path = try model.resolve()
    let source = try GGUFFile(path: path)
    var target = to
    switch vocabulary {
    case .keep: target.vocabularySize = nil
    case .size(let size): target.vocabularySize = size
    case nil: break
    }
    let inflater = try ModelInflater(source, to: target, type: type, seed: seed)
    try await write(inflater, to: output)
    let millions = (inflater.configuration.parameterCount + 500_000) / 1_000_000
    let twin = inflater.isVerbatim ? path : small ?? "\(path) in \(inflater.type)"
    let size = MemoryBudget.text(try GGUFFile(path: output).fileByteCount)
    StandardStream.say(
      "\(output): \(inflater.configuration.name) in \(inflater.type), \(millions) M weights, "
        + "\(size); says what \(twin) says")
    try writeSidecars(of: path, inflater, beside: output)
    guard let small else { return }
    let sizes = InflationTarget(sizesOf: try source.modelConfiguration())
    let same = try ModelInflater(source, to: sizes, type: inflater.type)
    try await write(same, to: small)
    try writeSidecars(of: path, same, beside: small)
  }

  /// Writes what lies beside the small model for the model that was written.
  private func writeSidecars(
    of source: String, _ inflater: ModelInflater, beside output: String
  ) throws {
    for kind in ["exits", "streams"] {
      let sidecar = DrafterFile.sidecar(kind, of: source)
      guard FileCheck.isReadable(sidecar) else { continue }
      let target = DrafterFile.sidecar(kind, of: output)
      do throws(CheckpointError) {
        try inflater.writeSidecar(
          GGUFFile(path: sidecar), for: GGUFFile(path: output), to: target)
        StandardStream.say("\(target): the \(kind) of \(sidecar), for this model")
      } catch {
        guard error.code == .unsuitableTarget else { throw error }
        StandardStream.say("\(sidecar) is left out: \(error.message)\n  try: \(error.remedy)")
      }
    }
  }

  private func write(_ inflater: ModelInflater, to path: String) async throws {
    let progress = ProgressLine("writing \(path)")
    let task = Task {
      defer { progress.finish() }
      try inflater.write(to: path) { written, total in
        progress.update(Double(written) / Double(max(total, 1)))
      }
    }
    let interrupt = Interrupt { task.cancel() }
    defer { interrupt.end() }
    try await task.value
  }
}
