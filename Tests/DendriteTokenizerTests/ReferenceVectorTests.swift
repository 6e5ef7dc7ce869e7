// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Ids that other people's tokenizers gave; strength: the same.
@Suite(.requiresSharedData) struct ReferenceVectorTests {
  @Test(arguments: SharedVocabulary.allCases)
  func `ids equal llama.cpp's test vectors`(vocabulary: SharedVocabulary) throws {
    let tokenizer = try vocabulary.tokenizer()
    let expectations = try vocabulary.expectations()
    #expect(expectations.count > 40)
    for (text, ids) in expectations {
      #expect(
        tokenizer.encode(text, addingSpecial: false) == ids, "\(text.debugDescription)")
    }
  }

  @Test(arguments: SharedVocabulary.allCases)
  func `ids of four hundred nasty texts equal the goldens`(vocabulary: SharedVocabulary) throws {
    let tokenizer = try vocabulary.tokenizer()
    let goldens = try GoldenText.all()
    #expect(goldens.count >= 300)
    for golden in goldens {
      let expected = try #require(golden.ids[vocabulary.rawValue])
      #expect(
        tokenizer.encode(golden.text, addingSpecial: false) == expected,
        "\(golden.text.debugDescription)")
    }
  }

  @Test(arguments: SharedVocabulary.allCases)
  func `decoding gives back the goldens' texts`(vocabulary: SharedVocabulary) throws {
    let tokenizer = try vocabulary.tokenizer()
    for golden in try GoldenText.all() {
      let ids = try #require(golden.ids[vocabulary.rawValue])
      // SentencePiece cannot tell ▁ from a space.
      let expected =
        vocabulary == .llama2 ? golden.text.replacing("\u{2581}", with: " ") : golden.text
      // Strings compare by canonical equivalence; bytes are what is promised.
      #expect(
        Array(tokenizer.decode(ids).utf8) == Array(expected.utf8),
        "\(golden.text.debugDescription)")
    }
  }

  @Test func `real special tokens are where the model cards say`() throws {
    let llama3 = try SharedVocabulary.llama3.tokenizer()
    #expect(llama3.encode("Hello") == [128_000, 9906])
    #expect(llama3.encode("<|eot_id|>", addingSpecial: false, parsingSpecial: true) == [128_009])
    #expect(llama3.isControl(128_009))
    #expect(llama3.isEndOfGeneration(128_009))
    #expect(!llama3.encode("<|eot_id|>").contains(128_009))

    let llama2 = try SharedVocabulary.llama2.tokenizer()
    #expect(llama2.encode("Hello") == [1, 15043])
    #expect(llama2.decode([1, 15043, 2]) == "Hello")
    #expect(llama2.decode([1, 15043, 2], includingSpecial: true) == "<s> Hello</s>")
    #expect(llama2.isEndOfGeneration(2))
    #expect(!llama2.encode("<s></s><unk>", addingSpecial: false).contains { $0 < 3 })
    #expect(llama2.unspellableBytes.isEmpty)
  }

  @Test func `a vocabulary of 512 pieces spells any story`() throws {
    let path = try SharedData.path("stories260K/stories260K.gguf")
    let tokenizer = try Tokenizer(GGUFFile(path: path).vocabularyDescription())
    #expect(tokenizer.vocabularySize == 512)
    #expect(tokenizer.unspellableBytes.isEmpty)
    #expect(tokenizer.isEndOfGeneration(2))
    for text in ["Once upon a time, there was a little girl.\n", "Zoë said “naïve” 🙂 to 小明."] {
      #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    }
  }

  @Test(arguments: SharedVocabulary.allCases)
  func `real vocabularies spell every byte`(vocabulary: SharedVocabulary) throws {
    #expect(try vocabulary.tokenizer().unspellableBytes.isEmpty)
  }
}
