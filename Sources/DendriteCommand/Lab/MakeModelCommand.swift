// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// `dendrite lab make-model`: writes a model file of a published shape with random weights.
struct MakeModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "make-model",
    abstract: "Write a model file of a published shape with random weights.",
    discussion: """
      Speed does not depend on the values of weights, so such a file stands in for the real one \
      when something is measured. It loads in llama.cpp too. Its text is noise.

        $ dendrite lab make-model --shape llama-3.2-1b --type q4_0 -o 1b.gguf
        $ dendrite inspect 1b.gguf
        $ dendrite run -m 1b.gguf --raw --max-tokens 20 "Hello"

      Shapes:
      \(Choice.lines(ModelShape.all.map(\.name)).indented(by: 2))

      Types:
      \(Choice.lines(WeightFormat.names).indented(by: 2))
      """)

  @Option(
    help: ArgumentHelp("The sizes: one of the names above.", valueName: "name"),
    completion: .list(ModelShape.all.map(\.name)),
    transform: {
      try Choice.parse($0, option: "--shape", among: ModelShape.all.map { ($0.name, $0) })
    })
  var shape: ModelShape

  @Option(
    help: ArgumentHelp(
      "How matrices are stored: one of the names above, in either case.", valueName: "name"),
    completion: .list(WeightFormat.names.map { $0.lowercased() }),
    transform: { text in
      guard let format = WeightFormat(named: text) else {
        throw Choice.refusal(text, option: "--type", names: WeightFormat.names)
      }
      return format
    })
  var type: WeightFormat

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write or replace.", valueName: "path"),
    completion: .file(extensions: ["gguf"]))
  var output: String

  @Option(help: ArgumentHelp("Determines every weight.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp("The context length in the file (default: the shape's).", valueName: "n"))
  var context: Int?

  mutating func validate() throws {
    try Bounds.check(
      "--context", context, in: 1...(1 << 30), expected: "a number from 1 to \(1 << 30)",
      remedy: "leave it out for the shape's own length")
  }

  func run() async throws {
    let shape = context.map { self.shape.withContextLength($0) } ?? self.shape
    let maker = ModelMaker(shape: shape, format: type, seed: seed)
    let progress = ProgressLine("writing \(output)")
    let task = Task { [output] in
      defer { progress.finish() }
      try maker.write(to: output) { written, total in
        progress.update(Double(written) / Double(max(total, 1)))
      }
    }
    let interrupt = Interrupt { task.cancel() }
    defer { interrupt.end() }
    try await task.value
    let size = MemoryBudget.text(try GGUFFile(path: output).fileByteCount)
    StandardStream.say(
      "\(output): \(shape.name) in \(type.name), \(size), random weights of seed \(seed)")
  }
}
