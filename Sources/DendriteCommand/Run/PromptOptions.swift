// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// What `run` is given to continue or to answer.
struct PromptOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Read the prompt from a file; - is the standard input.", valueName: "path"),
    completion: .file())
  var file: String?

  @Option(help: ArgumentHelp("What a chat model is told before the prompt.", valueName: "text"))
  var system: String?

  @Flag(
    name: [.customLong("raw"), .customLong("no-chat")],
    help: "Continue the prompt as it stands, without the model's chat template.")
  var raw = false

  mutating func validate() throws {
    if raw, system != nil {
      throw ValidationError(
        "there is a --system text, which --raw has no place for\n  try: leave one of them out")
    }
  }

  /// How prompts are written for a model.
  func format(for model: LocalModel) -> PromptFormat { raw ? .plain : model.promptFormat }

  /// Checks that the format has a place for everything, and passes on what is to be known about it.
  func check(_ model: LocalModel) throws(Failure) {
    if !raw, let note = model.promptFormatNote { StandardStream.say("note: \(note)") }
    if system != nil, format(for: model) == .plain {
      throw Failure(
        .usage, "there is a --system text, but the model has no chat template that is known here",
        remedy: "put the text at the beginning of the prompt")
    }
  }
}
