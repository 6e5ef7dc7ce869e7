// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

@Suite(.serialized) struct InterruptTests {
  /// A reply that goes on for longer than a test waits.
  private func longReply(_ folder: TemporaryFolder) async throws -> Child {
    let path = try folder.path("long.gguf")
    let made = try await CommandLineTool.run(
      "lab", "make-model", "--shape", "tiny-llama", "--type", "q8_0", "--context", "200000", "-o",
      path)
    #expect(made.status == 0, "\(made.errors)")
    let child = try Child([
      "run", "-m", path, "--ignore-eos", "--max-tokens", "0", "--context", "200000", "--no-echo",
      "Hello",
    ])
    try child.feed([])
    return child
  }

  @Test func `Ctrl-C ends the reply with statistics and code 130`() async throws {
    let folder = try TemporaryFolder()
    let child = try await longReply(folder)
    #expect(await !child.nextOutput().isEmpty)
    child.process.interrupt()
    let result = await child.outcome()
    #expect(child.process.terminationReason == .exit)
    #expect(result.status == 130)
    #expect(result.errors.contains("interrupted"), "\(result.errors)")
    #expect(result.text.hasSuffix("\n"))
  }

  @Test func `a reader that goes away ends the command quietly`() async throws {
    let folder = try TemporaryFolder()
    let child = try await longReply(folder)
    #expect(await !child.nextOutput().isEmpty)
    try child.closeOutput()
    let result = await child.outcome(readingOutput: false)
    #expect(child.process.terminationReason == .exit)
    #expect(result.status == 141)
    #expect(result.errors == "")
  }
}
