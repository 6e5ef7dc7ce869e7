// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

/// `dendrite bench` and `dendrite prove` as a person types them.
@Suite struct MeasuringCommandTests {
  static let path = Repository.golden("logits/llama3.gguf")

  @Test func `bench prints tables, or JSON, and nothing else`() async throws {
    let arguments = [
      "-m", Self.path, "--repetitions", "1", "--only", "pool,decode", "--context", "9",
    ]
    let text = try await run(["bench"] + arguments)
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.errors == "")
    #expect(text.lines.allSatisfy { $0.count <= 100 })
    for word in ["memory, read", "int8 multiply-adds", "fork and join", "decode at 9"] {
      #expect(text.text.contains(word), "\(word)")
    }
    let json = try await run(["bench", "--json"] + arguments)
    let object = try #require(JSONSerialization.jsonObject(with: json.output) as? [String: Any])
    #expect(object["report"] as? String == "bench")
    let markdown = try await run(["bench", "--markdown"] + arguments)
    #expect(markdown.text.contains("| what | tok/s |"))
  }

  @Test(arguments: [
    (["--only", "decod"], "did you mean --only decode?"),
    (["--repetitions", "0"], "--repetitions is 0, expected a number from 1 to 10000"),
    (["--rows", "2,x"], "expected numbers from 1 to 512 with commas between"),
    (["--rows", "513"], "expected numbers from 1 to 512"),
    (["--threads", "0"], "expected numbers from 1 to 1024"),
    (["--kernels", "avx3"], "expected one of"),
    (["--quick", "--repetitions", "3"], "--quick and --repetitions"),
    (["--json", "--markdown"], "--json and --markdown"),
    (["--context", "4000000"], "--context is 4000000"),
    (["--context", "2000", "--rows", "64"], "2064 tokens are to be measured, expected at most"),
    (["--prompt-lengths", "400000"], "400000 tokens are to be measured, expected at most"),
  ])
  func `bench refuses what cannot be measured`(options: [String], words: String) async throws {
    let result = try await run(["bench", "-m", Self.path] + options)
    #expect(result.status == 64)
    #expect(result.errors.contains(words), "\(result.errors)")
    #expect(result.errors.contains("try:"), "\(result.errors)")
    #expect(result.text == "")
  }

  @Test func `prove ends with 0 and leaves a record`() async throws {
    let folder = try TemporaryFolder()
    let output = try folder.path("proof.json")
    let result = try await run(["prove", "-m", Self.path, "--budget", "20", "-o", output])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.contains("all hold"))
    #expect(result.text.contains("✓ 2 rows"))
    #expect(result.errors == "")
    let data = try Data(contentsOf: URL(fileURLWithPath: output))
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(object["holds"] as? Bool == true)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(left == ["proof.json"])
  }

  @Test func `the hash alone is quick, and the same with any kernels and threads`() async throws {
    var hashes: Set<String> = []
    for options in [["--kernels", "generic"], ["--threads", "1"], ["--parts", "3"], []] {
      let result = try await run(["prove", "-m", Self.path, "--hash", "--json"] + options)
      let object = try #require(
        JSONSerialization.jsonObject(with: result.output) as? [String: Any])
      let text = try #require(object["text_hashes"] as? [String: [String: String]])
      for hash in text["64"]?.values ?? [:].values { hashes.insert(hash) }
    }
    #expect(hashes.count == 1, "\(hashes)")
  }

  @Test func `a record that cannot be written is an error that says so`() async throws {
    let result = try await run([
      "prove", "-m", Self.path, "--hash", "-o", "/no/such/folder/proof.json",
    ])
    #expect(result.status == 73)
    #expect(result.errors.contains("'/no/such/folder/proof.json' cannot be written"))
  }

  private func run(_ arguments: [String]) async throws -> CommandLineTool.Outcome {
    let child = try Child(arguments)
    try child.feed([])
    return await child.outcome()
  }
}
