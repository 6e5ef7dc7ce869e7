// SPDX-License-Identifier: Apache-2.0
internal import Dendrite

/// A person at the terminal: a line in, a reply out, until Ctrl-D.
struct Conversation {
  let maker: ReplyMaker
  /// What is remembered, for models that chat.
  let chat: ChatSession
  /// The seed of every reply; without one each draws its own.
  let seed: UInt64?

  /// Runs until the input ends.
  ///
  /// Ctrl-C ends a reply; between replies it ends the program.
  func run() async throws {
    var maker = maker
    let name = maker.model.description.name
    let what =
      maker.format == .plain
      ? "It continues what you type; every line is a new text." : "It remembers the conversation."
    StandardStream.say("\(name.isEmpty ? "The model" : name) is ready. \(what) Ctrl-D ends.")
    while let line = try nextLine() {
      if line.allSatisfy(\.isWhitespace) { continue }
      maker.settings.sampler.seed = seed ?? SamplingOptions.randomSeed()
      do {
        if maker.format == .plain {
          try await maker.continueText(line)
        } else {
          try await maker.ask(line, in: chat)
        }
      } catch let error as DecodingError where error.code == .promptTooLong {
        StandardStream.say(Failure(error).description)
      }
    }
    StandardStream.say("")
  }

  private func nextLine() throws(Failure) -> String? {
    try StandardStream.error.write("> ")
    return readLine()
  }
}
