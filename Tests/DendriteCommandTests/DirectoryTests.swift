// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Foundation
import Testing

/// `-m` with a Hugging Face directory, and with the name of a repository in the Hub cache.
@Suite struct DirectoryTests {
  /// A golden directory with the vocabulary of its GGUF twin.
  private func directory(_ family: String, in folder: TemporaryFolder) throws -> String {
    let path = try folder.path(family)
    try FileManager.default.copyItem(atPath: Repository.golden("families/\(family)"), toPath: path)
    try FileManager.default.copyItem(
      atPath: Repository.golden("families/\(family).gguf"), toPath: path + "/tokenizer.gguf")
    return path
  }

  private let options = ["--seed", "5", "--max-tokens", "24", "--quiet", "A tree"]

  @Test(arguments: ["qwen3", "gemma2"])
  func `a directory says what its conversion says`(family: String) async throws {
    let folder = try TemporaryFolder()
    let converted = try await CommandLineTool.run(
      ["run", "-m", Repository.golden("families/\(family).gguf")] + options)
    let result = try await CommandLineTool.run(
      ["run", "-m", directory(family, in: folder)] + options)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == converted.output && result.output.count > 8)
  }

  @Test(arguments: ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
  func `a repository is looked for where Hugging Face's tools keep it`(
    variable: String
  ) async throws {
    let folder = try TemporaryFolder()
    let places = [
      "HF_HUB_CACHE": "", "HF_HOME": "/hub", "XDG_CACHE_HOME": "/huggingface/hub",
    ]
    let repository = try folder.path("cache") + places[variable]! + "/models--some--model"
    try FileManager.default.createDirectory(
      atPath: repository + "/snapshots", withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      atPath: repository + "/refs", withIntermediateDirectories: true)
    try Data("0a1b".utf8).write(to: URL(fileURLWithPath: repository + "/refs/main"))
    try FileManager.default.moveItem(
      atPath: directory("qwen3", in: folder), toPath: repository + "/snapshots/0a1b")
    var environment = ["HF_HUB_CACHE": "", "HF_HOME": "", "XDG_CACHE_HOME": ""]
    environment[variable] = try folder.path("cache")
    let result = try await CommandLineTool.run(
      ["run", "-m", "some/model"] + options, environment: environment)
    #expect(result.status == 0, "\(result.errors)")
    let absent = try await CommandLineTool.run(
      ["run", "-m", "some/other"] + options, environment: environment)
    #expect(absent.status == 66)
    #expect(
      absent.errors.contains("'some/other'") && absent.errors.contains("hf download some/other"))
  }

  @Test func `a directory is inspected like a file`() async throws {
    let path = Repository.golden("families/llama")
    let text = try await CommandLineTool.run("inspect", path, "--tensors", "--metadata")
    #expect(text.status == 0, "\(text.errors)")
    for words in [
      "safetensors", "model.layers.1.mlp.up_proj.weight", "40 × 32", "BF16",
      "llama3 scaling by 8.0",
      "max_position_embeddings", "no 'tokenizer.json'",
    ] {
      #expect(text.text.contains(words), "\(words) is missing in:\n\(text.text)")
    }
    let json = try await CommandLineTool.run("inspect", path, "--json")
    let object = try #require(JSONSerialization.jsonObject(with: json.output) as? [String: Any])
    let file = try #require(object["file"] as? [String: Any])
    #expect(file["format"] as? String == "safetensors" && file["tensors"] as? Int == 29)
    let sizes = try #require(object["architecture"] as? [String: Any])
    #expect(sizes["hidden_size"] as? Int == 32 && sizes["family"] as? String == "llama")
  }

  @Test func `without a vocabulary a directory says what is missing`() async throws {
    let result = try await CommandLineTool.run(
      ["run", "-m", Repository.golden("families/qwen3")] + options)
    #expect(result.status == 65)
    #expect(result.errors.contains("tokenizer.gguf") && result.errors.contains("try: "))
  }

  @Test(.tags(.invariance), arguments: ["gemma2", "gemma3", "gpt-oss", "qwen3moe"])
  func `the promises hold for every kind of graph, read from a directory`(family: String) throws {
    let folder = try TemporaryFolder()
    let file = try ModelLocation.open(directory(family, in: folder))
    let model = try CPUTransformer(file: file, machine: Machine(threads: 2))
    let prover = try Prover(model: model, file: file, settings: .init(budget: 60, seed: 4))
    let names: Set = [
      "guesses", "chunks", "rows", "trees", "caches", "history", "parts", "threads", "kernels",
      "files",
    ]
    let record = prover.run(only: names)
    for proof in record.proofs { #expect(!proof.isBroken, "\(proof.line)") }
    #expect(record.proofs.count == names.count && record.proofs.allSatisfy { $0.count > 0 })
    let files = record.proofs.first { $0.name == "files" }
    #expect(files.map { !$0.claim.contains(": 0 refused") } == true)
  }
}
