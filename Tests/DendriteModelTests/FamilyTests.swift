// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Every family against `transformers`, from both kinds of files, in F32.
@Suite struct FamilyTests {
  /// Tiny checkpoints of `Scripts/make-family-goldens.py`.
  static let families = [
    "llama", "qwen2", "qwen3", "qwen3moe", "gemma2", "gemma3", "phi3", "phi3-longrope", "smollm3",
    "mixtral", "gpt-oss",
  ]
  /// Each with what opens it; Mistral's converted file is a golden of its own (`logits/mistral`).
  static let places =
    (families + ["mistral"]).map { "families/\($0)" } + families.map { "families/\($0).gguf" }

  static func model(
    _ place: String, variant: KernelVariant = .best, threads: Int = 2
  ) throws -> CPUTransformer {
    try CPUTransformer(
      file: ModelLocation.open(Repository.golden(place)),
      machine: Machine(threads: threads, variant: variant))
  }

  static func golden(of place: String) throws -> GoldenFile {
    let name = place.hasSuffix(".gguf") ? String(place.dropLast(5)) : place
    return try GoldenFile(path: Repository.golden("\(name).golden"))
  }

  @Test(arguments: places)
  func `logits and hidden states are those of transformers`(place: String) throws {
    let golden = try Self.golden(of: place)
    let model = try Self.model(place)
    #expect(golden.cases.map(\.name) == ["prefix", "long", "hidden"])
    for item in golden.cases { try item.expectValues(on: model, place) }
  }

  @Test(arguments: [
    "gemma2", "gemma3", "qwen3", "phi3-longrope", "smollm3", "mixtral", "qwen3moe", "gpt-oss",
  ])
  func `bits depend neither on kernels nor on threads nor on the rows beside`(
    family: String
  ) throws {
    let tokens = randomTokens(70, vocabulary: 96, seed: 11)
    let reference = try Self.model(
      "families/\(family)", variant: KernelVariant(named: "generic"), threads: 1)
    let want = try reference.logitsOneByOne(tokens, cacheType: .f16)
    for variant in KernelVariant.available {
      let model = try Self.model("families/\(family)", variant: variant, threads: 3)
      let cache = try model.makeCache(capacity: tokens.count, type: .f16)
      #expect(try model.prefill(tokens, into: cache, chunk: 33) == want.last, "\(variant.name)")
      #expect(
        try model.logitsOneByOne(Array(tokens.prefix(9)), cacheType: .f16) == Array(want.prefix(9)))
    }
  }

  @Test func `experts in four bits are read as llama.cpp's converter reads them`() throws {
    let golden = try Self.golden(of: "families/gpt-oss-mxfp4")
    let places = ["families/gpt-oss-mxfp4", "families/gpt-oss-mxfp4.gguf"]
    let models = try places.map { try Self.model($0) }
    for item in golden.cases {
      let got = try models.map { try item.outputs(on: $0) }
      #expect(got[0].map(bits) == got[1].map(bits), "\(item.name)")
      // Activations are codes of eight bits here, floats there.
      for (index, values) in got[0].enumerated() {
        let want = Array(item.values(ofRow: index))
        let error = zip(values, want).map { abs($0 - $1) }.max() ?? .infinity
        #expect(error <= 0.03 * (want.map(abs).max() ?? 0), "\(item.name) \(index): \(error)")
      }
    }
  }

  @Test func `rows touch the experts that they choose, and no others`() throws {
    let model = try Self.model("families/mixtral")
    let cache = try model.makeCache(capacity: 64, type: .f32)
    let layers = model.description.layerCount
    _ = try model.prefill([7], into: cache)
    #expect(model.expertsTouched == 2 * layers)
    _ = try model.prefill(randomTokens(40, vocabulary: 96, seed: 1), into: cache)
    #expect((2 * layers + 1...5 * layers).contains(model.expertsTouched))
    #expect(try Self.model("families/qwen3").expertsTouched == 0)
  }

  @Test func `a hidden state becomes the logits of the pass, capped like them`() throws {
    let model = try Self.model("families/gemma2")
    let cache = try model.makeCache(capacity: 8, type: .f32)
    let last = model.description.layerCount
    var batch = RowBatch()
    batch.append(
      Row(
        cache: cache, input: .token(5), parent: .tip, output: .logits, exitLayer: last))
    let pass = try model.submit(batch)
    let hidden = try pass.withHiddenState(ofRow: 0) { Array($0) }
    let logits = try pass.withLogits(ofRow: 0) { bits($0) }
    #expect(try bits(model.project(hidden)) == logits)
    #expect(logits.allSatisfy { abs(Float(bitPattern: $0)) <= 4 })
  }

  @Test func `the same weights say the same from both kinds of files`() throws {
    // Rows of q and k lie in another order, so sums differ in their last bits only.
    let tokens = randomTokens(40, vocabulary: 96, seed: 3)
    for family in ["llama", "smollm3", "mixtral"] {
      let results = try ["", ".gguf"].map { ending -> [Float] in
        let model = try Self.model("families/\(family)\(ending)")
        let cache = try model.makeCache(capacity: 64, type: .f32)
        return try model.prefill(tokens, into: cache).map(Float.init(bitPattern:))
      }
      let error = zip(results[0], results[1]).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error < 1e-4, "\(family): \(error)")
    }
  }
}
