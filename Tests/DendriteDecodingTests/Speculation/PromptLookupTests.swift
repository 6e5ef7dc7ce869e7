// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite struct PromptLookupTests {
  private func draft(_ history: [Int], _ pending: Int, limit: Int = 8) -> [Int] {
    var lookup = PromptLookup()
    var draft = Draft()
    lookup.propose(after: history, pending: pending, limit: limit, into: &draft)
    #expect(draft.isChain)
    return draft.tokens
  }

  @Test func `what followed the last tokens before is proposed`() {
    #expect(draft([1, 2, 3, 4, 5, 6, 1, 2], 3, limit: 3) == [4, 5, 6])
    #expect(draft([1, 2, 3, 4, 5, 6, 1, 2], 3, limit: 1) == [4])
    #expect(draft([1, 2, 3], 4) == [])
    #expect(draft([], 4) == [])
    #expect(draft([4], 4) == [])
  }

  @Test func `the longest run wins, then the latest`() {
    // 7 8 9 occurs once and is followed by 1; 8 9 occurred later, followed by 2.
    #expect(draft([7, 8, 9, 1, 0, 8, 9, 2, 0, 7, 8], 9, limit: 1) == [1])
    #expect(draft([8, 9, 1, 0, 8, 9, 2, 0, 5, 8], 9, limit: 1) == [2])
  }

  @Test func `a run that overlaps itself goes on`() {
    #expect(draft([1, 2, 1, 2, 1], 2, limit: 5) == [1, 2, 1, 2, 1])
    #expect(draft([7, 7, 7], 7, limit: 4) == [7, 7, 7, 7])
  }

  @Test(arguments: 1...6)
  func `a growing history is indexed as if it had come at once`(seed: Int) {
    var random = SeededGenerator(seed: seed)
    var growing = PromptLookup()
    var history: [Int] = []
    for _ in 0..<300 {
      history.append(random.below(4))
      let pending = random.below(4)
      var one = Draft()
      growing.propose(after: history, pending: pending, limit: 6, into: &one)
      #expect(one.tokens == draft(history, pending, limit: 6))
      #expect(one.tokens == plain(history, pending, limit: 6))
    }
    growing.begin(ReplyOutline(sampler: .greedy, vocabularySize: 10, capacity: 10))
    var fresh = Draft()
    growing.propose(after: [1, 2, 3, 1], pending: 2, limit: 2, into: &fresh)
    #expect(fresh.tokens == [3, 1])
  }

  /// The same by looking everywhere.
  private func plain(_ history: [Int], _ pending: Int, limit: Int) -> [Int] {
    let all = history + [pending]
    for length in (2...4).reversed() where all.count > length {
      let last = Array(all.suffix(length))
      for end in stride(from: history.count - 1, through: length - 1, by: -1)
      where Array(all[(end + 1 - length)...end]) == last {
        var result: [Int] = []
        for step in 1...limit {
          let at = end + step
          result.append(at < all.count ? all[at] : result[at - all.count])
        }
        return result
      }
    }
    return []
  }
}
