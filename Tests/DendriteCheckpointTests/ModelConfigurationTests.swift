// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Testing

@Suite struct ModelConfigurationTests {
  /// The keys of a small Llama, to be changed one at a time.
  static let base: [(key: String, value: MetadataValue, type: MetadataType)] = [
    ("general.architecture", .string("llama"), .string),
    ("llama.block_count", .integer(2), .uint32),
    ("llama.context_length", .integer(128), .uint64),
    ("llama.embedding_length", .integer(64), .uint16),
    ("llama.feed_forward_length", .integer(160), .int32),
    ("llama.attention.head_count", .integer(4), .uint8),
    ("llama.attention.head_count_kv", .integer(2), .int64),
    ("llama.attention.layer_norm_rms_epsilon", .float(1e-5), .float32),
    ("llama.vocab_size", .integer(300), .uint32),
  ]

  /// The base with one key replaced, added or (value `nil`) removed.
  static func file(
    _ key: String = "", _ value: MetadataValue? = nil, as type: MetadataType = .uint32,
    tensors: [(String, [Int])] = []
  ) throws -> GGUFFile {
    var writer = GGUFWriter()
    for entry in base where entry.key != key {
      try writer.add(entry.key, entry.value, as: entry.type)
    }
    if let value { try writer.add(key, value, as: type) }
    for (name, shape) in tensors {
      try writer.addTensor(name, shape: shape, type: .f32) { _, _ in }
    }
    return try GGUFFile(bytes: writer.bytes())
  }

  @Test func `sizes are read whatever the width of the integers`() throws {
    let model = try Self.file().modelConfiguration()
    #expect(
      model
        == ModelConfiguration(
          architecture: .llama, vocabularySize: 300, contextLength: 128, hiddenSize: 64,
          layerCount: 2, feedForwardSize: 160, headCount: 4, kvHeadCount: 2, headDim: 16,
          isOutputTied: true))
  }

  @Test func `optional keys have the defaults of the field`() throws {
    #expect(try Self.file("llama.attention.head_count_kv").modelConfiguration().kvHeadCount == 4)
    #expect(try Self.file().modelConfiguration().ropeBase == 10_000)
    let dim = try Self.file("llama.attention.key_length", .integer(32)).modelConfiguration()
    #expect(dim.headDim == 32 && dim.ropeDimensionCount == 32)
    let partial = try Self.file("llama.rope.dimension_count", .integer(8)).modelConfiguration()
    #expect(partial.ropeDimensionCount == 8)
    let base = try Self.file("llama.rope.freq_base", .float(5e5), as: .float32)
    #expect(try base.modelConfiguration().ropeBase == 500_000)
    let window = try Self.file("llama.attention.sliding_window", .integer(100))
    #expect(try window.modelConfiguration().slidingWindow == 100)
    #expect(try window.modelConfiguration().contextLength == 128)
    let none = try Self.file("llama.attention.sliding_window", .integer(0))
    #expect(try none.modelConfiguration().slidingWindow == nil)
  }

  @Test func `arrays per layer are accepted when all layers agree`() throws {
    let even = try Self.file("llama.feed_forward_length", .integers([96, 96]))
    #expect(try even.modelConfiguration().feedForwardSize == 96)
    let odd = try Self.file("llama.feed_forward_length", .integers([96, 128]))
    let differs = #expect(throws: CheckpointError.self) { try odd.modelConfiguration() }
    expect(differs, .unsupportedModel, says: ["llama.feed_forward_length", "96 128", "one value"])
    let short = try Self.file("llama.attention.head_count", .integers([4]))
    let count = #expect(throws: CheckpointError.self) { try short.modelConfiguration() }
    expect(count, .invalidValue, says: ["an array of 1", "each of 2 layers"])
  }

  @Test func `rope scaling is read or refused`() throws {
    let linear = try Self.file("llama.rope.scaling.factor", .float(4), as: .float32)
    #expect(try linear.modelConfiguration().ropeScaling == .linear(factor: 4))
    let old = try Self.file("llama.rope.scale_linear", .float(2), as: .float32)
    #expect(try old.modelConfiguration().ropeScaling == .linear(factor: 2))
    let off = try Self.file("llama.rope.scaling.factor", .float(1), as: .float32)
    #expect(try off.modelConfiguration().ropeScaling == .none)
    let dynamic = try Self.file("llama.rope.scaling.type", .string("dynamic"), as: .string)
    let error = #expect(throws: CheckpointError.self) { try dynamic.modelConfiguration() }
    expect(error, .unsupportedModel, says: ["'dynamic'", "'linear'", "'yarn'", "rope_freqs"])
    let yarn = try Self.file("llama.rope.scaling.type", .string("yarn"), as: .string)
    let factor = #expect(throws: CheckpointError.self) { try yarn.modelConfiguration() }
    expect(factor, .invalidValue, says: ["llama.rope.scaling.factor", "1 or more"])
  }

  @Test(arguments: base.map(\.key).filter { !$0.hasSuffix("kv") })
  func `a missing key is named`(key: String) throws {
    let file = try Self.file(key)
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .missingKey, says: ["'\(key)'", "dendrite inspect"])
  }

  static let impossible: [(key: String, value: Int64, words: [String])] = [
    ("llama.block_count", 0, ["is 0", "1 to 1024"]),
    ("llama.block_count", 1 << 40, ["is 1099511627776", "1 to 1024"]),
    ("llama.embedding_length", -64, ["is -64", "1 to 1048576"]),
    ("llama.embedding_length", 65, ["embedding_length 65", "a divisor"]),
    ("llama.feed_forward_length", .max, ["is 9223372036854775807"]),
    ("llama.attention.head_count", 0, ["is 0"]),
    ("llama.attention.head_count_kv", 3, ["is 3", "a divisor of head_count 4"]),
    ("llama.attention.key_length", 1 << 20, ["is 1048576", "1 to 4096"]),
    ("llama.rope.dimension_count", 7, ["is 7", "an even number up to the head's length 16"]),
    ("llama.rope.dimension_count", 18, ["is 18", "16"]),
    ("llama.context_length", 0, ["is 0"]),
    ("llama.vocab_size", 0, ["is 0"]),
  ]

  @Test(arguments: impossible)
  func `an impossible size is refused`(key: String, value: Int64, words: [String]) throws {
    let file = try Self.file(key, .integer(value), as: .int64)
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .invalidValue, says: words)
  }

  @Test(arguments: [-1e-5, 0, 2, .nan, .infinity])
  func `an impossible epsilon is refused`(epsilon: Double) throws {
    let key = "llama.attention.layer_norm_rms_epsilon"
    let file = try Self.file(key, .float(epsilon), as: .float32)
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .invalidValue, says: [key])
  }

  @Test func `an unknown architecture is refused with those that are known`() throws {
    let file = try Self.file("general.architecture", .string("mamba"), as: .string)
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .unsupportedModel, says: ["'mamba'", "'llama' 'qwen2'", "'gemma3'", "families"])
  }

  @Test(arguments: [
    ("llama.expert_shared_count", 1.0, "shared experts"),
    ("llama.attention.scale", 0.1, "attention scale"),
    ("llama.logit_scale", 0.5, "logit scaling"),
    ("llama.final_logit_softcapping", 30.0, "soft-capping"),
  ])
  func `a feature that would change the answer is refused`(
    key: String, value: Double, feature: String
  ) throws {
    let file = try Self.file(key, .float(value), as: .float32)
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .unsupportedModel, says: [key, feature])
    let neutral = try Self.file(key, .float(0), as: .float32)
    #expect(throws: Never.self) { try neutral.modelConfiguration() }
  }

  @Test func `keys and values of different lengths are refused`() throws {
    var writer = GGUFWriter()
    for entry in Self.base { try writer.add(entry.key, entry.value, as: entry.type) }
    try writer.add("llama.attention.key_length", uint32: 16)
    try writer.add("llama.attention.value_length", uint32: 32)
    let file = try GGUFFile(bytes: writer.bytes())
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .unsupportedModel, says: ["keys of 16 and values of 32"])
  }

  @Test func `a vocabulary of another size than the embedding is refused`() throws {
    let file = try Self.file(tensors: [("token_embd.weight", [64, 299])])
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(
      error, .wrongShape,
      says: ["'token_embd.weight' has 299 rows", "expected 300", "vocab_size", "same revision"])
  }

  @Test func `a weight with a scale of its own is refused`() throws {
    let file = try Self.file(tensors: [("blk.0.attn_q.scale", [1])])
    let error = #expect(throws: CheckpointError.self) { try file.modelConfiguration() }
    expect(error, .unsupportedModel, says: ["'blk.0.attn_q.scale'", "without scales"])
  }
}
