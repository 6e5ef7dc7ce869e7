// SPDX-License-Identifier: Apache-2.0

import DendriteTokenizer
import Testing

/// Tokens that are cut out of raw text; strength: the same.
@Suite struct AddedTokenTests {
  private static let byteLevel = ToyVocabulary.byteLevel(
    added: [
      ("<|end|>", .control), ("<|end|>!", .userDefined), ("ab", .userDefined),
      ("abc", .userDefined), ("bcd", .userDefined), ("<unk>", .unknown), ("  ", .userDefined),
    ])

  private func pieces(_ text: String, parsingSpecial: Bool = false) throws -> [String] {
    let tokenizer = try Tokenizer(Self.byteLevel)
    return tokenizer.encode(text, parsingSpecial: parsingSpecial).map(tokenizer.piece)
  }

  @Test func `user-defined tokens are cut out first, the leftmost and then the longest`() throws {
    #expect(try pieces("xabcdx") == ["x", "abc", "d", "x"])
    #expect(try pieces("abxbcd") == ["ab", "x", "bcd"])
    #expect(try pieces("x   y") == ["x", "  ", " ", "y"])
    #expect(try pieces("<|end|>!").last == "<|end|>!")
  }

  @Test func `control tokens are text unless asked for`() throws {
    #expect(try pieces("a<|end|>") == "a<|end|>".map(String.init))
    #expect(try pieces("a<|end|>", parsingSpecial: true) == ["a", "<|end|>"])
    #expect(try pieces("<|end|>!", parsingSpecial: true) == ["<|end|>!"])
    #expect(try pieces("<unk>") == "<unk>".map(String.init))
    #expect(try pieces("<unk>", parsingSpecial: true) == ["<unk>"])
    #expect(try pieces("<|end|<|end|>|>", parsingSpecial: true).count == 6 + 1 + 2)
  }

  @Test func `text can never spell a control token by merging`() throws {
    // The merges lead to the control token's text; the last of them must not apply.
    var vocabulary = ToyVocabulary.byteLevel(merges: [("<", "|"), ("<|", ">")])
    vocabulary.types[vocabulary.tokens.count - 1] = .control
    let tokenizer = try Tokenizer(vocabulary)
    #expect(tokenizer.encode("<|>").map(tokenizer.piece) == ["<|", ">"])
    vocabulary.ignoresMerges = true
    #expect(try !Tokenizer(vocabulary).encode("<|>").contains { tokenizer.isControl($0) })

    let sentencePiece = try Tokenizer(
      ToyVocabulary.sentencePiece([("<s", 0), ("s>", 0), ("<", 0), ("s", 0), (">", 0)]))
    #expect(!sentencePiece.encode("<s></s>", addingSpecial: false).contains { $0 < 3 })
  }

  @Test func `SentencePiece prefixes a space at the start and after every token cut out`() throws {
    let tokenizer = try Tokenizer(
      ToyVocabulary.sentencePiece(
        [("▁", -1), ("a", -1), ("▁a", 0), ("b", -1)], added: [("<tool>", .userDefined)]))
    func pieces(_ text: String) -> [String] {
      tokenizer.encode(text, addingSpecial: false, parsingSpecial: true).map(tokenizer.piece)
    }
    #expect(pieces("a") == [" a"])
    #expect(pieces(" a") == [" ", " a"])
    #expect(pieces("ba") == [" ", "b", "a"])
    #expect(pieces("b<tool>a") == [" ", "b", "<tool>", " a"])
    #expect(pieces("<s>a</s>a") == ["<s>", " a", "</s>", " a"])
    #expect(pieces("") == [])
    #expect(pieces("<tool>") == ["<tool>"])
  }

  @Test func `BOS and EOS are added where the vocabulary says so`() throws {
    var vocabulary = ToyVocabulary.byteLevel(added: [("<s>", .control), ("</s>", .control)])
    vocabulary.bosID = 256
    vocabulary.eosID = 257
    for (addsBOS, addsEOS) in [(false, false), (true, false), (false, true), (true, true)] {
      vocabulary.addsBOS = addsBOS
      vocabulary.addsEOS = addsEOS
      let tokenizer = try Tokenizer(vocabulary)
      let expected = (addsBOS ? [256] : []) + [97] + (addsEOS ? [257] : [])
      #expect(tokenizer.encode("a") == expected)
      #expect(tokenizer.encode("a", addingSpecial: false) == [97])
      #expect(tokenizer.encode("") == expected.filter { $0 > 255 })
    }
  }

  @Test func `generation ends at EOS, at the end of a turn and at the extra ids`() throws {
    var vocabulary = ToyVocabulary.byteLevel(added: [("</s>", .control), ("<turn>", .control)])
    vocabulary.eosID = 256
    vocabulary.eotID = 257
    vocabulary.stopIDs = [10]
    let tokenizer = try Tokenizer(vocabulary)
    #expect((-1...300).filter(tokenizer.isEndOfGeneration) == [10, 256, 257])
    #expect((-1...300).filter(tokenizer.isControl) == [256, 257])
    #expect(tokenizer.vocabularySize == 258)
  }
}
