// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// `dendrite bench`: measurements of speed; without a name, those beside the limits of the machine.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure speeds: against the limits of this machine, and of drafters.",
    discussion: """
      Without a name, `limits`: decoding, prefill and verification against what this machine can \
      do at most. `dendrite bench limits --help` lists its options.

        $ dendrite bench
        $ dendrite bench -m model.gguf --quick
        $ dendrite bench -m model.gguf --threads 1,2 --kernels avx2,avx512vnni

      With `speculation`: questions of Spec-Bench, HumanEval and GSM8K, answered plainly and with \
      every drafter.

        $ dendrite bench speculation --questions spec-bench.jsonl

      With `attention`: long contexts, on one rank and on several.

        $ dendrite bench attention

      The method is explained in Docs/Benchmarks.md.
      """,
    subcommands: [
      BenchLimitsCommand.self, BenchSpeculationCommand.self, BenchAttentionCommand.self,
    ],
    defaultSubcommand: BenchLimitsCommand.self)
}
