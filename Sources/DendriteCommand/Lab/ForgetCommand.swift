// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// `dendrite lab forget`: deletes what `--remember` kept.
struct ForgetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget",
    abstract: "Delete a file of remembered texts.",
    discussion: """
      Deletes a file that `dendrite run --drafter suffix --remember PATH` keeps, and no other kind of file.
      """)

  @Argument(help: "The file.", completion: .file())
  var path: String

  func run() throws {
    let wasThere = try SuffixMemory.forget(path: path)
    StandardStream.say(wasThere ? "forgotten: \(path)" : "nothing to forget: \(path) is not there")
  }
}
