// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

@Suite struct InspectTests {
  private func object(_ arguments: String...) async throws -> [String: Any] {
    let child = try Child(["inspect"] + arguments + ["--json"])
    try child.feed([])
    let result = await child.outcome()
    #expect(result.status == 0, "\(result.errors)")
    return try #require(JSONSerialization.jsonObject(with: result.output) as? [String: Any])
  }

  @Test(arguments: ["llama2", "llama3", "qwen2"])
  func `a model's sizes, tokenizer, tensors and memory`(name: String) async throws {
    let path = Repository.golden("logits/\(name).gguf")
    let text = try await CommandLineTool.run("inspect", path)
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.errors == "")
    for heading in ["\(name).gguf", "Architecture", "Tokenizer", "Tensors", "Memory"] {
      #expect(text.lines.contains(Substring(heading)), "\(heading)")
    }
    let json = try await object(path)
    let architecture = try #require(json["architecture"] as? [String: Any])
    #expect(architecture["family"] as? String == (name == "qwen2" ? "qwen2" : "llama"))
    let file = try #require(json["file"] as? [String: Any])
    let types = try #require(json["tensor_types"] as? [[String: Any]])
    #expect(types.reduce(0) { $0 + ($1["tensors"] as? Int ?? 0) } == file["tensors"] as? Int)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(file["bytes"] as? Int == size)
  }

  @Test func `-m names the file as in every other command`() async throws {
    let path = Repository.golden("logits/llama3.gguf")
    let named = try await CommandLineTool.run("inspect", "-m", path)
    let plain = try await CommandLineTool.run("inspect", path)
    #expect(named.status == 0 && named.text == plain.text)
    let both = try await CommandLineTool.run("inspect", path, "-m", path)
    #expect(both.status == 64)
    #expect(both.errors.contains("two files") && both.errors.contains("try: "))
  }

  @Test func `all tensors and all keys, on request`() async throws {
    let path = Repository.golden("logits/llama3.gguf")
    let json = try await object(path, "--tensors", "--metadata")
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    let file = try #require(json["file"] as? [String: Any])
    #expect(tensors.count == file["tensors"] as? Int)
    let metadata = try #require(json["metadata"] as? [String: Any])
    #expect(metadata.count == file["metadata_keys"] as? Int)
    let text = try await CommandLineTool.run("inspect", path, "--tensors", "--metadata")
    #expect(text.text.contains("blk.0.attn_q.weight"))
    #expect(text.text.contains("general.architecture"))
    #expect(text.lines.allSatisfy { $0.count <= 100 })
  }

  @Test(.requiresSharedData) func `how a text is cut into tokens`() async throws {
    let path = try SharedData.path("stories260K/stories260K.gguf")
    let result = try await CommandLineTool.run("inspect", path, "--tokens", "Once upon a\ttime")
    #expect(
      result.text == """
        7 tokens
          position   id  piece
          ──────────────────────
                 0    1  "<s>"
                 1  403  " Once"
                 2  407  " upon"
                 3  261  " a"
                 4   12  "\\t"
                 5  413  "t"
                 6  369  "ime"

        """)
  }

  @Test func `names of control tokens count only on request`() async throws {
    let name = "<|endoftext|>"
    let plain = try #require(
      try await object(Repository.bundledModel, "--tokens", name)["ids"] as? [Int])
    let special = try #require(
      try await object(Repository.bundledModel, "--tokens", name, "--special")["ids"] as? [Int])
    #expect(special == [0, 0])
    #expect(plain.count > 2 && plain.dropFirst().allSatisfy { $0 != 0 })
  }

  @Test func `this machine, without measuring it`() async throws {
    let json = try await object("--no-measure")
    let kernels = try #require(json["kernels"] as? [String])
    #expect(kernels.last == "generic")
    #expect(json["read_bytes_per_second"] is NSNull)
    #expect(json["cores"] as? Int ?? 0 >= 1)
  }

  @Test(.tags(.slow)) func `this machine, measured`() async throws {
    let json = try await object("--threads", "1")
    #expect(json["threads"] as? Int == 1)
    #expect(json["read_bytes_per_second"] as? Double ?? 0 > 1e8)
    #expect(json["int8_multiply_adds_per_second"] as? Double ?? 0 > 1e8)
  }
}
