// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `dendrite lab`: tools for those who build and measure Dendrite.
struct LabCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Tools for building and measuring.",
    discussion: """
      What a measurement needs and a user does not:

        $ dendrite lab make-model --shape llama-3.2-1b --type q4_0 -o 1b.gguf
        $ dendrite lab inflate --to llama-3.2-1b -o 1b.gguf
        $ dendrite lab drafter -m drafter.gguf --listen 127.0.0.1:7411
        $ dendrite lab exits -m model.gguf --drafter small.gguf
        $ dendrite lab mirror --drafter drafter.gguf
        $ dendrite lab probe -o here.json
      """,
    shouldDisplay: false,
    subcommands: [
      MakeModelCommand.self, InflateCommand.self, DrafterCommand.self, MirrorCommand.self,
      ExitsCommand.self, ForgetCommand.self, ProbeCommand.self,
    ])
}
