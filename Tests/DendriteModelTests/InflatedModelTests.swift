// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// A small model and its inflated twin compute the same function: same bits.
@Suite(.tags(.invariance)) struct InflatedModelTests {
  /// A source, a target, a type and a larger vocabulary.
  struct Case: Sendable, CustomTestStringConvertible {
    var source: String
    var target: String
    var type: TensorType
    var spareTokens = 0

    var testDescription: String { "\(source) to \(target) in \(type), \(spareTokens) spare" }
  }

  static let cases = [
    // Tied; biases; heads of 32.
    Case(source: "tiny-qwen2", target: "512x5x320", type: .q8_0, spareTokens: 300),
    Case(source: "tiny-qwen2", target: "512x2x256", type: .q4_0, spareTokens: 1),
    Case(source: "tiny-qwen2", target: "2048x3x256", type: .q8_0, spareTokens: 100),
    Case(source: "tiny-qwen2", target: "128x7x512", type: .q4_0),
    // An output of its own; divisors of rotary angles.
    Case(source: "tiny-llama", target: "1024x3x640", type: .q8_0, spareTokens: 128),
    Case(source: "tiny-llama", target: "1024x2x512", type: .q4_0),
    // Trained by nobody either, but with weights far from ours: goldens.
    Case(source: "logits/llama2", target: "256x4x320", type: .q8_0, spareTokens: 64),
    Case(source: "logits/mistral", target: "256x3x320", type: .q4_0, spareTokens: 64),
    Case(source: "logits/qwen2", target: "384x3x512", type: .q8_0, spareTokens: 64),
    // Rows of 192: no power of two, three heads.
    Case(source: "drafter", target: "768x5x544", type: .q8_0),
    Case(source: "drafter", target: "768x4x512", type: .q4_0, spareTokens: 16),
  ]

  static let drafter = ModelShape(
    "drafter",
    ModelConfiguration(
      architecture: .llama, vocabularySize: 512, contextLength: 128, hiddenSize: 192,
      layerCount: 3, feedForwardSize: 512, headCount: 3, kvHeadCount: 1, headDim: 64,
      isOutputTied: true), .gpt2(firstSpecial: 500))

  static func source(_ name: String, _ type: TensorType) throws -> GGUFFile {
    guard let shape = name == "drafter" ? drafter : ModelShape(named: name) else {
      return try GGUFFile(path: Repository.golden("\(name).gguf"))
    }
    return try GGUFFile(bytes: ModelMaker(shape: shape, format: .uniform(type), seed: 5).bytes())
  }

  /// The small model in the type, and the inflated one.
  static func pair(
    _ source: GGUFFile, _ target: String, _ type: TensorType, spareTokens: Int
  ) throws -> (small: CPUTransformer, large: CPUTransformer) {
    let configuration = try source.modelConfiguration()
    var target = try #require(InflationTarget(target))
    target.vocabularySize = configuration.vocabularySize + spareTokens
    let large = try ModelInflater(source, to: target, type: type, seed: 9)
    let own = InflationTarget(sizesOf: configuration)
    let small =
      large.isVerbatim
      ? source : try GGUFFile(bytes: ModelInflater(source, to: own, type: type).bytes())
    let machine = try Machine(threads: 2)
    return (
      try CPUTransformer(file: small, machine: machine),
      try CPUTransformer(file: GGUFFile(bytes: large.bytes()), machine: machine)
    )
  }

  /// Compares every row's logits over real tokens, and how far spare ones are below the best.
  static func compare(
    _ small: CPUTransformer, _ large: CPUTransformer, _ tokens: [Int], cacheType: CacheType
  ) throws {
    let count = small.configuration.vocabularySize
    let expected = try small.logitsOneByOne(tokens, cacheType: cacheType)
    let found = try large.logitsOneByOne(tokens, cacheType: cacheType)
    for (row, (expected, found)) in zip(expected, found).enumerated() {
      #expect(Array(found[..<count]) == expected, "row \(row)")
      let logits = found.map { Float(bitPattern: $0) }
      let best = try #require(logits[..<count].max())
      if let highest = logits[count...].max() {
        #expect(highest < best - 500, "row \(row): \(highest) beside \(best)")
      }
    }
  }

  @Test(arguments: cases, [CacheType.f16, .q8])
  func `logits are those of the small model`(test: Case, cacheType: CacheType) throws {
    let source = try Self.source(test.source, test.type)
    let (small, large) = try Self.pair(
      source, test.target, test.type, spareTokens: test.spareTokens)
    let tokens = randomTokens(80, vocabulary: small.configuration.vocabularySize, seed: 11)
    try Self.compare(small, large, tokens, cacheType: cacheType)
  }

  @Test func `what is known after half of the layers is the same`() throws {
    let source = try Self.source("tiny-qwen2", .q8_0)
    let (small, large) = try Self.pair(source, "512x8x320", .q8_0, spareTokens: 10)
    let tokens = randomTokens(9, vocabulary: 384, seed: 12)
    func half(_ model: CPUTransformer) throws -> [UInt32] {
      let cache = try model.makeCache(capacity: 16, type: .f16)
      defer { model.release(cache) }
      var batch = RowBatch()
      let exit = model.configuration.layerCount / 2
      batch.append(chain: tokens, to: cache, lastOutput: .hiddenState(afterLayer: exit))
      let pass = try model.submit(batch)
      return try pass.withHiddenState(ofRow: 8) { bits($0) }
    }
    let expected = try half(small)
    let found = try half(large)
    #expect(Array(found.prefix(expected.count)) == expected)
    #expect(found.dropFirst(expected.count).dropLast(2).allSatisfy { $0 == 0 })
  }

  @Test(.tags(.slow), arguments: [TensorType.q8_0, .q4_0])
  func `the bundled model keeps its bits`(type: TensorType) throws {
    let source = try GGUFFile(path: Repository.bundledModel)
    let (small, large) = try Self.pair(source, "2048x5x544", type, spareTokens: 128)
    let tokens = randomTokens(24, vocabulary: 4096, seed: 13)
    try Self.compare(small, large, tokens, cacheType: .f16)
  }

  @Test func `no token of the bundled model is near the limit of marks`() throws {
    // Marks add 2^-48 to two of sixteen partial sums of squares: unheard above 2^-23.
    let source = try GGUFFile(path: Repository.bundledModel)
    let embedding = try source.tensor(named: "token_embd.weight")
    var least = Float.infinity
    for row in 0..<embedding.info.rowCount {
      let values = embedding.floats(rows: row..<row + 1)
      for lane in [14, 15] {
        let sum = stride(from: lane, to: values.count, by: 16)
          .reduce(Float(0)) { $0 + values[$1] * values[$1] }
        least = min(least, sum)
      }
    }
    #expect(least > 0x1p-12, "\(least)")
  }
}
