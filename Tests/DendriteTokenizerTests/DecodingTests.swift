// SPDX-License-Identifier: Apache-2.0

import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Ids back to text, at once and token by token; strength: the same.
@Suite struct DecodingTests {
  private static let seeds = 0..<20

  @Test(arguments: PreTokenizer.allCases, seeds)
  func `decoding gives back any text`(preTokenizer: PreTokenizer, seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let merges = [("e", "r"), (" ", "t"), ("1", "2"), (" ", " "), ("\n", "\n")]
    var vocabulary = ToyVocabulary.byteLevel(preTokenizer, merges: merges)
    // Merges inside a character and from the end of one to the beginning of the next.
    for (left, right) in [(0xE3, 0x81), (0xF0, 0x9F), (0x80, 0xE3), (0x80, 0xF0)] {
      let spelling = (ToyVocabulary.byteSpelling[left], ToyVocabulary.byteSpelling[right])
      vocabulary.tokens.append(spelling.0 + spelling.1)
      vocabulary.types.append(.normal)
      vocabulary.merges.append("\(spelling.0) \(spelling.1)")
    }
    let tokenizer = try Tokenizer(vocabulary)
    for _ in 0..<10 { try Self.expectRoundTrip(generator.text(upTo: 200), tokenizer) }
  }

  @Test(.requiresSharedData, arguments: SharedVocabulary.byteLevel, seeds)
  func `decoding gives back any text in real vocabularies`(
    vocabulary: SharedVocabulary, seed: Int
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let tokenizer = try vocabulary.tokenizer()
    for _ in 0..<10 { try Self.expectRoundTrip(generator.text(upTo: 100), tokenizer) }
  }

  @Test(.requiresSharedData, arguments: seeds)
  func `decoding gives back any text in SentencePiece`(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let tokenizer = try SharedVocabulary.llama2.tokenizer()
    for _ in 0..<10 { try Self.expectRoundTrip(generator.text(upTo: 100), tokenizer) }
  }

  /// Text → ids → text, whole and in a stream; no chunk of the stream shows half a character.
  private static func expectRoundTrip(_ text: String, _ tokenizer: Tokenizer) throws {
    let ids = tokenizer.encode(text)
    #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8), "\(text.debugDescription)")
    #expect(ids == (try tokenizer.encode(utf8: Array(text.utf8))))

    var detokenizer = tokenizer.makeDetokenizer(continuingText: false)
    var chunks = ids.map { detokenizer.append($0) }
    chunks.append(detokenizer.finish())
    #expect(Array(chunks.joined().utf8) == Array(text.utf8), "\(text.debugDescription)")
    #expect(chunks.last == "")
    #expect(!chunks.contains { $0.unicodeScalars.contains("\u{FFFD}") })
  }

  @Test(arguments: seeds)
  func `a stream of any bytes equals decoding them at once`(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let tokenizer = try Tokenizer(ToyVocabulary.byteLevel())
    // Lead and continuation bytes are likely, so that many sequences break in the middle.
    let likely: [UInt8] = [0x41, 0x80, 0xA0, 0xBF, 0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xFF]
    for _ in 0..<50 {
      let bytes = (0..<20).map { _ in
        Bool.random(using: &generator)
          ? UInt8.random(in: .min ... .max, using: &generator)
          : likely[Int.random(in: 0..<likely.count, using: &generator)]
      }
      let expected = String(decoding: bytes, as: UTF8.self)
      let ids = bytes.map(Int.init)
      #expect(Array(tokenizer.decode(ids).utf8) == Array(expected.utf8))
      var detokenizer = tokenizer.makeDetokenizer()
      let streamed = ids.map { detokenizer.append($0) }.joined() + detokenizer.finish()
      #expect(Array(streamed.utf8) == Array(expected.utf8), "\(bytes)")
    }
  }

  @Test func `broken bytes are replaced without swallowing what follows`() throws {
    let tokenizer = try Tokenizer(ToyVocabulary.byteLevel())
    var detokenizer = tokenizer.makeDetokenizer()
    #expect(detokenizer.append(0xE2) == "")
    #expect(detokenizer.append(0x82) == "")
    #expect(detokenizer.append(0x41) == "\u{FFFD}A")
    #expect(detokenizer.append(0xFF) == "\u{FFFD}")
    #expect(detokenizer.append(0xE2) == "")
    #expect(detokenizer.append(0x82) == "")
    #expect(detokenizer.append(0xAC) == "€")
    #expect(detokenizer.append(0xF0) == "")
    #expect(detokenizer.finish() == "\u{FFFD}")
    #expect(detokenizer.finish() == "")
    #expect(detokenizer.append(0x41) == "A")
  }

  @Test func `control tokens show only when asked, between the bytes of a character too`() throws {
    let tokenizer = try Tokenizer(
      ToyVocabulary.byteLevel(
        added: [
          ("<|end|>", .control), ("[PAD]", .unused), ("<unk>", .unknown), ("Ġx", .userDefined),
        ]
      ))
    let ids = [0xC3, 256, 0xA4, 257, 258, 259, -1, 9999]
    #expect(tokenizer.decode(ids) == "äĠx")
    #expect(
      tokenizer.decode([65, 256, 257, 258], includingSpecial: true) == "A<|end|>[PAD]<unk>")
    #expect(tokenizer.bytes(of: 256) == [])
    #expect(tokenizer.bytes(of: 256, includingSpecial: true) == Array("<|end|>".utf8))
    #expect(tokenizer.bytes(of: -1) == [])
    #expect(tokenizer.bytes(of: 9999) == [])
    #expect(tokenizer.piece(of: 9999) == "")
  }

  @Test func `pieces for display never hide a byte`() throws {
    let tokenizer = try Tokenizer(ToyVocabulary.byteLevel(merges: [(" ", "a")]))
    #expect(tokenizer.piece(of: 0x41) == "A")
    #expect(tokenizer.piece(of: 0xC3) == "<0xC3>")
    #expect(tokenizer.piece(of: 256) == " a")
    let sentencePiece = try Tokenizer(ToyVocabulary.sentencePiece([("▁a", 0)]))
    #expect(sentencePiece.piece(of: 0) == "<unk>")
    #expect(sentencePiece.piece(of: 3 + 0x0A) == "\n")
    #expect(sentencePiece.piece(of: 3 + 0x80) == "<0x80>")
    #expect(sentencePiece.piece(of: 259) == " a")
  }

  @Test func `the prefixed space is dropped at the start of a text only`() throws {
    let tokenizer = try Tokenizer(
      ToyVocabulary.sentencePiece(
        [("▁", -1), ("▁a", 0), ("▁▁", -1)], added: [(" <x>", .userDefined)]))
    let (space, word, spaces, added) = (259, 260, 261, 262)
    #expect(tokenizer.decode([word, word]) == "a a")
    #expect(tokenizer.decode([1, word, 2]) == "a")
    #expect(tokenizer.decode([space, word]) == " a")
    #expect(tokenizer.decode([spaces, word]) == "  a")
    #expect(tokenizer.decode([added, word]) == " <x> a")
    #expect(tokenizer.decode([1, word], includingSpecial: true) == "<s> a")

    var reply = tokenizer.makeDetokenizer()
    #expect(reply.append(word) == " a")
    var text = tokenizer.makeDetokenizer(continuingText: false, includingSpecial: true)
    #expect(text.append(word) + text.append(2) + text.append(word) == "a</s> a")

    let bare = try Tokenizer(
      ToyVocabulary.sentencePiece([("▁", -1), ("▁a", 0)], addsSpacePrefix: false))
    #expect(bare.decode([260, 260]) == " a a")
  }
}
