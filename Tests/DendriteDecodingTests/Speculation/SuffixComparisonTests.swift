// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

/// Why `automatic` asks ``SuffixDrafter`` and not ``PromptLookup``: passes that each needs for texts that repeat.
@Suite struct SuffixComparisonTests {
  /// A text whose end is said again in some form.
  enum Kind: String, CaseIterable, Sendable {
    case records, edits, calls, periods
  }

  private func text(_ kind: Kind, seed: Int) -> [Int] {
    var random = SeededGenerator(seed: seed)
    switch kind {
    case .records:
      // Keys in order, values of which some are usual.
      return (0..<60).flatMap { _ in
        (0..<7).flatMap { key in
          [1, 100 + key, 2, random.below(4) == 0 ? 200 + random.below(50) : 300 + key, 3]
        }
      }
    case .edits:
      // A text and the same with changes.
      let original = (0..<700).map { _ in random.below(90) }
      return original
        + original.flatMap { token -> [Int] in
          switch random.below(25) {
          case 0: [random.below(90)]
          case 1: []
          case 2: [token, random.below(90)]
          default: [token]
          }
        }
    case .calls:
      // Phrases that follow each other, some more often than others.
      let phrases = (0..<12).map { _ in (0..<3 + random.below(12)).map { _ in random.below(60) } }
      var phrase = 0
      return (0..<180).flatMap { _ -> [Int] in
        phrase = random.below(3) == 0 ? random.below(12) : (phrase * 5 + 1) % 12
        return phrases[phrase]
      }
    case .periods:
      return (0..<20).flatMap { _ -> [Int] in
        let part = (0..<1 + random.below(9)).map { _ in random.below(40) }
        return (0..<60).map { part[$0 % part.count] }
      }
    }
  }

  /// Passes for the last two thirds of a text.
  private func passes(_ drafter: any Drafter, _ text: [Int]) -> Int {
    var drafter = drafter
    drafter.begin(ReplyOutline(sampler: .greedy, vocabularySize: 1_000, capacity: text.count))
    var next = text.count / 3
    var passes = 0
    while next < text.count {
      var draft = Draft()
      drafter.propose(
        after: Array(text[..<(next - 1)]), pending: text[next - 1], limit: 8, into: &draft)
      var index = 0
      while index < draft.count, next < text.count, draft.tokens[index] == text[next] {
        index += 1
        next += 1
      }
      next += 1
      passes += 1
    }
    return passes
  }

  @Test(arguments: Kind.allCases)
  func `texts that repeat take no more passes than with prompt look-up`(kind: Kind) {
    var lookup = 0
    var suffixes = 0
    for seed in 1...4 {
      let text = text(kind, seed: seed)
      lookup += passes(PromptLookup(), text)
      suffixes += passes(SuffixDrafter(), text)
    }
    #expect(suffixes <= lookup, "\(kind): \(suffixes) passes, \(lookup) with look-up")
  }
}
