// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

@Suite struct InflateTests {
  static let model = Repository.golden("logits/llama2.gguf")

  @Test(arguments: ["q8_0", "q4_0"])
  func `an inflated model says what the small one says`(type: String) async throws {
    let folder = try TemporaryFolder()
    let large = try folder.path("large.gguf")
    let small = try folder.path("small.gguf")
    let made = try await CommandLineTool.run(
      "lab", "inflate", "-m", Self.model, "--to", "256x4x320", "--vocabulary", "1000", "--type",
      type, "-o", large, "--small", small, "--seed", "4")
    #expect(made.status == 0, "\(made.errors)")
    #expect(made.errors.hasPrefix("\(large): "), "\(made.errors)")
    #expect(made.errors.contains(" inflated to 256x4x320 in \(type.uppercased()), 3 M weights, "))
    #expect(made.errors.hasSuffix("; says what \(small) says\n"), "\(made.errors)")
    let inspected = try await CommandLineTool.run("inspect", large)
    #expect(inspected.text.contains("1,000 tokens"), "\(inspected.text)")
    try await compare(small, large, prompts: ["Once upon", "x", "Das Boot 🦊"])
  }

  @Test(.tags(.slow)) func `so does the bundled model, in its own type`() async throws {
    let folder = try TemporaryFolder()
    let large = try folder.path("large.gguf")
    let made = try await CommandLineTool.run(
      "lab", "inflate", "-m", Repository.bundledModel, "--to", "2048x5x544", "--vocabulary",
      "4224", "-o", large)
    #expect(made.status == 0, "\(made.errors)")
    #expect(made.errors.contains("; says what \(Repository.bundledModel) says\n"))
    // Its exits come along, and are found where exits are looked for.
    let exits = large.dropLast(5) + ".exits.gguf"
    #expect(made.errors.hasSuffix(".exits.gguf, for this model\n"), "\(made.errors)")
    #expect(made.errors.contains("\n\(exits): the exits of "))
    let prompts = try folder.path("prompts.txt", Array("def f(n):\n    return".utf8))
    let study = try await CommandLineTool.run(
      "lab", "exits", "-m", large, "--layers", "2", "--max-new", "4", "--prompts", prompts)
    #expect(study.status == 0 && study.text.contains("trained"), "\(study.errors)\(study.text)")
    try await compare(
      Repository.bundledModel, large, prompts: ["def add(a, b):", "import Foundation\n"])
  }

  /// Greedy, and sampled with the same seed, from whole distributions and from their tops.
  private func compare(_ small: String, _ large: String, prompts: [String]) async throws {
    let samplers = [
      ["--temperature", "0"], ["--temperature", "1", "--seed", "5"],
      ["--temperature", "1.5", "--seed", "6", "--top-k", "20", "--top-p", "0.9"],
    ]
    for prompt in prompts {
      for sampler in samplers {
        let rest = ["--raw", "--ignore-eos", "--max-tokens", "24", prompt] + sampler
        let expected = try await CommandLineTool.run(["run", "-m", small] + rest)
        let found = try await CommandLineTool.run(["run", "-m", large] + rest)
        #expect(expected.status == 0 && found.status == 0, "\(found.errors)")
        #expect(found.output == expected.output, "\(prompt) \(sampler)")
        #expect(found.output.count > prompt.utf8.count)
      }
    }
  }

  @Test(.tags(.badInput)) func `a width that is no power of four`() async throws {
    let result = try await CommandLineTool.run(
      "lab", "inflate", "-m", Self.model, "--to", "128x4x320", "--type", "q8_0", "-o", "/dev/null")
    #expect(result.status == 64)
    #expect(
      result.errors == """
        dendrite: width 128 for a model of width 64, expected 64, 256 or 1024
          try: choose one of these: only powers of four scale an RMS norm exactly

        """)
  }

  @Test(.tags(.badInput)) func `heads that are grouped otherwise`() async throws {
    let result = try await CommandLineTool.run(
      "lab", "inflate", "-m", Repository.bundledModel, "--to", "tinyllama-1.1b", "-o", "/dev/null")
    #expect(result.status == 64)
    #expect(
      result.errors == """
        dendrite: tinyllama-1.1b has 8 query heads for each key/value head, the model 4, expected \
        the same
          try: choose another shape, or give its sizes as WIDTHxLAYERSxFFN

        """)
  }

  @Test(
    .tags(.badInput),
    arguments: [
      ("--to", "llama-3.2-1c", "did you mean --to llama-3.2-1b?"),
      ("--to", "2048x16", "WIDTHxLAYERSxFFN"), ("--type", "q4_k", "did you mean --type q4_0?"),
      ("--vocabulary", "all", "expected `keep` or a number from 1 to 16777216"),
    ])
  func `a shape, a type or a vocabulary that is none`(
    option: String, value: String, part: String
  ) async throws {
    var arguments = ["lab", "inflate", "--to", "2048x5x544", "-o", "/dev/null"]
    arguments += [option, value]
    let result = try await CommandLineTool.run(arguments)
    #expect(result.status == 64)
    #expect(result.errors.contains(part), "\(result.errors)")
  }

  @Test(.tags(.badInput)) func `a folder that is not there`() async throws {
    let result = try await CommandLineTool.run(
      "lab", "inflate", "-m", Self.model, "--to", "256x4x320", "--type", "q8_0", "-o",
      "/nowhere/x.gguf")
    #expect(result.status == 73)
    #expect(
      result.errors == """
        dendrite: '/nowhere/x.gguf' cannot be written, expected a writable path
          because: open: No such file or directory (errno 2)
          try: create the folder first

        """)
  }
}
