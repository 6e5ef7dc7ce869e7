// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

/// `dendrite context` and `--ranks`: a context that lies elsewhere gives the same text.
@Suite struct ContextTests {
  static let text = "def double(x):\n    return 2 * x\n\n\ndef add(a, b):\n    return a + b"
  static let prompt = "def triple(x):"

  @Test(arguments: [1, 4])
  func `a context that was built once goes on with the same text`(ranks: Int) async throws {
    let folder = try TemporaryFolder()
    let source = try folder.path("text.py")
    // Long enough for several ranks to have a block.
    let text = Array(repeating: Self.text, count: 12).joined(separator: "\n\n\n")
    try Data(text.utf8).write(to: URL(fileURLWithPath: source))
    let built = try await CommandLineTool.run(
      "context", "build", source, "--ranks", "\(ranks)")
    #expect(built.status == 0, "\(built.errors)")
    #expect(built.errors.contains("tokens read in"))
    let path = try folder.path("text.ctx")
    let settings = ["--seed", "4", "--max-tokens", "24", "--no-echo", "--quiet"]
    let whole = try await CommandLineTool.run(
      ["run", text + "\n\n\n" + Self.prompt] + settings)
    for more in [[], ["--ranks", "2"], ["--ranks", "8"], ["--drafter", "auto"]] {
      let opened = try await CommandLineTool.run(
        ["run", "--context", path, "\n\n\n" + Self.prompt] + settings + more)
      #expect(opened.status == 0, "\(opened.errors)")
      #expect(opened.output == whole.output && !opened.output.isEmpty, "\(more)")
    }
    let list = try await CommandLineTool.run("context", "list", folder.path(""))
    #expect(list.text.contains("text.ctx") && list.text.contains("f16"))
  }

  @Test func `ranks share a context and leave the text as it is`() async throws {
    let arguments = ["run", Self.prompt, "--seed", "9", "--max-tokens", "40"]
    let plain = try await CommandLineTool.run(arguments)
    for ranks in [2, 4] {
      let shared = try await CommandLineTool.run(arguments + ["--ranks", "\(ranks)"])
      #expect(shared.output == plain.output && shared.status == 0)
      #expect(shared.errors.contains("\(ranks) ranks"), "\(shared.errors)")
    }
  }

  @Test func `mistakes are explained`() async throws {
    let folder = try TemporaryFolder()
    let three = try await CommandLineTool.run("run", "--ranks", "3", "x")
    #expect(three.status == 64)
    #expect(three.errors.contains("--ranks is 3, expected 1, 2, 4, 8 or 16"))
    let missing = try await CommandLineTool.run("run", "--context", folder.path("no.ctx"), "x")
    #expect(missing.status == 65)
    #expect(missing.errors.contains("no file"))
    let bad = try folder.path("bad.ctx")
    try Data("nothing of the kind".utf8).write(to: URL(fileURLWithPath: bad))
    let damaged = try await CommandLineTool.run("run", "--context", bad, "x")
    #expect(damaged.status == 65)
    #expect(damaged.errors.contains("do not begin with a context's header"))
    let list = try await CommandLineTool.run("context", "list", folder.path(""))
    #expect(list.status == 0 && list.text.contains("do not begin with"))
    let unnamed = try await CommandLineTool.run("context", "build", "-", input: Array("x".utf8))
    #expect(unnamed.status == 64)
    #expect(unnamed.errors.contains("without --output"))
    let empty = try await CommandLineTool.run("context", "list", folder.path("nowhere"))
    #expect(empty.status == 66)
  }
}
