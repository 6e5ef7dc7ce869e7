// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Foundation
import Testing

/// Files of other libraries, with the ids and texts those gave; strength: the same.
@Suite struct TokenizerFileTests {
  @Test(arguments: TokenizerFileGolden.all)
  func `ids equal those of the library that made the file`(golden: TokenizerFileGolden) throws {
    let tokenizer = try golden.tokenizer()
    for (text, line) in try golden.lines() {
      let ids = tokenizer.encode(text, addingSpecial: false, parsingSpecial: !golden.isModel)
      #expect(ids == line.ids, "\(text.debugDescription)")
      if !golden.isModel {
        let special = tokenizer.encode(text, parsingSpecial: true)
        #expect(special == line.special ?? line.ids, "\(text.debugDescription)")
      }
      // From a second scratch space on, what the first one kept must not matter.
      #expect(
        tokenizer.encode(text, addingSpecial: false, parsingSpecial: !golden.isModel) == line.ids)
    }
  }

  @Test(arguments: TokenizerFileGolden.all)
  func `texts of ids equal those of the library`(golden: TokenizerFileGolden) throws {
    let tokenizer = try golden.tokenizer()
    for (text, line) in try golden.lines() {
      // SentencePiece shows the unknown token; here it is not text.
      if golden.isModel, line.text.contains("⁇") { continue }
      let decoded = tokenizer.decode(line.ids)
      #expect(Array(decoded.utf8) == Array(line.text.utf8), "\(text.debugDescription)")
    }
  }

  @Test(arguments: TokenizerFileGolden.all)
  func `a stream of tokens gives the same text as all at once`(golden: TokenizerFileGolden) throws {
    let tokenizer = try golden.tokenizer()
    var generator = SeededGenerator(seed: 5)
    for (_, line) in try golden.lines() {
      var ids = line.ids
      for _ in 0..<4 { ids.append(Int.random(in: 0..<tokenizer.vocabularySize, using: &generator)) }
      for includesSpecial in [false, true] {
        var detokenizer = tokenizer.makeDetokenizer(
          continuingText: false, includingSpecial: includesSpecial)
        var text = ""
        for id in ids { text += detokenizer.append(id) }
        text += detokenizer.finish()
        let whole = tokenizer.decode(ids, includingSpecial: includesSpecial)
        #expect(Array(text.utf8) == Array(whole.utf8), "\(ids)")
      }
    }
  }

  @Test func `marks of the protocol are not found in what a person types`() throws {
    let tokenizer = try TokenizerFileGolden.json[1].tokenizer()
    let end = try #require(tokenizer.description.tokens.firstIndex(of: "<|end|>"))
    #expect(tokenizer.isControl(end))
    #expect(tokenizer.encode("<|end|>", parsingSpecial: true).contains(end))
    #expect(!tokenizer.encode("<|end|>", parsingSpecial: false).contains(end))
    let bert = try TokenizerFileGolden.json[8].tokenizer()
    #expect(bert.encode("[SEP]", addingSpecial: false, parsingSpecial: true) == [2])
    #expect(!bert.encode("[SEP]", addingSpecial: false).contains(2))
  }

  @Test func `a directory is read with the files beside the tokenizer`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    let refusal = #expect(throws: CheckpointError.self) {
      try TokenizerFile.read(directory: folder.path)
    }
    #expect(refusal?.message.contains("neither tokenizer.json nor tokenizer.model") == true)

    let model = TokenizerFileGolden.path("spm-bpe.model")
    try FileManager.default.copyItem(
      atPath: model, toPath: folder.appendingPathComponent("tokenizer.model").path)
    var vocabulary = try TokenizerFile.read(directory: folder.path)
    #expect(vocabulary.bosID == 1 && vocabulary.eosID == 2 && vocabulary.addsBOS)
    #expect(vocabulary.stopIDs == [2])

    try write(
      "tokenizer_config.json",
      #"{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": false, "add_eos_token": true, "#
        + #""eos_token": {"content": "</s>"}, "chat_template": "from the configuration"}"#)
    try write("generation_config.json", #"{"eos_token_id": [2, 5, 99999]}"#)
    vocabulary = try TokenizerFile.read(directory: folder.path + "/")
    #expect(!vocabulary.addsBOS && vocabulary.addsEOS)
    #expect(vocabulary.stopIDs == [2, 5])
    #expect(vocabulary.chatTemplate == "from the configuration")

    try write("chat_template.jinja", "from a file")
    let json = TokenizerFileGolden.path("llama3.json")
    try FileManager.default.copyItem(
      atPath: json, toPath: folder.appendingPathComponent("tokenizer.json").path)
    vocabulary = try TokenizerFile.read(directory: folder.path)
    #expect(vocabulary.chatTemplate == "from a file")
    #expect(vocabulary.tokens.contains("<|begin|>"))
  }

  @Test(arguments: TokenizerFileGolden.all)
  func `what is encoded is spelt by the tokens' bytes`(golden: TokenizerFileGolden) throws {
    let tokenizer = try golden.tokenizer()
    guard case .pipeline = tokenizer.description.kind else { return }
    for id in 0..<tokenizer.vocabularySize {
      // Behind other text a token adds the same bytes to a stream.
      var detokenizer = tokenizer.makeDetokenizer(continuingText: true, includingSpecial: true)
      let text = detokenizer.append(id) + detokenizer.finish()
      let bytes = tokenizer.bytes(of: id, includingSpecial: true)
      #expect(text == String(decoding: bytes, as: UTF8.self))
    }
  }
}
