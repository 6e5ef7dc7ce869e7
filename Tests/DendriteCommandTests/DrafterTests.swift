// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Foundation
import Testing

/// `--drafter` with the bundled pair: what a person types, sees and gets wrong.
@Suite struct DrafterTests {
  private static let prompt = "def quick_sort(items):\n"

  private func run(_ more: [String], drafter: String? = nil) async throws -> CommandLineTool.Outcome
  {
    try await CommandLineTool.run(
      ["run", "-m", Repository.bundledModel, "--max-tokens", "60", "--no-echo", Self.prompt]
        + more + (drafter.map { ["--drafter", $0] } ?? []))
  }

  @Test(arguments: [
    "suffix", "model:", "stream:", "tree:", "auto", "auto:", "mirror:",
  ])
  func `the text is the same whoever guesses`(kind: String) async throws {
    for sampling in [["--temperature", "0"], ["--seed", "3"]] {
      let plain = try await run(sampling)
      let drafter = kind.hasSuffix(":") ? kind + Repository.bundledDrafter : kind
      let result = try await run(sampling, drafter: drafter)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == plain.output && plain.output.count > 60)
      if !kind.hasPrefix("auto") {
        #expect(result.errors.contains("tokens a pass"), "\(result.errors)")
        #expect(result.errors.contains("× plain"), "\(result.errors)")
      }
      #expect(!result.errors.contains("guesses ended"), "\(result.errors)")
    }
  }

  @Test func `two cores each with their model, and a trace of both`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("trace.json")
    let result = try await run(
      ["--seed", "3", "--mirror-cores", "1+1", "--trace", path],
      drafter: "mirror:\(Repository.bundledDrafter)")
    // A computer with one core says so.
    if result.status != 0, result.errors.contains("expected at most 1 together") { return }
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("mirror: target on"), "\(result.errors)")
    #expect(result.errors.contains("windows prepared"), "\(result.errors)")
    let trace = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
    let events = try #require((trace as? [String: Any])?["traceEvents"] as? [[String: Any]])
    for lane in 0..<4 {
      #expect(
        events.contains { $0["ph"] as? String == "X" && $0["tid"] as? Int == lane }, "lane \(lane)")
    }
    #expect(try await run(["--seed", "3"]).output == result.output)
  }

  @Test func `a drafter elsewhere, until it is gone`() async throws {
    let server = try Child([
      "lab", "drafter", "-m", Repository.bundledDrafter, "--listen", "127.0.0.1:0",
    ])
    defer { server.process.terminate() }
    let line = try await server.firstErrorLine()
    let port = try #require(
      line.split(separator: ":").last?.split(separator: ";").first.flatMap { Int($0) }, "\(line)")
    let plain = try await run(["--seed", "3"])
    let result = try await run(["--seed", "3"], drafter: "mirror:127.0.0.1:\(port)")
    #expect(result.status == 0 && result.output == plain.output, "\(result.errors)")
    #expect(result.errors.contains("the drafter works at 127.0.0.1:\(port)"))
    server.process.terminate()
    server.process.waitUntilExit()
    let refused = try await run([], drafter: "mirror:127.0.0.1:\(port)")
    #expect(refused.status != 0 && refused.errors.contains("no connection to 127.0.0.1:\(port)"))
  }

  @Test(.tags(.slow)) func `a drafter that serves somebody says so, and serves the next one later`()
    async throws
  {
    let server = try Child([
      "lab", "drafter", "-m", Repository.bundledDrafter, "--listen", "127.0.0.1:0",
    ])
    defer { server.process.terminate() }
    let line = try await server.firstErrorLine()
    let port = try #require(
      line.split(separator: ":").last?.split(separator: ";").first.flatMap { Int($0) }, "\(line)")
    let tokens = try GGUFFile(path: Repository.bundledModel).vocabularyDescription().tokens
    var first: RemoteMirror? = try RemoteMirror(host: "127.0.0.1", port: port, tokens: tokens)
    let second = try await run([], drafter: "mirror:127.0.0.1:\(port)")
    #expect(second.status == 1 && first != nil)
    #expect(
      second.errors.hasPrefix(
        "dendrite: the drafter at 127.0.0.1:\(port) has served another target for "),
      "\(second.errors)")
    #expect(second.errors.hasSuffix("start a second drafter on another port\n"))
    first = nil
    let later = try await run([], drafter: "mirror:127.0.0.1:\(port)")
    #expect(later.status == 0 && later.errors.contains("windows prepared"), "\(later.errors)")
  }

  @Test func `texts of earlier runs are remembered if asked, and forgotten`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("memory")
    let first = try await run(["--seed", "3", "--remember", path], drafter: "suffix")
    let second = try await run(["--seed", "3", "--remember", path, "--json"], drafter: "suffix")
    #expect(first.status == 0 && second.status == 0, "\(second.errors)")
    let last = try #require(second.lines.last)
    let end = try #require(
      JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
    #expect(try #require(end["mean_acceptance_length"] as? Double) > 3)
    #expect(second.lines.dropLast().contains { $0.contains("\"origin\":\"accepted\"") })
    let forgotten = try await CommandLineTool.run("lab", "forget", path)
    #expect(forgotten.status == 0 && !FileManager.default.fileExists(atPath: path))
    let other = try folder.path("other.txt", Array("not a memory".utf8))
    let refused = try await CommandLineTool.run("lab", "forget", other)
    #expect(refused.status != 0 && FileManager.default.fileExists(atPath: other))
  }

  @Test func `tokens are coloured by how they came about`() async throws {
    let result = try await run(
      ["--seed", "3", "--show-speculation"], drafter: "model:\(Repository.bundledDrafter)")
    #expect(result.text.contains("\u{1B}[32m") && result.text.contains("\u{1B}[4;33m"))
    #expect(result.errors.contains("accepted guess"))
    let bare = result.text.replacing(try Regex("\u{1B}\\[[0-9;]*m"), with: "")
    #expect(try await run(["--seed", "3"]).text == bare)
  }

  @Test func `a mirror beside an emulated accelerator stands beside the law`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("mirror.json")
    let result = try await CommandLineTool.run(
      "lab", "mirror", "-m", Repository.bundledModel, "--drafter", Repository.bundledDrafter,
      "--profile", "h100-70b", "--max-new", "16", "--json", path)
    #expect(result.status == 0, "\(result.errors)")
    for part in ["h100-70b is emulated", "Gain by the law (simulated)", "hidden"] {
      #expect(result.text.contains(part), "\(result.text)")
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"emulated\""))
  }

  @Test(arguments: [
    (["--drafter", "model:"], "with nothing behind it"),
    (["--drafter", "mirror:"], "with nothing behind it"),
    (["--drafter", "lookup", "--mirror-branches", "3"], "expected a mirror"),
    (["--drafter", "suffix", "--draft-width", "3"], "expected a tree"),
    (["--drafter", "lookup", "--remember", "x"], "expected suffix"),
    (["--drafter", "mirror:x", "--mirror-exit", "late"], "expected a number of layers"),
    (["--drafter", "mirror:x", "--mirror-cores", "3"], "expected two numbers of cores"),
    (["--drafter", "mirror:x", "--mirror-branches", "999"], "expected a number from 0 to 256"),
  ])
  func `options that do not fit are refused`(arguments: [String], message: String) async throws {
    let result = try await CommandLineTool.run(["run", "x"] + arguments)
    #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.contains("try: "), "\(result.errors)")
  }

  @Test(.requiresSharedData) func `a drafter of another vocabulary is refused`() async throws {
    let other = try SharedData.path("stories260K/stories260K.gguf")
    let result = try await run([], drafter: "model:\(other)")
    #expect(result.status != 0)
    #expect(result.errors.contains("expected the same vocabulary"), "\(result.errors)")
    #expect(try await run([], drafter: "model:/no/such.gguf").errors.contains("no file"))
  }
}
