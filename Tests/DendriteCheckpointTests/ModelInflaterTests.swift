// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Foundation
import Testing

/// What is in the file of an inflated model; what it computes is tested with DendriteModel.
@Suite struct ModelInflaterTests {
  static func small(
    _ shape: ModelShape = .tinyQwen2, _ type: TensorType = .q8_0
  ) throws -> GGUFFile {
    try GGUFFile(bytes: ModelMaker(shape: shape, format: .uniform(type), seed: 3).bytes())
  }

  static func target(_ text: String, vocabulary: Int? = nil) throws -> InflationTarget {
    var target = try #require(InflationTarget(text))
    target.vocabularySize = vocabulary
    return target
  }

  @Test func `an inflated file has the sizes asked for and keeps the rest`() throws {
    let source = try Self.small()
    let target = try Self.target("512x5x320", vocabulary: 500)
    let inflater = try ModelInflater(source, to: target)
    let file = try GGUFFile(bytes: inflater.bytes())
    var expected = try source.modelConfiguration()
    expected.name = "tiny-qwen2 (random weights) inflated to 512x5x320"
    expected.hiddenSize = 512
    expected.layerCount = 5
    expected.feedForwardSize = 320
    expected.headCount = 16
    expected.kvHeadCount = 8
    expected.vocabularySize = 500
    expected.rmsNormEpsilon = 1e-6 / 4
    #expect(try file.modelConfiguration() == expected)
    try file.checkTensors(for: expected)
    #expect(inflater.isVerbatim && inflater.type == .q8_0)
    for key in ["tokenizer.ggml.merges", "tokenizer.ggml.eos_token_id", "qwen2.rope.freq_base"] {
      #expect(file.metadata[key] == source.metadata[key], "\(key)")
    }
  }

  @Test func `own weights are copied; zeros only stand where noise would be heard`() throws {
    let source = try Self.small()
    let inflater = try ModelInflater(source, to: Self.target("512x4x320"))
    let file = try GGUFFile(bytes: inflater.bytes())
    // Two layers among four: the second and the fourth.
    for (layer, own) in [(0, nil), (1, 0), (2, nil), (3, 1)] as [(Int, Int?)] {
      let names: [(name: (Int) -> TensorName, isSilent: Bool)] = [
        ({ .attentionQ($0) }, false), ({ .attentionK($0) }, false), ({ .attentionV($0) }, false),
        ({ .feedForwardGate($0) }, false), ({ .feedForwardUp($0) }, false),
        ({ .attentionOutput($0) }, true), ({ .feedForwardDown($0) }, true),
      ]
      for (name, isSilent) in names {
        let large = try file.tensor(named: "\(name(layer))")
        let small = try own.map { try source.tensor(named: "\(name($0))") }
        for row in 0..<large.info.rowCount {
          var values = large.floats(rows: row..<row + 1)[...]
          if let small, row < small.info.rowCount {
            let own = small.floats(rows: row..<row + 1)
            #expect(Array(values.prefix(own.count)) == own, "\(name(layer)), row \(row)")
            values = values.dropFirst(own.count)
          }
          let zeros = values.count { $0 == 0 && $0.sign == .plus }
          #expect(
            isSilent ? zeros == values.count : zeros < values.count / 16 + 8,
            "\(zeros) zeros of \(values.count) in \(name(layer)), row \(row)")
        }
      }
    }
  }

  @Test(arguments: [TensorType.q4_0, .q8_0])
  func `real tokens are marked to cancel, spare ones to sink`(type: TensorType) throws {
    let target = try Self.target("512x2x256", vocabulary: 400)
    let file = try GGUFFile(bytes: ModelInflater(Self.small(), to: target, type: type).bytes())
    let embedding = try file.tensor(named: "token_embd.weight")
    for row in 0..<400 {
      let values = embedding.floats(rows: row..<row + 1)
      let mark: [Float] = row < 384 ? [0x1p-24, -0x1p-24] : [-0x1p15, -0x1p15]
      #expect(Array(values.suffix(2)) == mark)
      if row < 384 { #expect(values[128..<510].allSatisfy { $0 == 0 && $0.sign == .plus }) }
    }
    let source = try Self.small()
    for name in [TensorName.attentionNorm(1), .feedForwardNorm(0), .outputNorm] {
      let own = try source.tensor(named: "\(name)").floats()
      let norm = try file.tensor(named: "\(name)").floats()
      #expect(Array(norm.prefix(128)) == own.map { $0 / 2 })
      #expect(norm[128..<510].allSatisfy { $0 == 0.5 })
      #expect(Array(norm.suffix(2)) == (name == .outputNorm ? [0x1p27, -0x1p27] : [0, -0]))
    }
  }

  @Test func `spare tokens are control tokens that change no text`() throws {
    let source = try GGUFFile(path: Repository.golden("logits/llama2.gguf"))
    let own = try source.vocabularyDescription()
    let count = own.tokens.count + 100
    let inflater = try ModelInflater(
      source, to: Self.target("256x2x256", vocabulary: count), type: .q8_0)
    let vocabulary = try GGUFFile(bytes: inflater.bytes()).vocabularyDescription()
    #expect(!inflater.isVerbatim)
    #expect(vocabulary.tokens.count == count)
    #expect(Set(vocabulary.tokens.suffix(100)).count == 100)
    #expect(vocabulary.tokens.last == "<|unused_\(count - 1)|>")
    #expect(vocabulary.types.suffix(100).allSatisfy { $0 == .control })
    #expect(vocabulary.stopIDs == own.stopIDs)
    let text = "The tea is hot <|unused_\(count - 1)|>!"
    #expect(try Tokenizer(vocabulary).encode(text) == Tokenizer(own).encode(text))
  }

  @Test func `inflating to its own size only quantises again`() throws {
    let source = try Self.small()
    let own = InflationTarget(sizesOf: try source.modelConfiguration())
    let file = try GGUFFile(bytes: ModelInflater(source, to: own, type: .q4_0).bytes())
    #expect(try file.modelConfiguration() == source.modelConfiguration())
    for info in source.tensors {
      let before = try source.tensor(named: info.name)
      let after = try file.tensor(named: info.name)
      let values = before.floats()
      if info.rowCount > 1 {
        var bytes = [UInt8](repeating: 0, count: after.info.byteCount)
        values.withUnsafeBufferPointer { values in
          bytes.withUnsafeMutableBytes { BlockCodec.quantize(.q4_0, from: values, into: $0) }
        }
        #expect(after.withUnsafeBytes { Array($0) } == bytes, "\(info.name)")
      } else {
        #expect(after.floats() == values, "\(info.name)")
      }
    }
  }

  @Test func `the seed decides the extra weights`() throws {
    let source = try Self.small()
    let target = try Self.target("512x3x256")
    let bytes = try ModelInflater(source, to: target, seed: 1).bytes()
    #expect(try ModelInflater(source, to: target, seed: 1).bytes() == bytes)
    #expect(try ModelInflater(source, to: target, seed: 2).bytes() != bytes)
  }

  @Test func `targets are read from names and sizes`() throws {
    let named = try Self.target("LLAMA-3.2-1B")
    #expect((named.name, named.hiddenSize, named.layerCount) == ("llama-3.2-1b", 2048, 16))
    #expect(InflationTarget("llama-3.2-1b")?.vocabularySize == 128_256)
    let sizes = try Self.target("768X9x2048")
    #expect((sizes.name, sizes.feedForwardSize) == ("768x9x2048", 2048))
    #expect(sizes.vocabularySize == nil)
    for text in ["", "768x9", "768x9x2048x1", "0x9x2048", "768x9xwide", "768xx2048", "1x2000x1"] {
      #expect(InflationTarget(text) == nil, "\(text)")
    }
  }

  @Test(
    .tags(.badInput),
    arguments: [
      (
        "256x2x256", nil,
        "width 256 for a model of width 128, expected 128, 512 or 2048",
        "choose one of these: only powers of four scale an RMS norm exactly"
      ),
      (
        "64x2x256", nil, "width 64 for a model of width 128, expected 128, 512 or 2048",
        "choose one of these: only powers of four scale an RMS norm exactly"
      ),
      (
        "512x1x256", nil, "1 layers for a model of 2, expected at least 2",
        "choose a larger target, or a smaller model with -m"
      ),
      (
        "512x2x128", nil, "128 feed-forward channels for a model of 256, expected at least 256",
        "choose a larger target, or a smaller model with -m"
      ),
      (
        "512x2x300", nil,
        "a target's feed-forward width of 300, expected a multiple of 32, the length of a block",
        "choose another size"
      ),
      (
        "512x2x256", 100, "100 tokens for a model of 384, expected at least 384",
        "choose a larger target, or a smaller model with -m"
      ),
      (
        "128x3x256", 500,
        "500 tokens for a model of 384 at the same width, expected a wider target",
        "choose a wider target, or --vocabulary keep: spare coordinates keep spare tokens out"
      ),
      (
        "llama-3.2-1b", nil,
        "llama-3.2-1b has 64 dimensions in a head, the model 32, expected the same",
        "choose another shape, or give its sizes as WIDTHxLAYERSxFFN"
      ),
    ] as [(String, Int?, String, String)])
  func `sizes that would change the text`(
    text: String, vocabulary: Int?, message: String, remedy: String
  ) throws {
    let source = try Self.small()
    let target = try Self.target(text, vocabulary: vocabulary)
    let error = #expect(throws: CheckpointError.self) {
      try ModelInflater(source, to: target)
    }
    #expect(error?.code == .unsuitableTarget)
    #expect(error?.message == message)
    #expect(error?.remedy == remedy)
  }

  @Test(.tags(.badInput)) func `types that cannot be marked or differ`() throws {
    let target = try Self.target("512x2x256")
    let half = try Self.small(.tinyQwen2, .f16)
    let error = #expect(throws: CheckpointError.self) { try ModelInflater(half, to: target) }
    #expect(error?.message == "matrices in F16, expected Q4_0 or Q8_0")
    #expect(
      error?.remedy
        == "choose --type q4_0 or --type q8_0: the model's weights are quantised again")
    #expect(try !ModelInflater(half, to: target, type: .q8_0).isVerbatim)
    let mixed = try GGUFFile(
      bytes: ModelMaker(shape: .tinyLlama, format: .q4_K_M, seed: 3).bytes())
    let other = #expect(throws: CheckpointError.self) {
      try ModelInflater(mixed, to: Self.target("1024x2x512"))
    }
    #expect(other?.message == "matrices in Q4_K, Q6_K, expected one type for all")
  }
}
