// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import DendriteTokenizer
import Foundation
import Testing

/// Regular expressions, normalisers, pre-tokenizers and decoders one by one; strength: the same.
@Suite struct PatternTests {
  private static func tokenizer(preTokenizer: Any) throws -> Tokenizer {
    try Tokenizer(
      TokenizerFile.description(json: tokenizerJSON(preTokenizer: preTokenizer)))
  }

  private static func split(
    _ pattern: String, _ behavior: String = "Isolated", isInverted: Bool = false
  ) -> [String: Any] {
    [
      "type": "Split", "pattern": ["Regex": pattern], "behavior": behavior, "invert": isInverted,
    ]
  }

  @Test func `pieces equal those of a backtracking engine`() throws {
    let goldens = try TokenizerFileGolden.objects("patterns.jsonl")
    #expect(goldens.count > 300)
    for golden in goldens {
      let pattern = try #require(golden["pattern"] as? String)
      let text = try #require(golden["text"] as? String)
      let tokenizer = try Self.tokenizer(
        preTokenizer: Self.split(
          pattern, try #require(golden["behavior"] as? String),
          isInverted: try #require(golden["invert"] as? Bool)))
      let expected = try #require(golden["pieces"] as? [String]).map { Array($0.utf8) }
      let found = try #require(tokenizer.pieces(of: text)).map { Array($0.utf8) }
      #expect(
        found == expected,
        "\(pattern) \(golden["behavior"] ?? "") \(golden["invert"] ?? "") \(text.debugDescription)")
    }
  }

  @Test func `the expressions behind GGUF names are the published ones`() throws {
    let known = Set(
      try TokenizerFileGolden.objects("patterns.jsonl").compactMap { $0["pattern"] as? String }
        .map { $0.replacingOccurrences(of: #"\""#, with: #"""#) })
    for name in PublishedPatterns.names {
      for pass in try #require(PublishedPatterns.passes(ggufName: name)) {
        let isKnown = known.contains(pass) || pass == #"\p{N}"#
        #expect(isKnown, "\(name): \(pass)")
      }
    }
    #expect(PublishedPatterns.passes(ggufName: "default") == nil)
  }

  @Test func `steps do to texts what the library does`() throws {
    let goldens = try TokenizerFileGolden.objects("steps.jsonl")
    #expect(goldens.count > 300)
    for golden in goldens {
      let text = try #require(golden["text"] as? String)
      let tokenizer = try Tokenizer(
        TokenizerFile.description(
          json: tokenizerJSON(
            normalizer: golden["normalizer"] ?? NSNull(),
            preTokenizer: golden["pre_tokenizer"] ?? NSNull())))
      let expected = try #require(golden["pieces"] as? [String]).map { Array($0.utf8) }
      let found = try #require(tokenizer.pieces(of: text)).map { Array($0.utf8) }
      let step = String(describing: golden["normalizer"] ?? golden["pre_tokenizer"] ?? "")
      #expect(found == expected, "\(step.prefix(100)) \(text.debugDescription)")
    }
  }

  @Test func `decoders make of tokens what the library does`() throws {
    let goldens = try TokenizerFileGolden.objects("decoders.jsonl")
    #expect(goldens.count > 100)
    for golden in goldens {
      let tokens = try #require(golden["tokens"] as? [String])
      let tokenizer = try Tokenizer(
        TokenizerFile.description(
          json: tokenizerJSON(decoder: golden["decoder"] ?? NSNull(), tokens: tokens)))
      let ids = try tokens.map { token in
        try #require(
          tokenizer.description.tokens.firstIndex { $0.utf8.elementsEqual(token.utf8) })
      }
      let expected = try #require(golden["text"] as? String)
      #expect(
        Array(tokenizer.decode(ids).utf8) == Array(expected.utf8),
        "\(golden["decoder"] ?? "") \(tokens)")
      var detokenizer = tokenizer.makeDetokenizer(continuingText: false)
      let text = ids.map { detokenizer.append($0) }.joined() + detokenizer.finish()
      #expect(Array(text.utf8) == Array(expected.utf8), "\(golden["decoder"] ?? "") \(tokens)")
    }
  }

  /// The published expressions that have matchers written by hand.
  static let published: [PreTokenizer: String] = [
    .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
    .llama3: #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    .qwen2: #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
  ]

  @Test(arguments: [PreTokenizer.gpt2, .llama3, .qwen2])
  func `the general engine cuts as the matcher written by hand`(known: PreTokenizer) throws {
    // A group around it hides the expression from the short cut.
    let pattern = "(?:\(try #require(Self.published[known])))"
    let tokenizer = try Self.tokenizer(preTokenizer: Self.split(pattern))
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let text = generator.text(upTo: 80)
      #expect(tokenizer.pieces(of: text) == known.split(text), "\(text.debugDescription)")
    }
  }

  @Test(arguments: [
    ("(a)\\1", "refers back"), ("(?<=ab)c", "looks behind"), ("(?:ab)++", "possessively"),
    ("(?:a??)*b", "prefer"), ("(?:a*|b)+", "prefer"), ("(?>a|bc)d", "atomic"), ("(a", "not closed"),
    ("a)", "opens nowhere"), ("[a", "not closed"),
    ("*a", "repeats nothing"), ("\\p{Klingon}", "unknown property"), ("a{5000}", "repeats more"),
    ("(?:(?:(?:a{99}){99}){99}){99}", "instructions"), ("\\Ga", "escape"),
    (String(repeating: "(", count: 5000), "nests"), ("(a|b)*a(a|b){40}c(?=(a|b){30}c)", ""),
    (String(repeating: "[", count: 5000), "nests"), ("[[:nothing:]]", "unknown set"),
    ("\\x{FFFFFFF}", "code point"),
    ("[b-a]", "range"), ("a\\", "backslash"), ("(?i", "ends"),
    (String(repeating: "a?", count: 9000), "scalars"),
  ])
  func `what is not regular or too much is refused or matched in time`(
    pattern: String, problem: String
  ) throws {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      let tokenizer = try Self.tokenizer(preTokenizer: Self.split(pattern))
      #expect(problem.isEmpty, "\(pattern.prefix(40)) was accepted")
      _ = tokenizer.pieces(of: String(repeating: "ab", count: 1000))
    } catch let error as TokenizerError {
      #expect(error.code == .unsupportedPattern)
      #expect(error.message.contains(problem), "\(error)")
    }
    #expect(clock.now - start < .seconds(60))
  }

  /// Patterns and texts on which backtracking, or a search begun anew at every place, takes for ever.
  @Test(arguments: [
    ("(?:a*)*b", "a"), ("a*b|a", "a"), ("(?:a|aa)+$|x", "a"), ("\\s+$", " "), ("(?=a*b)a|a", "a"),
    ("(?:x+x+)+y", "x"), (#"\s+(?!\S)|\s+"#, " "), ("(?:(?=(?:ab)*c).)+|.", "ab"),
  ])
  func `a megabyte of one letter takes no longer than one pass`(pattern: String, unit: String)
    throws
  {
    let tokenizer = try Self.tokenizer(preTokenizer: Self.split(pattern))
    let text = String(repeating: unit, count: 1_000_000 / unit.utf8.count)
    let clock = ContinuousClock()
    let start = clock.now
    let pieces = try #require(tokenizer.pieces(of: text))
    #expect(pieces.reduce(0) { $0 + $1.utf8.count } == text.utf8.count)
    // Half a second here without optimisation; a quadratic engine would need hours.
    #expect(clock.now - start < .seconds(60))
  }
}
