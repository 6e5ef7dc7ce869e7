// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Testing

/// Runs the program in `Examples/StreamAReply`, which is built beside the tests.
@Suite struct StreamAReplyTests {
  @Test(.requiresSharedData) func `the example streams a reply`() throws {
    let path = try SharedData.path("stories260K/stories260K.gguf")
    let run = try BuiltTool.run("StreamAReply", [path, "Once upon a time"])
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n")
    #expect(lines.count >= 2)
    #expect(lines.last?.contains("64 tokens") == true)
    #expect(lines.last?.contains("seed") == true)
  }

  @Test(.tags(.wording)) func `the example says what is wrong with a path`() throws {
    let run = try BuiltTool.run("StreamAReply", ["/nowhere/model.gguf"])
    #expect(run.status == 1)
    #expect(run.output.contains("/nowhere/model.gguf"))
    #expect(run.output.contains("try: "))
  }
}
