// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `dendrite context`: texts that were read once, in files.
struct ContextCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "context",
    abstract: "Read a long text once, and ask about it for ever.",
    discussion: """
      Reading a handbook takes minutes; opening what was read takes milliseconds, in any process and \
      on any number of ranks, and gives the same text:

        $ dendrite context build handbook.txt -m model.gguf -o handbook.ctx
        $ dendrite run -m model.gguf --context handbook.ctx "How long is the notice period?"
        $ dendrite context list

      A context belongs to the model file that read it.
      """,
    subcommands: [ContextBuildCommand.self, ContextListCommand.self])
}
