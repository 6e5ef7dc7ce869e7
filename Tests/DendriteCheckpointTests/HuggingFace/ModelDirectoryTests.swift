// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Foundation
import Testing

/// Directories: `config.json` in both of its spellings, weights in several files, and what is refused.
@Suite struct ModelDirectoryTests {
  private func configuration(
    _ keys: [String: Any?] = [:], without missing: Set<String> = []
  ) throws -> ModelConfiguration {
    let model = try SavedModel(configuration: keys, without: missing)
    return try ModelDirectory(path: model.path).modelConfiguration()
  }

  private func error(
    _ keys: [String: Any?] = [:], without missing: Set<String> = []
  ) throws -> CheckpointError? {
    openingError(try SavedModel(configuration: keys, without: missing))
  }

  // MARK: Configuration

  @Test func `sizes are read, and what is absent has the field's default`() throws {
    let model = try configuration()
    #expect(model.hiddenSize == 16 && model.headDim == 8 && model.kvHeadCount == 1)
    #expect(model.contextLength == 64 && model.isOutputTied && !model.rotatesInterleaved)
    #expect(model.slidingWindow == nil && model.ropeScaling == .none && model.experts == nil)
    let bare = try configuration(without: ["num_key_value_heads", "rms_norm_eps", "rope_theta"])
    #expect(bare.kvHeadCount == 2 && bare.rmsNormEpsilon == 1e-6 && bare.ropeBase == 10_000)
    #expect(try configuration(without: ["tie_word_embeddings"]).isOutputTied == false)
  }

  @Test func `scaling of the rotation is read in the old spelling and in the new`() throws {
    let scaling: [String: Any] = [
      "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 32,
    ]
    let expected = RopeScaling.llama3(factor: 8, lowFactor: 1, highFactor: 4, originalContext: 32)
    let old = try configuration(["rope_theta": 500_000, "rope_scaling": scaling])
    #expect(old.ropeScaling == expected && old.ropeBase == 500_000)
    let parameters = scaling.merging(["rope_theta": 500_000]) { $1 }
    let new = try configuration(["rope_parameters": parameters], without: ["rope_theta"])
    #expect(new.ropeScaling == expected && new.ropeBase == 500_000)
    let linear = try configuration(["rope_scaling": ["type": "linear", "factor": 2]])
    #expect(linear.ropeScaling == .linear(factor: 2))
    let yarn = try configuration([
      "rope_scaling": [
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768,
      ]
    ])
    guard case .yarn(let found) = yarn.ropeScaling else {
      Issue.record("no yarn: \(yarn.ropeScaling)")
      return
    }
    #expect(abs(found.magnitude - 1.138629) < 1e-6 && found.fastTurns == 32 && found.roundsPairs)
    #expect(try configuration(["rope_scaling": nil]).ropeScaling == .none)
  }

  @Test func `a window is a family's own affair`() throws {
    let mistral: [String: Any?] = [
      "model_type": "mistral", "architectures": ["MistralForCausalLM"],
    ]
    #expect(try configuration(mistral).slidingWindow == 4096)
    #expect(try configuration(mistral.merging(["sliding_window": nil]) { $1 }).slidingWindow == nil)
    #expect(try configuration(mistral.merging(["sliding_window": 32]) { $1 }).slidingWindow == 32)
    #expect(try configuration(["sliding_window": 32]).slidingWindow == nil)
    let qwen: [String: Any?] = [
      "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "sliding_window": 32,
    ]
    #expect(try configuration(qwen).slidingWindow == nil)
    let switched = try configuration(
      qwen.merging(["use_sliding_window": true, "max_window_layers": 1]) { $1 })
    #expect(switched.slidingWindow == 32 && switched.window(ofLayer: 0) == nil)
  }

  @Test func `a model of several parts is read by its text part`() throws {
    var text: [String: Any] = SavedModel.configuration
    text["model_type"] = "gemma3_text"
    text["architectures"] = nil
    text["head_dim"] = 8
    let model = try SavedModel(configuration: [
      "model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"],
      "text_config": text,
    ])
    let names = SavedModel.tensors().map { tensor in
      var tensor = tensor
      tensor.name = "language_model." + tensor.name
      return tensor
    }
    let file = RawSafetensors(tensors: names + [.init("vision_tower.patch.weight", [3])])
    try model.write("model.safetensors", Data(file.bytes))
    let directory = try ModelDirectory(path: model.path)
    let configuration = try directory.modelConfiguration()
    #expect(configuration.architecture == .gemma3 && configuration.hasPostNorms)
    #expect(directory.tensorIfPresent(.tokenEmbedding, in: configuration) != nil)
    #expect(directory.mayIgnore(tensor: "vision_tower.patch.weight", in: configuration))
  }

  @Test func `what Gemma 3's larger models leave out is known`() throws {
    // As google/gemma-3-4b-it spells it.
    let text: [String: Any] = [
      "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
      "num_hidden_layers": 34, "rope_scaling": ["factor": 8.0, "rope_type": "linear"],
      "sliding_window": 1024,
    ]
    let model = try SavedModel(configuration: [
      "model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"],
      "text_config": text,
    ])
    let found = try ModelDirectory(path: model.path).modelConfiguration()
    #expect(found.headCount == 8 && found.kvHeadCount == 4 && found.headDim == 256)
    #expect(found.vocabularySize == 262_208 && found.contextLength == 131_072)
    #expect(found.ropeScaling == .linear(factor: 8) && found.ropeBase == 1_000_000)
    #expect(found.windowedRopeBase == 10_000 && found.attentionScale == 1.0 / 16)
    #expect(found.window(ofLayer: 4) == 1024 && found.window(ofLayer: 5) == nil)
    #expect(found.rotation(ofLayer: 4) == .windowed && found.rotation(ofLayer: 5) == .usual)
    #expect(found.isOutputTied && found.normOffset == 1)
  }

  static let impossible: [(keys: [String: any Sendable], words: [String])] = [
    (["hidden_size": -16], ["'hidden_size' of 'config.json' is -16", "1 to 1048576"]),
    (["hidden_size": 1e30], ["'hidden_size'", "an integer"]),
    (["hidden_size": "sixteen"], ["'hidden_size'", "\"sixteen\""]),
    (["hidden_size": 17], ["a divisor of hidden_size 17", "head_dim"]),
    (["num_hidden_layers": 0], ["'num_hidden_layers'", "1 to 1024"]),
    (["num_hidden_layers": 1 << 40], ["'num_hidden_layers'", "1099511627776"]),
    (["num_attention_heads": 0], ["'num_attention_heads'"]),
    (["num_key_value_heads": 3], ["'num_key_value_heads'", "a divisor of num_attention_heads 2"]),
    (["vocab_size": Int.max], ["'vocab_size'"]),
    (["intermediate_size": 0], ["'intermediate_size'"]),
    (["max_position_embeddings": 0], ["'max_position_embeddings'"]),
    (["rms_norm_eps": -1.0], ["'rms_norm_eps'"]),
    (["rope_theta": 0.0], ["'rope_theta'"]),
    (["rope_scaling": "yes"], ["'rope_scaling'", "an object"]),
    (["rope_scaling": ["type": "linear", "factor": -2.0] as [String: any Sendable]], ["'factor'"]),
    (["partial_rotary_factor": 0.1], ["'partial_rotary_factor'", "an even number"]),
    (["tie_word_embeddings": 3], ["'tie_word_embeddings'", "true or false"]),
    (["architectures": "LlamaForCausalLM"], ["'architectures'", "an array of strings"]),
  ]

  @Test(.tags(.badInput), arguments: impossible.indices)
  func `an impossible value is refused by its key`(index: Int) throws {
    let (keys, words) = Self.impossible[index]
    let found = try error(keys)
    #expect(found != nil)
    expect(found, .invalidValue, says: words)
  }

  @Test(
    .tags(.badInput),
    arguments: [
      "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
      "intermediate_size", "max_position_embeddings",
    ])
  func `a missing key is named`(key: String) throws {
    let found = try error(without: [key])
    #expect(found != nil)
    expect(found, .missingKey, says: ["'\(key)'", "config.json", "same revision"])
  }

  static let unsupported: [(keys: [String: any Sendable], words: [String])] = [
    (["model_type": "mamba"], ["'mamba'", "'gemma3_text'"]),
    (["architectures": ["LlamaForSequenceClassification"]], ["LlamaForSequenceClassification"]),
    (
      ["quantization_config": ["quant_method": "gptq"] as [String: any Sendable]],
      ["'gptq'", "GGUF"]
    ),
    (["hidden_act": "relu"], ["'relu'", "'silu'"]),
    (["mlp_bias": true], ["mlp_bias"]),
    (
      ["rope_scaling": ["type": "dynamic", "factor": 2.0] as [String: any Sendable]],
      ["'dynamic'", "'yarn'"]
    ),
  ]

  @Test(.tags(.badInput), arguments: unsupported.indices)
  func `what would change the answer is refused`(index: Int) throws {
    let (keys, words) = Self.unsupported[index]
    let found = try error(keys)
    #expect(found != nil)
    expect(found, .unsupportedModel, says: words)
  }

  @Test(.tags(.badInput), arguments: ["", "[]", "{", "{\"a\": 1, \"a\": 2}", "\u{feff}{}"])
  func `a configuration that is no JSON object is refused`(text: String) throws {
    let model = try SavedModel()
    try model.write("config.json", text: text)
    let found = openingError(model)
    #expect(found != nil)
    expect(found, text.isEmpty ? .truncated : .malformed, says: ["config.json"])
  }

  // MARK: Files

  /// A model whose tensors are in two files, with an index.
  private func sharded(_ index: String? = nil) throws -> SavedModel {
    let tensors = SavedModel.tensors()
    let model = try SavedModel(weights: [
      "a.safetensors": RawSafetensors(tensors: Array(tensors[..<4])).bytes,
      "b.safetensors": RawSafetensors(tensors: Array(tensors[4...])).bytes,
    ])
    let entries = tensors.enumerated().map {
      "\"\($0.element.name)\": \"\($0.offset < 4 ? "a" : "b").safetensors\""
    }
    try model.write(
      "model.safetensors.index.json",
      text: index ?? "{\"weight_map\": {\(entries.joined(separator: ", "))}}")
    return model
  }

  @Test func `weights in several files are found by the index`() throws {
    let model = try sharded()
    #expect(openingError(model) == nil)
    let directory = try ModelDirectory(path: model.path)
    #expect(directory.paths.count == 2 && directory.tensors.count == 11)
    #expect(directory.formatName == "safetensors")
  }

  static let indices: [(text: String, code: CheckpointError.Code, words: [String])] = [
    ("{}", .missingKey, ["'weight_map'"]),
    (#"{"weight_map": {}}"#, .missingKey, ["'weight_map'"]),
    (#"{"weight_map": {"x": 5}}"#, .invalidValue, ["'x'", "a file's name"]),
    (#"{"weight_map": {"x": "c.safetensors"}}"#, .unreadable, ["'c.safetensors'", "missing"]),
    (#"{"weight_map": {"x": "a.safetensors"}}"#, .incompleteSplit, ["'x'", "'a.safetensors'"]),
    (#"{"weight_map": {"x": "../a.safetensors"}}"#, .malformed, ["'../a.safetensors'", "folders"]),
    (#"{"weight_map": {"x": "/etc/passwd"}}"#, .malformed, ["'/etc/passwd'", "folders"]),
    (#"{"weight_map": {"x": ".."}}"#, .malformed, ["'..'"]),
    (#"{"weight_map": {"x": ""}}"#, .malformed, ["''"]),
    (#"{"weight_map": {"x": "a\u0000b"}}"#, .malformed, ["folders"]),
  ]

  @Test(.tags(.badInput), arguments: indices.indices)
  func `an index that misleads is refused`(number: Int) throws {
    let (text, code, words) = Self.indices[number]
    let found = openingError(try sharded(text))
    #expect(found != nil)
    expect(found, code, says: words)
  }

  @Test(.tags(.badInput)) func `a tensor in two files is refused`() throws {
    let model = try sharded()
    let tensors = SavedModel.tensors()
    try model.write("b.safetensors", Data(RawSafetensors(tensors: Array(tensors[3...])).bytes))
    expect(openingError(model), .incompleteSplit, says: [tensors[3].name, "expected once"])
    #expect(openingError(model) != nil)
  }

  @Test(.tags(.badInput)) func `a link out of the directory is not followed`() throws {
    let outside = try SavedModel()
    let model = try SavedModel()
    for name in ["model.safetensors", "config.json"] {
      let link = model.url.appendingPathComponent(name)
      try FileManager.default.removeItem(at: link)
      try FileManager.default.createSymbolicLink(
        at: link, withDestinationURL: outside.url.appendingPathComponent(name))
      let found = openingError(model)
      #expect(found != nil)
      expect(found, .malformed, says: ["'\(name)'", "a link out of the directory"])
    }
  }

  @Test func `a link inside the directory is followed`() throws {
    let model = try SavedModel()
    let target = model.url.appendingPathComponent("weights")
    try FileManager.default.moveItem(
      at: model.url.appendingPathComponent("model.safetensors"), to: target)
    try FileManager.default.createSymbolicLink(
      at: model.url.appendingPathComponent("model.safetensors"), withDestinationURL: target)
    #expect(openingError(model) == nil)
  }

  @Test(.tags(.badInput)) func `a directory without weights says what is missing`() throws {
    let model = try SavedModel(weights: [:])
    expect(openingError(model), .unreadable, says: ["model.safetensors", "found none"])
    try model.write("pytorch_model.bin", text: "pickled")
    expect(openingError(model), .unreadable, says: ["only 'pytorch_model.bin'", "can run code"])
    try FileManager.default.removeItem(at: model.url.appendingPathComponent("config.json"))
    expect(openingError(model), .unreadable, says: ["no 'config.json'"])
    #expect(openingError(model) != nil)
  }

  @Test func `a vocabulary is asked for as long as none can be read`() throws {
    let model = try SavedModel()
    let error = #expect(throws: CheckpointError.self) {
      try ModelDirectory(path: model.path).vocabularyDescription()
    }
    expect(error, .unsupportedVocabulary, says: ["tokenizer.json", "tokenizer.gguf"])
    try FileManager.default.copyItem(
      atPath: Repository.golden("logits/llama2.gguf"), toPath: model.path + "/tokenizer.gguf")
    try model.write("generation_config.json", text: #"{"eos_token_id": [3, 7]}"#)
    let vocabulary = try ModelDirectory(path: model.path).vocabularyDescription()
    #expect(vocabulary.stopIDs.isSuperset(of: [3, 7]))
    try model.write("generation_config.json", text: #"{"eos_token_id": [3, 700000]}"#)
    let stops = #expect(throws: CheckpointError.self) {
      try ModelDirectory(path: model.path).vocabularyDescription()
    }
    expect(stops, .invalidValue, says: ["eos_token_id", "generation_config.json"])
  }

  @Test func `a tokenizer.json comes first, a tokenizer.model next, and links stay inside`() throws
  {
    let model = try SavedModel()
    let files = FileManager.default
    for (golden, name) in [("spm-bpe.model", "tokenizer.model"), ("llama3.json", "tokenizer.json")]
    {
      try files.copyItem(
        atPath: Repository.golden("tokenizer-files/\(golden)"), toPath: model.path + "/" + name)
      let vocabulary = try ModelDirectory(path: model.path).vocabularyDescription()
      let plain = try TokenizerFile.read(directory: model.path)
      #expect(vocabulary.tokens == plain.tokens && !plain.tokens.isEmpty, "\(name)")
    }
    try files.removeItem(atPath: model.path + "/tokenizer.json")
    try files.createSymbolicLink(
      atPath: model.path + "/tokenizer.json",
      withDestinationPath: Repository.golden("tokenizer-files/llama3.json"))
    #expect(throws: CheckpointError.self) {
      try ModelDirectory(path: model.path).vocabularyDescription()
    }
  }
}
