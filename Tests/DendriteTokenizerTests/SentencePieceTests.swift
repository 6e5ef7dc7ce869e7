// SPDX-License-Identifier: Apache-2.0

import DendriteTokenizer
import Testing

/// SentencePiece's handling of what it has no piece for; strength: the same.
@Suite struct SentencePieceTests {
  @Test func `characters without a piece are spelt in bytes`() throws {
    let tokenizer = try Tokenizer(ToyVocabulary.sentencePiece([("▁", 0), ("a", 0)]))
    #expect(tokenizer.encode("aé") == [1, 259, 260, 3 + 0xC3, 3 + 0xA9])
    #expect(tokenizer.decode(tokenizer.encode("aé\n😀")) == "aé\n😀")
  }

  @Test func `without byte tokens each such character is the unknown token`() throws {
    var vocabulary = ToyVocabulary.sentencePiece([("▁", 0), ("a", 0)], spellsBytes: false)
    #expect(try Tokenizer(vocabulary).encode("aé😀") == [1, 3, 4, 0, 0])
    #expect(try Tokenizer(vocabulary).unspellableBytes.count == 256)
    vocabulary.unknownID = nil
    #expect(try Tokenizer(vocabulary).encode("aé😀") == [1, 3, 4])
  }

  @Test func `one missing byte makes the characters that need it unknown`() throws {
    var vocabulary = ToyVocabulary.sentencePiece([("▁", 0)])
    vocabulary.types[3 + 0xA9] = .unused
    let tokenizer = try Tokenizer(vocabulary)
    #expect(tokenizer.unspellableBytes == [0xA9])
    #expect(tokenizer.encode("é", addingSpecial: false) == [259, 0])
    #expect(tokenizer.encode("è", addingSpecial: false) == [259, 3 + 0xC3, 3 + 0xA8])
  }

  @Test func `byte tokens are recognised by their spelling where there are no types`() throws {
    var vocabulary = ToyVocabulary.sentencePiece([("▁", 0), ("a", 0)])
    vocabulary.types = []
    let tokenizer = try Tokenizer(vocabulary)
    #expect(tokenizer.decode(tokenizer.encode("aé", addingSpecial: false)) == "aé")
  }

  @Test func `pieces that span words are found`() throws {
    let pieces: [(String, Float)] = [("▁", -9), ("a", -9), ("b", -9), ("a▁", -1), ("a▁b", -2)]
    let tokenizer = try Tokenizer(ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false))
    #expect(
      tokenizer.encode("a b a", addingSpecial: false).map(tokenizer.piece) == ["a b", " ", "a"])
  }

  @Test func `scores that are not numbers come last and harm nothing`() throws {
    let pieces: [(String, Float)] = [
      ("a", 0), ("b", 0), ("c", 0), ("ab", .nan), ("bc", -.greatestFiniteMagnitude),
      ("ca", .infinity),
    ]
    let tokenizer = try Tokenizer(ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false))
    #expect(tokenizer.encode("abc", addingSpecial: false).map(tokenizer.piece) == ["a", "bc"])
    #expect(tokenizer.encode("abca", addingSpecial: false).map(tokenizer.piece) == ["ab", "ca"])
  }
}
