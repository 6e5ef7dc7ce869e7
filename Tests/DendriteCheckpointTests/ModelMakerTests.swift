// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTokenizer
import Foundation
import Testing

@Suite struct ModelMakerTests {
  static let tiny = ["tiny-llama", "tiny-qwen2", "tiny-llama2"]

  @Test(arguments: tiny, WeightFormat.names)
  func `a made model is read back whole`(shapeName: String, formatName: String) throws {
    let shape = try #require(ModelShape(named: shapeName))
    let format = try #require(WeightFormat(named: formatName))
    let file = try GGUFFile(bytes: ModelMaker(shape: shape, format: format, seed: 7).bytes())
    var expected = shape.configuration
    expected.name = "\(shapeName) (random weights)"
    let model = try file.modelConfiguration()
    #expect(model == expected)
    try file.checkTensors(for: model)
    #expect(file.tensors.count == TensorName.all(in: model).count)

    for name in TensorName.all(in: model) {
      let tensor = try file.tensor(name, in: model)
      let values = tensor.floats(rows: 0..<min(tensor.info.rowCount, 48))
      #expect(values.allSatisfy { $0.isFinite }, "\(name)")
      guard tensor.info.rowCount > 1 else { continue }
      let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
      let power = values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)
      #expect(abs(mean) < 0.005, "mean \(mean) of \(name) as \(tensor.info.type)")
      #expect(
        (0.012...0.03).contains(power.squareRoot()),
        "deviation \(power.squareRoot()) of \(name) as \(tensor.info.type)")
    }
  }

  @Test(arguments: tiny)
  func `a made vocabulary is complete and gets its text back`(shapeName: String) throws {
    let shape = try #require(ModelShape(named: shapeName))
    let file = try GGUFFile(bytes: ModelMaker(shape: shape, format: .uniform(.q4_0)).bytes())
    let vocabulary = try file.vocabularyDescription()
    #expect(vocabulary.tokens.count == shape.configuration.vocabularySize)
    #expect(Set(vocabulary.tokens).count == vocabulary.tokens.count)
    #expect(!vocabulary.stopIDs.isEmpty)
    let tokenizer = try Tokenizer(vocabulary)
    let text = "The tea is hot; été, 茶, 🍵!\n"
    let ids = tokenizer.encode(text)
    #expect(ids.allSatisfy { vocabulary.tokens.indices.contains($0) })
    #expect(tokenizer.decode(ids).hasSuffix(text))
  }

  @Test func `the published shapes have the published numbers of weights`() throws {
    let millions = [
      "llama-3.2-1b": 1236, "llama-3.2-3b": 3213, "llama-3.1-8b": 8030, "qwen2.5-0.5b": 494,
      "qwen2.5-1.5b": 1544, "qwen2.5-7b": 7616, "llama-2-7b": 6738, "tinyllama-1.1b": 1100,
      "smollm2-135m": 135, "smollm2-360m": 362,
    ]
    for (name, expected) in millions {
      let shape = try #require(ModelShape(named: name))
      let count = shape.configuration.parameterCount
      #expect((count + 500_000) / 1_000_000 == expected, "\(name)")
    }
    #expect(ModelShape.all.count == millions.count + Self.tiny.count)
    #expect(ModelShape(named: "LLAMA-3.2-1B") != nil)
    #expect(ModelShape(named: "llama-4") == nil)
  }

  @Test func `llama3 divisors are those of the published models`() throws {
    let small = try #require(ModelShape(named: "llama-3.2-1b")?.ropeFrequencies)
    #expect(small.count == 32)
    #expect(small[...14].allSatisfy { $0 == 1 } && small[18...].allSatisfy { $0 == 32 })
    for (index, value) in [15: 1.651329, 16: 3.292262, 17: 9.666729] {
      #expect(abs(Double(small[index]) - value) < 1e-6 * value)
    }
    let large = try #require(ModelShape(named: "llama-3.1-8b")?.ropeFrequencies)
    #expect(large.count == 64)
    #expect(large[...28].allSatisfy { $0 == 1 } && large[35...].allSatisfy { $0 == 8 })
    let middle = [1.207484, 1.553415, 2.026313, 2.694530, 3.684253, 5.257327]
    for (index, value) in middle.enumerated() {
      #expect(abs(Double(large[29 + index]) - value) < 1e-6 * value)
    }
    #expect(ModelShape(named: "qwen2.5-7b")?.ropeFrequencies == nil)
  }

  @Test func `types fall back where rows do not suit them`() throws {
    let smol = try #require(ModelShape(named: "smollm2-135m")).configuration
    let expected: [(TensorType, TensorType)] = [
      (.q2_K, .q4_0), (.q3_K, .q4_0), (.q4_K, .q5_0), (.q5_K, .q5_1), (.q6_K, .q8_0),
      (.iq4_xs, .iq4_nl), (.q8_0, .q8_0), (.f16, .f16),
    ]
    for (wanted, found) in expected {
      let type = WeightFormat.uniform(wanted).type(of: .attentionQ(0), rowLength: 576, in: smol)
      #expect(type == found)
    }
    #expect(WeightFormat.uniform(.q4_0).type(of: .attentionQ(0), rowLength: 100, in: smol) == .f16)
    #expect(WeightFormat.uniform(.q4_0).type(of: .outputNorm, rowLength: 576, in: smol) == .f32)
    #expect(WeightFormat(named: "q4_7") == nil)
  }

  @Test func `Q4_K_M mixes as llama.cpp does`() throws {
    let model = try #require(ModelShape(named: "llama-3.2-1b")).configuration
    func type(_ name: TensorName) -> TensorType {
      WeightFormat.q4_K_M.type(of: name, rowLength: 2048, in: model)
    }
    #expect(type(.tokenEmbedding) == .q6_K)
    #expect(type(.attentionQ(0)) == .q4_K)
    let better = (0..<16).filter { type(.feedForwardDown($0)) == .q6_K }
    #expect(better == [0, 1, 4, 7, 10, 13, 14, 15])
    #expect((0..<16).filter { type(.attentionV($0)) == .q6_K } == better)
  }

  @Test func `the seed decides the weights, and nothing else does`() throws {
    let maker = ModelMaker(shape: .tinyLlama, format: .uniform(.q4_K), seed: 1)
    let bytes = try maker.bytes()
    #expect(try maker.bytes() == bytes)
    #expect(try ModelMaker(shape: .tinyLlama, format: .uniform(.q4_K), seed: 2).bytes() != bytes)
    let folder = try TemporaryFolder()
    try maker.write(to: folder.path("m.gguf"))
    let written = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("m.gguf"))))
    #expect(written == bytes)
  }
}
