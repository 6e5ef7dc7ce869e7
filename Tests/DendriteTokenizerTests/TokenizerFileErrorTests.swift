// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTokenizer
import Testing

/// Tokenizer files that cannot be used; strength: the same message every time.
@Suite struct TokenizerFileErrorTests {
  /// A file of whole words with one part exchanged.
  private static func file(_ part: String, _ value: String) -> String {
    let parts = [
      ("added_tokens", "[]"), ("normalizer", "null"), ("pre_tokenizer", "null"),
      ("post_processor", "null"), ("decoder", "null"),
      ("model", #"{"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}"#),
    ]
    let members = parts.map { "\"\($0.0)\": \($0.0 == part ? value : $0.1)" }
    return "{\(members.joined(separator: ", "))}"
  }

  private static func model(_ text: String) -> String { file("model", text) }

  /// A file, the code of its refusal and words of the message.
  typealias Wrong = (json: String, code: CheckpointError.Code, words: String)

  static let wrong: [Wrong] = [
    ("", .malformed, "is not JSON"),
    ("nonsense", .malformed, "unknown word"), ("?", .malformed, "begins no value"),
    ("{\"model\": ", .malformed, "end of the file"),
    ("{} {}", .malformed, "behind the value"),
    ("{\"a\": \"\\q\"}", .malformed, "unknown escape"),
    (String(repeating: "[", count: 100_000), .malformed, "inside one another"),
    (String(repeating: "{\"a\":", count: 100_000), .malformed, "inside one another"),
    ("[]", .invalidValue, "expected an object with 'model'"),
    ("{}", .missingKey, "'model'"),
    (model(#"{"type": "BPE"}"#), .missingKey, "'vocab'"),
    (model(#"{"type": "BPE", "vocab": {}}"#), .missingKey, "'merges'"),
    (model(#"{"type": "Telepathy", "vocab": {}}"#), .unsupportedVocabulary, "'Telepathy'"),
    (model(#"{"type": "WordLevel", "vocab": {"a": -1}}"#), .invalidValue, "-1.0"),
    (model(#"{"type": "WordLevel", "vocab": {"a": 1.5}}"#), .invalidValue, "1.5"),
    (model(#"{"type": "WordLevel", "vocab": {"a": 2000000000}}"#), .invalidValue, "holes"),
    (model(#"{"type": "WordLevel", "vocab": {"a": 0, "b": 0}}"#), .invalidValue, "each id"),
    (model(#"{"type": "WordLevel", "vocab": []}"#), .invalidValue, "expected an object"),
    (model(#"{"type": "Unigram", "vocab": [["a"]]}"#), .invalidValue, "a piece and its score"),
    (model(#"{"type": "Unigram", "vocab": [["a", 0]], "unk_id": 9}"#), .invalidValue, "below 1"),
    (
      model(#"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}"#), .invalidValue,
      "merge 0 is 'a'"
    ),
    (model(#"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}"#), .invalidValue, "merge 0"),
    (
      model(#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}"#),
      .unsupportedVocabulary, "every time"
    ),
    (file("normalizer", #"{"type": "Magic"}"#), .unsupportedVocabulary, "'Magic'"),
    (file("normalizer", #"{"type": "Replace", "content": "x"}"#), .missingKey, "'pattern'"),
    (
      file("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": "?"}"#), .invalidValue,
      "base64"
    ),
    (
      file("pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "a"}}"#), .missingKey,
      "behavior"
    ),
    (
      file("pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Eaten"}"#),
      .invalidValue, "'Eaten'"
    ),
    (
      file("pre_tokenizer", #"{"type": "Metaspace", "replacement": "ab"}"#), .invalidValue,
      "one character"
    ),
    (file("decoder", #"{"type": "Strip"}"#), .missingKey, "'content'"),
    (
      file(
        "post_processor", #"{"type": "TemplateProcessing", "single": [], "special_tokens": {}}"#),
      .unsupportedVocabulary, "one text"
    ),
    (file("added_tokens", #"[{"id": 0, "content": "z"}]"#), .invalidValue, "one token for each id"),
    (file("added_tokens", #"[{"id": 7}]"#), .missingKey, "'content'"),
  ]

  @Test(arguments: wrong)
  func `a file that cannot be used says what is wrong and where`(
    json: String, code: CheckpointError.Code, words: String
  ) throws {
    let error = #expect(throws: CheckpointError.self) {
      try TokenizerFile.description(json: Array(json.utf8))
    }
    #expect(error?.code == code, "\(error.map { "\($0)" } ?? "accepted")")
    #expect(error?.message.contains(words) == true, "\(error.map { "\($0)" } ?? "accepted")")
    #expect(error?.message.utf8.count ?? 0 < 1000)
  }

  @Test func `the tables refuse what the file could not know`() throws {
    func expect(_ json: String, _ code: TokenizerError.Code) throws {
      let vocabulary = try TokenizerFile.description(json: Array(json.utf8))
      let error = #expect(throws: TokenizerError.self) { try Tokenizer(vocabulary) }
      #expect(error?.code == code, "\(error.map { "\($0)" } ?? "accepted")")
    }
    try expect(
      Self.model(#"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}"#),
      .mergeOfMissingToken)
    try expect(
      Self.file("normalizer", #"{"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#),
      .malformedCharsmap)
    try expect(
      Self.file("post_processor", #"{"type": "BertProcessing", "sep": ["x", 9], "cls": ["a", 0]}"#),
      .idOutOfRange)
    try expect(Self.model(#"{"type": "WordLevel", "vocab": {}}"#), .invalidSize)
    let long = String(repeating: "x", count: 5000)
    try expect(
      Self.file("added_tokens", #"[{"id": 2, "content": "\#(long)"}]"#), .tokenTooLong)
  }

  @Test func `half a SentencePiece file is refused`() throws {
    let bytes = try TokenizerFileGolden.models[0].bytes()
    for count in [0, 1, 7, bytes.count - 1] {
      let error = #expect(throws: CheckpointError.self) {
        try TokenizerFile.description(sentencePiece: Array(bytes.prefix(count)))
      }
      #expect(error?.code == .malformed)
    }
    #expect(throws: CheckpointError.self) {
      try TokenizerFile.description(sentencePiece: Array("{\"model\": 1}".utf8))
    }
  }
}
