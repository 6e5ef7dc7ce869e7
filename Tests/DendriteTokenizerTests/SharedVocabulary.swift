// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Foundation
import Testing

/// The real vocabularies of the shared data, each with its expected ids.
enum SharedVocabulary: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case gpt2 = "gpt-2"
  case llama3 = "llama-bpe"
  case qwen2 = "qwen2"
  case llama2 = "llama-spm"

  var testDescription: String { rawValue }

  /// The vocabularies in which every text has ids of its own.
  static let byteLevel: [SharedVocabulary] = [.gpt2, .llama3, .qwen2]

  /// The tokenizer, made once.
  func tokenizer() throws -> Tokenizer {
    switch self {
    case .gpt2: try Self.gpt2Tokenizer.get()
    case .llama3: try Self.llama3Tokenizer.get()
    case .qwen2: try Self.qwen2Tokenizer.get()
    case .llama2: try Self.llama2Tokenizer.get()
    }
  }

  private static let gpt2Tokenizer = load(.gpt2)
  private static let llama3Tokenizer = load(.llama3)
  private static let qwen2Tokenizer = load(.qwen2)
  private static let llama2Tokenizer = load(.llama2)

  private static func load(_ vocabulary: SharedVocabulary) -> Result<Tokenizer, any Error> {
    Result {
      let path = try SharedData.path("\(vocabulary.filePath)")
      return try Tokenizer(try GGUFFile(path: path).vocabularyDescription())
    }
  }

  private var filePath: String { "vocab/ggml-vocab-\(rawValue).gguf" }

  /// The texts of the `.inp` file with the ids of the `.out` file.
  func expectations() throws -> [(text: String, ids: [Int])] {
    let texts = try SharedData.text(filePath + ".inp").components(
      separatedBy: "\n__ggml_vocab_test__\n")
    let lines = try SharedData.text(filePath + ".out").components(separatedBy: "\n")
    try #require(texts.count == lines.count, "as many texts as lines of ids")
    return try zip(texts, lines).map { text, line in
      (text, try line.split(separator: " ").map { try #require(Int($0)) })
    }
  }
}

/// One line of `Tests/Goldens/tokenizer/stress.jsonl`.
struct GoldenText: Decodable {
  let text: String
  let ids: [String: [Int]]

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    text = try container.decode(String.self, forKey: Key(stringValue: "text"))
    var ids: [String: [Int]] = [:]
    for key in container.allKeys where key.stringValue != "text" {
      ids[key.stringValue] = try container.decode([Int].self, forKey: key)
    }
    self.ids = ids
  }

  /// All lines; a missing file is an error.
  static func all() throws -> [GoldenText] {
    let file = URL(fileURLWithPath: Repository.golden("tokenizer/stress.jsonl"))
    let lines = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n"))
    return try lines.map { try JSONDecoder().decode(GoldenText.self, from: Data($0)) }
  }
}
