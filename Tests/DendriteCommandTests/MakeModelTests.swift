// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

@Suite struct MakeModelTests {
  @Test(arguments: [
    ("tiny-llama", "q4_k_m"), ("tiny-qwen2", "Q4_0"), ("tiny-llama2", "f16"),
    ("tiny-llama", "mxfp4"),
  ])
  func `a file that was made can be inspected and run`(shape: String, type: String) async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("made.gguf")
    let made = try await CommandLineTool.run(
      "lab", "make-model", "--shape", shape, "--type", type, "-o", path, "--seed", "4")
    #expect(made.status == 0, "\(made.errors)")
    #expect(made.errors.contains("\(shape) in \(type.uppercased())"))
    let inspected = try await CommandLineTool.run("inspect", path)
    #expect(inspected.status == 0)
    #expect(inspected.text.contains("\(shape) (random weights)"))
    let run = try await CommandLineTool.run(
      "run", "-m", path, "--max-tokens", "5", "--raw", "--seed", "1", "Hello")
    #expect(run.status == 0, "\(run.errors)")
    // Bytes: a random token may put an accent on the last letter.
    #expect(run.output.range(of: Data("Hello".utf8)) != nil)
  }

  @Test func `a seed determines the file`() async throws {
    let folder = try TemporaryFolder()
    var files: [Data] = []
    for (name, seed) in [("a", "1"), ("b", "1"), ("c", "2")] {
      let path = try folder.path(name)
      _ = try await CommandLineTool.run(
        "lab", "make-model", "--shape", "tiny-qwen2", "--type", "q8_0", "-o", path, "--seed", seed)
      files.append(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    #expect(files[0] == files[1])
    #expect(files[0] != files[2])
  }

  @Test func `a file that cannot be written`() async throws {
    let result = try await CommandLineTool.run(
      "lab", "make-model", "--shape", "tiny-llama", "--type", "q8_0", "-o", "/nowhere/x.gguf")
    #expect(result.status == 73)
    #expect(result.errors.contains("'/nowhere/x.gguf' cannot be written"), "\(result.errors)")
  }
}
