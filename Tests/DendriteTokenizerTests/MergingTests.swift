// SPDX-License-Identifier: Apache-2.0

import DendriteTestSupport
import DendriteTokenizer
import Testing

/// The order of merges, against definitions written for reading; strength: the same.
@Suite struct MergingTests {
  @Test(arguments: 0..<40)
  func `byte-level merges go by rank, leftmost first`(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let merges = Self.randomMerges(&generator)
    let vocabulary = ToyVocabulary.byteLevel(merges: merges)
    let tokenizer = try Tokenizer(vocabulary)
    // Both sides of the length at which the merger changes from scanning to a heap.
    for length in [0, 1, 2, 5, 31, 32, 33, 34, 100, 300] {
      let text = String((0..<length).map { _ in "abc".randomElement(using: &generator) ?? "a" })
      let expected = Self.mergedByRank(text, merges)
      let ids = tokenizer.encode(text)
      #expect(ids.map { vocabulary.tokens[$0] } == expected, "\(text)")
    }
  }

  @Test(arguments: 0..<40)
  func `SentencePiece merges go by score, leftmost first`(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    // Few different scores, so that ties are common; c is a character but never a piece.
    let pieces = Self.randomPieces(&generator, alphabet: seed % 2 == 0 ? "abc▁" : "abc")
    let vocabulary = ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: seed % 3 != 0)
    let tokenizer = try Tokenizer(vocabulary)
    for length in [1, 2, 5, 31, 32, 33, 34, 100, 300] {
      let text = String((0..<length).map { _ in "abc d".randomElement(using: &generator) ?? "a" })
      let marked = (vocabulary.addsSpacePrefix ? " " + text : text).replacing(" ", with: "▁")
      let expected = Self.mergedByScore(marked, pieces)
      let ids = tokenizer.encode(text, addingSpecial: false)
      #expect(ids.map { vocabulary.tokens[$0] } == expected, "\(text)")
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a long run of one character does not take quadratic time`() throws {
    let merges = [("a", "a"), ("aa", "aa"), ("aaaa", "aaaa"), ("b", "a")]
    let count = 100_000
    let run = String(repeating: "a", count: count)
    let byteLevel = try Tokenizer(ToyVocabulary.byteLevel(merges: merges))
    #expect(byteLevel.encode(run) == [Int](repeating: 258, count: count / 8))

    let pieces: [(String, Float)] = [("a", -9), ("aa", -1), ("aaaa", -2), ("aaaaaaaa", -3)]
    let sentencePiece = try Tokenizer(
      ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false))
    #expect(
      sentencePiece.encode(run, addingSpecial: false)
        == [Int](repeating: 3 + 256 + 3, count: count / 8))
  }

  @Test func `merges never cross pre-tokens`() throws {
    let vocabulary = ToyVocabulary.byteLevel(merges: [("a", " "), (" ", "b")])
    let ids = try Tokenizer(vocabulary).encode("a b")
    #expect(ids.map { vocabulary.tokens[$0] } == ["a", "Ġb"])
  }

  @Test func `a pre-token in the vocabulary is taken whole where merges are ignored`() throws {
    var vocabulary = ToyVocabulary.byteLevel(
      merges: [("b", "c"), ("a", "b"), ("ab", "c")], added: [])
    #expect(try Tokenizer(vocabulary).encode("abc").map { vocabulary.tokens[$0] } == ["a", "bc"])
    vocabulary.ignoresMerges = true
    #expect(try Tokenizer(vocabulary).encode("abc").map { vocabulary.tokens[$0] } == ["abc"])
    #expect(
      try Tokenizer(vocabulary).encode("abcab").map { vocabulary.tokens[$0] } == ["a", "bc", "ab"])
  }

  @Test func `a merge listed twice keeps its first rank`() throws {
    let vocabulary = ToyVocabulary.byteLevel(merges: [("a", "b"), ("b", "c"), ("a", "b")])
    #expect(try Tokenizer(vocabulary).encode("abc").map { vocabulary.tokens[$0] } == ["ab", "c"])
  }
}

// MARK: - Definitions

extension MergingTests {
  private static func randomMerges(
    _ generator: inout SeededGenerator
  ) -> [(String, String)] {
    var pool = ["a", "b", "c"]
    var merges: [(String, String)] = []
    for _ in 0..<12 {
      guard let left = pool.randomElement(using: &generator),
        let right = pool.randomElement(using: &generator), left.count + right.count <= 8,
        !merges.contains(where: { $0 == (left, right) })
      else { continue }
      merges.append((left, right))
      if !pool.contains(left + right) { pool.append(left + right) }
    }
    return merges
  }

  private static func randomPieces(
    _ generator: inout SeededGenerator, alphabet: String
  ) -> [(String, Float)] {
    var pieces: [(String, Float)] = [("a", -100), ("b", -100)]
    for _ in 0..<20 {
      let length = Int.random(in: 2...5, using: &generator)
      let piece = String((0..<length).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
      if pieces.contains(where: { $0.0 == piece }) { continue }
      pieces.append((piece, Float(Int.random(in: -4 ... -1, using: &generator))))
    }
    return pieces
  }

  /// Applies the merge of lowest rank that fits anywhere, at its leftmost place, until none fits.
  private static func mergedByRank(_ text: String, _ merges: [(String, String)]) -> [String] {
    var symbols = text.map(String.init)
    while true {
      let places = symbols.indices.dropLast().compactMap { place in
        merges.firstIndex { $0 == (symbols[place], symbols[place + 1]) }.map { ($0, place) }
      }
      guard let (_, place) = places.min(by: { $0 < $1 }) else { return symbols }
      symbols[place] += symbols.remove(at: place + 1)
    }
  }

  /// Joins the neighbours that make the piece of highest score, leftmost first, until none do; what
  /// is no piece then is spelt in bytes.
  private static func mergedByScore(_ text: String, _ pieces: [(String, Float)]) -> [String] {
    let scores = Dictionary(uniqueKeysWithValues: pieces)
    var symbols = text.map(String.init)
    while true {
      let places = symbols.indices.dropLast().compactMap { place in
        scores[symbols[place] + symbols[place + 1]].map { (-$0, place) }
      }
      guard let (_, place) = places.min(by: { $0 < $1 }) else { break }
      symbols[place] += symbols.remove(at: place + 1)
    }
    return symbols.flatMap { symbol in
      if scores[symbol] != nil { return [symbol] }
      return symbol.replacing("▁", with: " ").utf8.map {
        "<0x\($0 < 16 ? "0" : "")\(String($0, radix: 16, uppercase: true))>"
      }
    }
  }
}
