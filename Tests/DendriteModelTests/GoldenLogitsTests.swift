// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Logits and hidden states against `transformers`, in F32.
@Suite struct GoldenLogitsTests {
  static let models = ["llama2", "llama3", "qwen2", "mistral"]

  @Test(arguments: models)
  func `logits and hidden states are those of transformers`(model: String) throws {
    let golden = try GoldenFile(path: Repository.golden("logits/\(model).golden"))
    let transformer = try CPUTransformer(
      file: GGUFFile(path: Repository.golden("logits/\(model).gguf")), machine: Machine())
    #expect(golden.cases.count >= 7)
    for item in golden.cases { try item.expectValues(on: transformer, model) }
  }
}
