// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Foundation

/// The tiny tokenizers of `Tests/Goldens/tokenizer-files`, each with what its own library said.
struct TokenizerFileGolden: Sendable, CustomStringConvertible {
  let name: String
  let isModel: Bool

  var description: String { name }

  static let json = [
    "gpt2", "llama3", "qwen2", "gpt4o", "deepseek", "starcoder", "llama2", "gemma", "bert", "cased",
    "t5", "albert", "clip", "affixes", "words",
  ].map { TokenizerFileGolden(name: $0, isModel: false) }

  static let models = ["spm-bpe", "spm-bpe-plain", "spm-unigram", "spm-unigram-bytes"]
    .map { TokenizerFileGolden(name: $0, isModel: true) }

  static let all = json + models

  /// The path of a file of the suite.
  static func path(_ name: String) -> String { Repository.golden("tokenizer-files/\(name)") }

  /// The bytes of the tokenizer's file.
  func bytes() throws -> [UInt8] {
    let path = Self.path(name + (isModel ? ".model" : ".json"))
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  func vocabulary() throws -> VocabularyDescription {
    isModel
      ? try TokenizerFile.read(sentencePiece: Self.path(name + ".model"))
      : try TokenizerFile.read(json: Self.path(name + ".json"))
  }

  func tokenizer() throws -> Tokenizer { try Tokenizer(vocabulary()) }

  /// What the library said of one text.
  struct Line: Decodable {
    var ids: [Int]
    var special: [Int]?
    var text: String
  }

  /// The texts, each with its line.
  func lines() throws -> [(text: String, line: Line)] {
    let texts = try Self.decode(String.self, "texts.jsonl")
    let lines = try Self.decode(Line.self, "\(name).jsonl")
    precondition(texts.count == lines.count && texts.count > 100)
    return Array(zip(texts, lines))
  }

  /// The lines of a file of JSON lines.
  static func decode<T: Decodable>(_ type: T.Type, _ name: String) throws -> [T] {
    try Data(contentsOf: URL(fileURLWithPath: path(name))).split(separator: UInt8(ascii: "\n"))
      .map { try JSONDecoder().decode(T.self, from: Data($0)) }
  }

  /// The lines of a file as loose JSON.
  static func objects(_ name: String) throws -> [[String: Any]] {
    try Data(contentsOf: URL(fileURLWithPath: path(name))).split(separator: UInt8(ascii: "\n"))
      .compactMap { try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
  }
}

/// A `tokenizer.json` around some steps, for trying these alone.
func tokenizerJSON(
  normalizer: Any = NSNull(), preTokenizer: Any = NSNull(), decoder: Any = NSNull(),
  tokens: [String] = ["x"], model: [String: Any]? = nil
) throws -> [UInt8] {
  var vocabulary: [String: Int] = [:]
  for token in tokens { vocabulary[token] = vocabulary[token] ?? vocabulary.count }
  let object: [String: Any] = [
    "version": "1.0", "added_tokens": [Any](), "normalizer": normalizer,
    "pre_tokenizer": preTokenizer, "post_processor": NSNull(), "decoder": decoder,
    "model": model ?? ["type": "WordLevel", "vocab": vocabulary, "unk_token": "x"],
  ]
  return Array(try JSONSerialization.data(withJSONObject: object))
}
