// SPDX-License-Identifier: Apache-2.0

import DendriteTestSupport
import DendriteTokenizer
import Testing

/// Where the expressions cut; strength: the same.
@Suite struct PreTokenizerTests {
  private static let goldenText = "I'LL  pay $12345 forHTMLTags,\n\n  don't!  "

  @Test func `GPT-2 cuts the golden text into fourteen pieces`() {
    let expected = [
      "I", "'", "LL", " ", " pay", " $", "12345", " forHTMLTags", ",", "\n\n ", " don", "'t", "!",
      "  ",
    ]
    #expect(PreTokenizer.gpt2.split(Self.goldenText) == expected)
  }

  @Test func `Llama 3 cuts the golden text into fourteen pieces`() {
    let expected = [
      "I", "'LL", " ", " pay", " $", "123", "45", " forHTMLTags", ",\n\n", " ", " don", "'t", "!",
      "  ",
    ]
    #expect(PreTokenizer.llama3.split(Self.goldenText) == expected)
  }

  @Test func `Qwen 2 cuts the golden text into seventeen pieces`() {
    let expected = [
      "I", "'LL", " ", " pay", " $", "1", "2", "3", "4", "5", " forHTMLTags", ",\n\n", " ",
      " don", "'t", "!", "  ",
    ]
    #expect(PreTokenizer.qwen2.split(Self.goldenText) == expected)
  }

  /// A text and its pieces under one expression, taken from a backtracking engine (Onigmo).
  struct Cut: Sendable, CustomTestStringConvertible {
    let preTokenizer: PreTokenizer
    let pieces: [String]
    var testDescription: String { "\(preTokenizer.rawValue) \(pieces.joined().debugDescription)" }

    init(_ preTokenizer: PreTokenizer, _ pieces: String...) {
      self.preTokenizer = preTokenizer
      self.pieces = pieces
    }
  }

  static let cuts: [Cut] = [
    Cut(.gpt2, "it", "'s", " '", "s"),
    Cut(.gpt2, "'", "S", "'ll", "'re", "'ve", "'m", "'d", "'t", "'", "l"),
    Cut(.gpt2, "a", "\n", "\n", "b"),
    Cut(.gpt2, "\t", "\t", "x"),
    Cut(.gpt2, " 1234", "x", " ½Ⅳ"),
    Cut(.gpt2, "!'", "s"),
    Cut(.llama3, "'RE", "'Re", " '", "LLama"),
    Cut(.llama3, "it", "'\u{17F}", "a"),
    Cut(.llama3, "x", "'\u{212A}"),
    Cut(.llama3, "\tfoo", "(bar", "){\n", " ", " }"),
    Cut(.llama3, "123", "456", "7", " ", "89"),
    Cut(.llama3, "a", "\u{301}b"),
    Cut(.llama3, "a", "\u{85}b"),
    Cut(.llama3, "a", "\u{B}\u{C}\n", "b"),
    Cut(.llama3, "\u{3000}", "\u{3000}x", " ", "\u{A0}y"),
    Cut(.llama3, " \n \n", " ", " x"),
    Cut(.llama3, "\0\u{1}", "a"),
    Cut(.llama3, "\u{200D}\u{FE0F}", "x"),
    Cut(.llama3, "...\r\n\r\n\n", "x"),
    Cut(.qwen2, "1", "2", "٣", "Ⅳ", "½", "x"),
    Cut(.qwen2, " !\n", " ", "1"),
  ]

  @Test(arguments: cuts)
  func `pieces equal those of a backtracking engine`(cut: Cut) {
    #expect(cut.preTokenizer.split(cut.pieces.joined()) == cut.pieces)
  }

  @Test(arguments: PreTokenizer.allCases, 0..<20)
  func `pieces concatenate to the text`(preTokenizer: PreTokenizer, seed: Int) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let text = generator.text(upTo: 60)
      let pieces = preTokenizer.split(text)
      #expect(Array(pieces.joined().utf8) == Array(text.utf8))
      #expect(!pieces.contains(""))
    }
  }

  @Test func `names of GGUF files lead to expressions`() {
    #expect(PreTokenizer(ggufName: "gpt-2") == .gpt2)
    #expect(PreTokenizer(ggufName: "phi-2") == .gpt2)
    #expect(PreTokenizer(ggufName: "llama-bpe") == .llama3)
    #expect(PreTokenizer(ggufName: "llama-v3") == .llama3)
    #expect(PreTokenizer(ggufName: "qwen2") == .qwen2)
    #expect(PreTokenizer(ggufName: "deepseek-r1-qwen") == .qwen2)
    for name in ["default", "tekken", "gpt-4o", "qwen35", "LLAMA3", ""] {
      #expect(PreTokenizer(ggufName: name) == nil, "\(name)")
    }
    let names = PreTokenizer.supportedGGUFNames
    #expect(Set(names).count == names.count)
    for name in names { #expect(PreTokenizer(ggufName: name) != nil, "\(name)") }
  }
}
