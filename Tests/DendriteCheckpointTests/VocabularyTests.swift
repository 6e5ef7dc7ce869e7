// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Testing

@Suite struct VocabularyTests {
  static let byteLevel: [(key: String, value: MetadataValue, type: MetadataType)] = [
    ("general.architecture", .string("llama"), .string),
    ("tokenizer.ggml.model", .string("gpt2"), .string),
    ("tokenizer.ggml.pre", .string("llama-bpe"), .string),
    ("tokenizer.ggml.tokens", .strings(["a", "b", "ab", "<|end|>", "<|eot_id|>"]), .string),
    ("tokenizer.ggml.token_type", .integers([1, 0, 1, 3, 3]), .int32),
    ("tokenizer.ggml.merges", .strings(["a b"]), .string),
    ("tokenizer.ggml.eos_token_id", .integer(3), .uint32),
  ]

  static func file(
    _ key: String = "", _ value: MetadataValue? = nil, as type: MetadataType = .string
  ) throws -> GGUFFile {
    var writer = GGUFWriter()
    for entry in byteLevel where entry.key != key {
      try writer.add(entry.key, entry.value, as: entry.type)
    }
    if let value { try writer.add(key, value, as: type) }
    return try GGUFFile(bytes: writer.bytes())
  }

  @Test func `a byte-level vocabulary is translated`() throws {
    let vocabulary = try Self.file().vocabularyDescription()
    #expect(vocabulary.kind == .byteLevelBPE(.llama3))
    #expect(vocabulary.tokens.count == 5 && vocabulary.merges == ["a b"])
    #expect(vocabulary.types == [.normal, .normal, .normal, .control, .control])
    #expect(vocabulary.bosID == nil && vocabulary.eosID == 3 && vocabulary.eotID == nil)
    #expect(vocabulary.stopIDs == [3, 4])
    #expect(vocabulary.addsBOS && !vocabulary.addsEOS && vocabulary.ignoresMerges)
    #expect(vocabulary.chatTemplate == nil)
  }

  @Test(arguments: [
    "gpt-4o", "llama4", "tekken", "qwen35", "deepseek-v3", "deepseek-coder", "starcoder", "smollm",
    "command-r",
  ])
  func `an expression without a matcher of its own becomes a chain`(name: String) throws {
    var vocabulary = try Self.file("tokenizer.ggml.pre", .string(name)).vocabularyDescription()
    guard case .pipeline(let chain) = vocabulary.kind, case .bpe(let bpe) = chain.model else {
      Issue.record("\(vocabulary.kind)")
      return
    }
    #expect(bpe.merges.count == 1 && bpe.ignoresMerges == (name == "tekken"))
    #expect(vocabulary.addsBOS == (name == "tekken"))
    vocabulary.addsBOS = false  // This file names no BOS.
    // A mark of the protocol stays one, and the merge is made.
    let tokenizer = try Tokenizer(vocabulary)
    #expect(tokenizer.encode("ab<|end|>", addingSpecial: false, parsingSpecial: true) == [2, 3])
    #expect(tokenizer.isControl(3) && tokenizer.decode([2, 3]) == "ab")
  }

  @Test func `Gemma 4's vocabulary has marks for spaces and bytes`() throws {
    var writer = GGUFWriter()
    try writer.add("tokenizer.ggml.model", string: "gemma4")
    try writer.add("tokenizer.ggml.tokens", strings: ["▁", "a", "▁a", "<0x62>", "<eos>"])
    try writer.add("tokenizer.ggml.token_type", .integers([1, 1, 1, 6, 3]), as: .int32)
    try writer.add("tokenizer.ggml.merges", strings: ["▁ a"])
    let tokenizer = try Tokenizer(GGUFFile(bytes: writer.bytes()).vocabularyDescription())
    #expect(tokenizer.encode(" a b") == [2, 0, 3])
    #expect(tokenizer.decode([2, 0, 3]) == " a b")
  }

  @Test func `where answers have channels, the end of a channel does not stop`() throws {
    let tokens = ["<|end|>", "<|return|>", "<|call|>", "x"]
    let file = try Self.file("tokenizer.ggml.tokens", .strings(tokens))
    let short = #expect(throws: CheckpointError.self) { try file.vocabularyDescription() }
    expect(short, .invalidValue, says: ["5 types", "4, one for each token"])
    var writer = GGUFWriter()
    try writer.add("tokenizer.ggml.model", string: "gpt2")
    try writer.add("tokenizer.ggml.pre", string: "qwen2")
    try writer.add("tokenizer.ggml.tokens", strings: tokens)
    try writer.add("tokenizer.ggml.merges", strings: [])
    try writer.add("tokenizer.ggml.padding_token_id", .integer(0xFFFF_FFFF), as: .uint32)
    let vocabulary = try GGUFFile(bytes: writer.bytes()).vocabularyDescription()
    #expect(vocabulary.stopIDs == [1, 2])
    #expect(vocabulary.paddingID == nil)
  }

  typealias Wrong = (
    key: String, value: MetadataValue?, code: CheckpointError.Code, words: [String]
  )

  static let wrong: [Wrong] = [
    ("tokenizer.ggml.model", nil, .missingKey, ["tokenizer.ggml.model"]),
    ("tokenizer.ggml.model", .string("bert"), .unsupportedVocabulary, ["'bert'", "'gpt2'"]),
    ("tokenizer.ggml.pre", nil, .missingKey, ["tokenizer.ggml.pre", "llama-bpe"]),
    (
      "tokenizer.ggml.pre", .string("poro-chat"), .unsupportedVocabulary,
      ["'poro-chat'", "'qwen2'"]
    ),
    ("tokenizer.ggml.tokens", nil, .missingKey, ["tokenizer.ggml.tokens"]),
    ("tokenizer.ggml.merges", nil, .missingKey, ["tokenizer.ggml.merges"]),
  ]

  @Test(arguments: wrong)
  func `a vocabulary that cannot be used is refused`(
    key: String, value: MetadataValue?, code: CheckpointError.Code, words: [String]
  ) throws {
    let file = try Self.file(key, value)
    let error = #expect(throws: CheckpointError.self) { try file.vocabularyDescription() }
    expect(error, code, says: words)
  }

  @Test func `ids and types outside the vocabulary are refused`() throws {
    let id = try Self.file("tokenizer.ggml.eos_token_id", .integer(5), as: .uint32)
    let error = #expect(throws: CheckpointError.self) { try id.vocabularyDescription() }
    expect(error, .invalidValue, says: ["eos_token_id", "is 5", "an id below 5"])
    let type = try Self.file("tokenizer.ggml.token_type", .integers([1, 1, 7, 1, 1]), as: .int32)
    let unknown = #expect(throws: CheckpointError.self) { try type.vocabularyDescription() }
    expect(unknown, .invalidValue, says: ["7 for token 2", "0 to 6"])
  }

  @Test(
    .requiresSharedData,
    arguments: [
      ("gpt-2", 50257, 50000, 50256), ("llama-bpe", 128256, 280147, 128001),
      ("llama-spm", 32000, 0, 2), ("qwen2", 151936, 151387, 151643),
    ])
  func `vocabularies made by others are translated`(
    name: String, tokens: Int, merges: Int, eos: Int
  ) throws {
    let file = try GGUFFile(path: SharedData.path("vocab/ggml-vocab-\(name).gguf"))
    let vocabulary = try file.vocabularyDescription()
    #expect(vocabulary.tokens.count == tokens)
    #expect(vocabulary.types.count == tokens)
    #expect(vocabulary.merges.count == merges)
    #expect(vocabulary.eosID == eos)
    #expect(vocabulary.stopIDs.contains(eos))
    switch name {
    case "gpt-2": #expect(vocabulary.kind == .byteLevelBPE(.gpt2) && !vocabulary.addsBOS)
    case "llama-bpe":
      #expect(vocabulary.kind == .byteLevelBPE(.llama3) && vocabulary.addsBOS)
      #expect(vocabulary.ignoresMerges && vocabulary.stopIDs.contains(128_009))
    case "llama-spm":
      #expect(vocabulary.kind == .sentencePieceBPE && vocabulary.addsBOS)
      #expect(vocabulary.addsSpacePrefix && vocabulary.scores.count == tokens)
      #expect(vocabulary.unknownID == 0 && vocabulary.bosID == 1)
    default:
      #expect(vocabulary.kind == .byteLevelBPE(.qwen2) && !vocabulary.addsBOS)
      #expect(vocabulary.stopIDs.isSuperset(of: [151_643, 151_645]))
      #expect(vocabulary.chatTemplate != nil)
    }
  }
}
