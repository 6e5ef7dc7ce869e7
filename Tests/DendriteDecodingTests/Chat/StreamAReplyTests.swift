// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

/// Runs the program in `Examples/StreamAReply`, which is built beside the tests.
@Suite(.timeLimit(.minutes(2))) struct StreamAReplyTests {
  func run(_ arguments: [String]) throws -> (output: String, status: Int32) {
    let folder = try #require(Self.products)
    let process = Process()
    process.executableURL = folder.appendingPathComponent("StreamAReply")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (String(decoding: data, as: UTF8.self), process.terminationStatus)
  }

  /// The folder of built programs: the nearest one above the test bundle that has the example.
  static let products: URL? = {
    var folder = Bundle.main.bundleURL
    for _ in 0..<5 {
      let program = folder.appendingPathComponent("StreamAReply").path
      if FileManager.default.isExecutableFile(atPath: program) { return folder }
      folder.deleteLastPathComponent()
    }
    return nil
  }()

  @Test(.requiresSharedData) func `the example streams a reply`() throws {
    let path = try SharedData.path("stories260K/stories260K.gguf")
    let (output, status) = try run([path, "Once upon a time"])
    #expect(status == 0)
    let lines = output.split(separator: "\n")
    #expect(lines.count >= 2)
    #expect(lines.last?.contains("64 tokens") == true)
    #expect(lines.last?.contains("seed") == true)
  }

  @Test func `the example says what is wrong with a path`() throws {
    let (output, status) = try run(["/nowhere/model.gguf"])
    #expect(status == 1)
    #expect(output.contains("/nowhere/model.gguf"))
    #expect(output.contains("try: "))
  }
}
