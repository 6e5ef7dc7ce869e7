// SPDX-License-Identifier: Apache-2.0

import DendriteTestSupport
import DendriteTokenizer
import Testing

/// What vocabularies and texts can get wrong, and what the user then reads.
@Suite struct BadInputTests {
  /// One way to spoil a vocabulary, with the error it must give.
  struct Spoilt: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: TokenizerError.Code
    let text: String
    let vocabulary: @Sendable () -> VocabularyDescription

    init(
      _ name: String, _ code: TokenizerError.Code, _ text: String,
      _ vocabulary: @escaping @Sendable () -> VocabularyDescription
    ) {
      testDescription = name
      self.code = code
      self.text = text
      self.vocabulary = vocabulary
    }
  }

  private static func toy(
    _ change: (inout VocabularyDescription) -> Void
  ) -> VocabularyDescription {
    var vocabulary = ToyVocabulary.byteLevel(merges: [("a", "b")])
    change(&vocabulary)
    return vocabulary
  }

  static let spoilt: [Spoilt] = [
    Spoilt(
      "no tokens", .invalidSize,
      """
      tokenizer: the vocabulary has no tokens, expected at least one
        try: check that the file is intact and holds a vocabulary
      """
    ) { VocabularyDescription(kind: .sentencePieceBPE, tokens: []) },
    Spoilt(
      "types for some tokens only", .mismatchedLists,
      """
      tokenizer: the vocabulary has 3 types for 257 tokens, expected one for each or none
        try: check that the file is intact, or convert the model again
      """
    ) { toy { $0.types = [.normal, .normal, .control] } },
    Spoilt(
      "more scores than tokens", .mismatchedLists,
      """
      tokenizer: the vocabulary has 300 scores for 257 tokens, expected one for each or none
        try: check that the file is intact, or convert the model again
      """
    ) { toy { $0.scores = [Float](repeating: 0, count: 300) } },
    Spoilt(
      "EOS outside the vocabulary", .idOutOfRange,
      """
      tokenizer: eosID holds 257, expected an id from 0 to 256
        try: correct the id in the model's metadata, or remove it there
      """
    ) { toy { $0.eosID = 257 } },
    Spoilt(
      "a negative stop id", .idOutOfRange,
      """
      tokenizer: stopIDs holds -1, expected an id from 0 to 256
        try: correct the id in the model's metadata, or remove it there
      """
    ) { toy { $0.stopIDs = [5, -1] } },
    Spoilt(
      "BOS to be added, but none", .missingSpecialToken,
      """
      tokenizer: addsBOS is set, but bosID is not; expected the id of the token to add
        try: set bosID, or clear addsBOS
      """
    ) { toy { $0.addsBOS = true } },
    Spoilt(
      "a merge without a space", .malformedMerge,
      """
      tokenizer: merge 1 is 'ab', expected two pieces with a space between them
        try: convert the model again with a current converter; merges given as pairs must be joined \
      by a space
      """
    ) { toy { $0.merges.append("ab") } },
    Spoilt(
      "a merge with nothing on the right", .malformedMerge,
      """
      tokenizer: merge 1 is 'a ', expected two pieces with a space between them
        try: convert the model again with a current converter; merges given as pairs must be joined \
      by a space
      """
    ) { toy { $0.merges.append("a ") } },
    Spoilt(
      "an empty merge", .malformedMerge,
      """
      tokenizer: merge 0 is '', expected two pieces with a space between them
        try: convert the model again with a current converter; merges given as pairs must be joined \
      by a space
      """
    ) { toy { $0.merges = [""] } },
    Spoilt(
      "a merge of a missing token", .mergeOfMissingToken,
      """
      tokenizer: merge 1 joins 'ab' and 'xy\\u{7}', but 'xy\\u{7}' is not a token
                 expected both halves and the result among the 257 tokens
        try: take tokens and merges from the same tokenizer; if the vocabulary was trimmed, trim \
      the merges with it
      """
    ) { toy { $0.merges.append("ab xy\u{7}") } },
    Spoilt(
      "a merge into a missing token", .mergeOfMissingToken,
      """
      tokenizer: merge 1 joins 'ab' and 'c', but 'abc' is not a token
                 expected both halves and the result among the 257 tokens
        try: take tokens and merges from the same tokenizer; if the vocabulary was trimmed, trim \
      the merges with it
      """
    ) { toy { $0.merges.append("ab c") } },
    Spoilt(
      "an added token of absurd length", .tokenTooLong,
      """
      tokenizer: token 256, which is matched in raw text, has 2000 bytes, expected at most 1024
                 it begins '<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<…'
        try: check that the file is intact; real added tokens have fewer than a hundred bytes
      """
    ) {
      ToyVocabulary.byteLevel(added: [(String(repeating: "<", count: 2000), .control)])
    },
    Spoilt(
      "a piece of absurd length", .tokenTooLong,
      """
      tokenizer: token 259 has 600 bytes, expected at most 512
                 it begins 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'
        try: check that the file is intact; real pieces have fewer than a hundred bytes
      """
    ) { ToyVocabulary.sentencePiece([(String(repeating: "a", count: 600), 0)]) },
  ]

  @Test(arguments: spoilt)
  func `a bad vocabulary gives an error that says what to do`(spoilt: Spoilt) throws {
    let error = try #require(throws: TokenizerError.self) {
      try Tokenizer(spoilt.vocabulary())
    }
    #expect(error.code == spoilt.code)
    #expect(error.description == spoilt.text)
  }

  /// Bytes that are not UTF-8, and the offset of the first that is not.
  static let notUTF8: [([UInt8], Int)] = [
    ([0x80], 0), ([0x41, 0xFF], 1), ([0xC3], 0), ([0xC3, 0xA4, 0xC3], 2), ([0xC0, 0x80], 0),
    ([0xE0, 0x80, 0x80], 0), ([0xED, 0xA0, 0x80], 0), ([0xF4, 0x90, 0x80, 0x80], 0),
    ([0xF5, 0x80, 0x80, 0x80], 0), ([0x41, 0xE2, 0x82, 0x41], 1), ([0xF0, 0x9F, 0x98], 0),
  ]

  @Test(arguments: notUTF8)
  func `a prompt that is not UTF-8 is refused at its first bad byte`(
    bytes: [UInt8], offset: Int
  ) throws {
    let tokenizer = try Tokenizer(ToyVocabulary.byteLevel())
    let error = try #require(throws: TokenizerError.self) { try tokenizer.encode(utf8: bytes) }
    #expect(error.code == .invalidUTF8)
    #expect(error.message.contains("at offset \(offset) of \(bytes.count),"))
  }

  @Test func `the error for a bad prompt quotes one byte, not the prompt`() throws {
    let tokenizer = try Tokenizer(ToyVocabulary.byteLevel())
    let error = try #require(throws: TokenizerError.self) {
      try tokenizer.encode(utf8: Array("secret".utf8) + [0xFF])
    }
    #expect(
      error.description == """
        tokenizer: the text is not UTF-8: byte 0xFF at offset 6 of 7, expected the beginning of a \
        complete character
          try: convert the text to UTF-8, or replace the bytes by decoding it with \
        String(decoding:as:) first
        """)
  }

  @Test func `bytes in a span are encoded like those in an array`() throws {
    guard #available(macOS 26, iOS 26, *) else { return }
    let tokenizer = try Tokenizer(ToyVocabulary.byteLevel(merges: [("a", "b")]))
    let bytes = Array("abä".utf8)
    let ids = try tokenizer.encode(utf8: bytes.span)
    #expect(ids == [256, 0xC3, 0xA4])
    let broken: [UInt8] = [0x61, 0xFF]
    #expect(throws: TokenizerError.self) { try tokenizer.encode(utf8: broken.span) }
  }

  @Test func `duplicate, empty and misspelt tokens are tolerated as documented`() throws {
    var vocabulary = ToyVocabulary.byteLevel(merges: [("a", "b")])
    vocabulary.tokens += ["ab", "", "\u{4E00}", "<0xZZ>"]
    vocabulary.types += [.normal, .normal, .normal, .byte]
    let tokenizer = try Tokenizer(vocabulary)
    #expect(tokenizer.encode("ab") == [257])
    #expect(tokenizer.decode([256, 257, 258, 259, 260]) == "abab一<0xZZ>")
    #expect(tokenizer.decode(tokenizer.encode("一")) == "一")
  }

  @Test func `missing bytes are told, and dropped where there is no unknown token`() throws {
    var vocabulary = VocabularyDescription(kind: .byteLevelBPE(.gpt2), tokens: ["a", "b", "<unk>"])
    #expect(try Tokenizer(vocabulary).encode("abcab") == [0, 1, 0, 1])
    #expect(try Tokenizer(vocabulary).unspellableBytes.count == 254)
    vocabulary.unknownID = 2
    #expect(try Tokenizer(vocabulary).encode("abcab") == [0, 1, 2, 0, 1])
  }

  @Test(arguments: 0..<100)
  func `nonsense is refused or works, and never traps`(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let vocabulary = generator.nonsense()
    guard let tokenizer = try? Tokenizer(vocabulary) else { return }
    for _ in 0..<5 {
      let text = generator.text(upTo: 50)
      for parsingSpecial in [false, true] {
        let ids = tokenizer.encode(text, parsingSpecial: parsingSpecial)
        #expect(ids.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) })
        _ = tokenizer.decode(ids)
      }
    }
    var detokenizer = tokenizer.makeDetokenizer()
    for id in -1...tokenizer.vocabularySize {
      #expect(tokenizer.piece(of: id).isEmpty || (0..<tokenizer.vocabularySize).contains(id))
      _ = detokenizer.append(id)
    }
    _ = detokenizer.finish()
  }
}

extension SeededGenerator {
  /// A vocabulary in which everything may be wrong, though often only a little.
  fileprivate mutating func nonsense() -> VocabularyDescription {
    let tokens = (0..<Int.random(in: 0...40, using: &self)).map { _ in text(upTo: 4) } + ["a", "b"]
    func chance(_ one: Int, _ generator: inout SeededGenerator) -> Bool {
      Int.random(in: 0..<one, using: &generator) == 0
    }
    let kinds: [VocabularyDescription.Kind] = [
      .sentencePieceBPE, .byteLevelBPE(.gpt2), .byteLevelBPE(.llama3), .byteLevelBPE(.qwen2),
    ]
    let count = chance(8, &self) ? tokens.count + 1 : tokens.count
    let types = VocabularyDescription.TokenType.allCases
    let scores: [Float] = [0, -1, .nan, .infinity, -.infinity, -0.0, 3]
    let merges = ["a b", "b a", "a  ", " a b", "Ġ a", "ab c", "a", ""]
    func id(_ generator: inout SeededGenerator) -> Int? {
      chance(3, &generator) ? Int.random(in: -1...tokens.count, using: &generator) : nil
    }
    return VocabularyDescription(
      kind: kinds[Int.random(in: 0..<kinds.count, using: &self)], tokens: tokens,
      types: chance(3, &self)
        ? [] : (0..<count).map { _ in types[Int.random(in: 0..<types.count, using: &self)] },
      scores: chance(3, &self)
        ? [] : (0..<count).map { _ in scores[Int.random(in: 0..<scores.count, using: &self)] },
      merges: chance(2, &self)
        ? [] : [merges[Int.random(in: 0..<merges.count, using: &self)]],
      bosID: id(&self), eosID: id(&self), eotID: id(&self), unknownID: id(&self),
      stopIDs: chance(8, &self) ? [tokens.count] : [], addsBOS: chance(4, &self),
      addsEOS: chance(4, &self), addsSpacePrefix: chance(2, &self), ignoresMerges: chance(2, &self))
  }
}
