// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite struct HelpTests {
  @Test(arguments: [
    (["--help"], "$ dendrite run \"def fibonacci(n):\""),
    (["run", "--help"], "--temperature <t>"), (["help", "run"], "--temperature <t>"),
    (["inspect", "--help"], "$ dendrite inspect model.gguf"),
    (["lab", "--help"], "make-model"), (["lab", "inflate", "--help"], "--small small.gguf"),
    (["lab", "make-model", "--help"], "smollm2-135m"),
    (["bench", "--help"], "limits (default)"),
    (["bench", "limits", "--help"], "--repetitions <n>"),
    (["bench", "speculation", "--help"], "--drafter model:Llama-3.2-1B-Instruct-Q4_0.gguf"),
    (["lab", "exits", "--help"], "--drafter small.gguf"),
    (["plan", "--help"], "cluster"), (["plan", "cluster", "--help"], "--ranks-per-node <n>"),
    (["lab", "probe", "--help"], "$ dendrite lab probe -o here.json"),
  ])
  func `every command teaches by example`(arguments: [String], part: String) async throws {
    let child = try Child(arguments, environment: ["COLUMNS": "80"])
    try child.feed([])
    let result = await child.outcome()
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect(result.text.contains(part), "\(result.text)")
    #expect(result.text.contains("\n  $ dendrite "))
    // Examples that wrap cannot be copied.
    for line in result.lines where line.hasPrefix("  $") { #expect(line.count <= 79, "\(line)") }
  }

  @Test func `the short help leaves the laboratory out and documents exit codes`() async throws {
    let help = try await CommandLineTool.run("--help")
    let subcommands = try #require(help.text.split(separator: "SUBCOMMANDS:").last)
    #expect(!subcommands.contains("\n  lab "))
    for code in ["0 ", "64", "65", "66", "71", "73", "130"] {
      #expect(help.lines.contains { $0.hasPrefix("  \(code) ") }, "\(code)")
    }
  }

  @Test func `the version names the arithmetic`() async throws {
    let result = try await CommandLineTool.run("--version")
    #expect(result.text.contains(/dendrite \d+\.\d+\.\d+ \(numerics \d+\)\n/))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `completions know options and their values`(shell: String) async throws {
    let result = try await CommandLineTool.run("--generate-completion-script", shell)
    #expect(result.status == 0)
    #expect(result.text.contains("cache-type"))
    #expect(result.text.contains("f16"))
  }
}
