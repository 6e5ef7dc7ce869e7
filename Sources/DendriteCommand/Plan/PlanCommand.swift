// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `dendrite plan`: what something would cost, before it is built or bought.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say what something would cost, before it is built.",
    discussion: """
      A plan computes; it measures nothing and needs no cluster. Its figures say "simulated".

        $ dendrite plan cluster --shape llama-3.1-8b --context 1M --ranks 8
        $ dendrite plan cluster -m model.gguf --context 128k --ranks 4
      """,
    subcommands: [PlanClusterCommand.self])
}
