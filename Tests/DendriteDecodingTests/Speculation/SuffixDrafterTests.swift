// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite struct SuffixDrafterTests {
  private let outline = ReplyOutline(sampler: .greedy, vocabularySize: 100, capacity: 1_000)

  private func draft(
    _ history: [Int], _ pending: Int, limit: Int = 8, by drafter: SuffixDrafter = SuffixDrafter()
  ) -> [Int] {
    var drafter = drafter
    return propose(&drafter, history, pending, limit: limit)
  }

  private func propose(
    _ drafter: inout SuffixDrafter, _ history: [Int], _ pending: Int, limit: Int = 8
  ) -> [Int] {
    var draft = Draft()
    drafter.propose(after: history, pending: pending, limit: limit, into: &draft)
    #expect(draft.isChain && draft.count <= max(0, limit))
    #expect((0..<Draft.classCount).contains(draft.confidence))
    return draft.tokens
  }

  /// The same by looking everywhere.
  private func plain(_ history: [Int], _ pending: Int, limit: Int, minimum: Int = 2) -> [Int] {
    var text = history + [pending]
    let length = text.count
    let matches = (0..<length - 1).map { end in
      (0...end).prefix { text[end - $0] == text[length - 1 - $0] }.count
    }
    guard let match = matches.max(), match >= minimum else { return [] }
    var ends = matches.indices.filter { matches[$0] == match }
    while text.count < length + limit {
      var votes: [Int: (count: Int, end: Int)] = [:]
      for end in ends { votes[text[end + 1]] = ((votes[text[end + 1]]?.count ?? 0) + 1, end) }
      guard
        let best = votes.max(by: {
          ($0.value.count, $0.value.end) < ($1.value.count, $1.value.end)
        })
      else { break }
      ends = ends.filter { text[$0 + 1] == best.key }.map { $0 + 1 }
      text.append(best.key)
    }
    return Array(text[length...])
  }

  @Test func `what followed the last tokens before is proposed`() {
    #expect(draft([1, 2, 3, 4, 5, 6, 1, 2], 3, limit: 3) == [4, 5, 6])
    #expect(draft([1, 2, 3, 4, 5, 6, 1, 2], 3, limit: 1) == [4])
    #expect(draft([1, 2, 3, 4, 5, 6, 1, 2], 3, limit: 0) == [])
    #expect(draft([1, 2, 3], 4) == [])
    #expect(draft([], 4) == [])
    #expect(draft([4], 4) == [])
    #expect(draft([1, 2], 1) == [])
    #expect(draft([1, 2], 1, limit: 3, by: SuffixDrafter(minimumMatch: 1)) == [2, 1, 2])
  }

  @Test func `the longest run wins, then what followed most often, then the latest`() {
    #expect(draft([7, 8, 9, 1, 0, 8, 9, 2, 0, 7, 8], 9, limit: 1) == [1])
    #expect(draft([8, 9, 1, 0, 8, 9, 1, 3, 8, 9, 2, 5, 8], 9, limit: 1) == [1])
    #expect(draft([8, 9, 1, 0, 8, 9, 2, 0, 5, 8], 9, limit: 1) == [2])
    // More than four tokens are compared.
    #expect(draft([1, 2, 3, 4, 5, 6, 0, 9, 2, 3, 4, 5, 7, 0, 1, 2, 3, 4], 5, limit: 1) == [6])
  }

  @Test(arguments: 1...5)
  func `a text that repeats itself goes on`(period: Int) {
    for length in 2 * period + 2...4 * period + 4 {
      let text = (0..<length + 20).map { $0 % period + 10 }
      let got = draft(Array(text[..<(length - 1)]), text[length - 1], limit: 20)
      #expect(got == Array(text[length...]), "period \(period), \(length) tokens")
    }
  }

  @Test(arguments: 1...5, 1...4)
  func `a growing history is indexed as if it had come at once, and as looking everywhere says`(
    alphabet: Int, seed: Int
  ) {
    var random = SeededGenerator(seed: seed)
    var growing = SuffixDrafter()
    growing.begin(outline)
    var history: [Int] = []
    for step in 0..<100 {
      for _ in 0...random.below(3) { history.append(random.below(alphabet)) }
      // Not always what comes next.
      let pending = random.below(alphabet)
      let got = propose(&growing, history, pending, limit: 7)
      #expect(got == plain(history, pending, limit: 7), "step \(step) of \(history), \(pending)")
      if step % 10 == 0 { #expect(got == draft(history, pending, limit: 7)) }
    }
  }

  @Test(arguments: 1...8)
  func `a reply may begin with another history, or with part of it`(seed: Int) {
    var random = SeededGenerator(seed: seed)
    var drafter = SuffixDrafter()
    var history = (0..<80).map { _ in random.below(4) }
    for turn in 0..<12 {
      let changes = random.below(5)
      switch changes {
      case 0: history = (0..<60).map { _ in random.below(4) }
      case 1: history.removeLast(random.below(history.count))
      case 2: history[random.below(history.count)] ^= 1
      default: break
      }
      history += (0..<3 + random.below(9)).map { _ in random.below(4) }
      drafter.begin(outline)
      for _ in 0..<5 {
        let pending = random.below(4)
        let got = propose(&drafter, history, pending)
        #expect(got == plain(history, pending, limit: 8), "turn \(turn), change \(changes)")
        history.append(pending)
      }
    }
  }

  @Test func `a history that changes within a reply is noticed where it is looked at`() {
    var drafter = SuffixDrafter()
    _ = propose(&drafter, [1, 2, 3, 4, 5, 1, 2], 3)
    #expect(propose(&drafter, [1, 2, 9], 1) == [])
    #expect(propose(&drafter, [5, 6, 7, 8, 5], 6, limit: 2) == [7, 8])
    #expect(propose(&drafter, [5, 6, 1, 8, 5], 6, limit: 2) == [1, 8])
    // An old token that changed is found in its turn.
    var history = (0..<400).map { 1_000 + $0 }
    _ = propose(&drafter, history, 1)
    history[3] = 5
    for _ in 0..<60 {
      _ = propose(&drafter, history, 1)
      history.append(1)
    }
    #expect(propose(&drafter, history + [1_002], 5, limit: 2) == [1_004, 1_005])
  }

  @Test(.tags(.badInput)) func `absurd ids are no reason to stop`() {
    let absurd = [Int.max, .min, -1, Int(Int32.max), Int.max, .min, -1]
    var drafter = SuffixDrafter()
    for count in absurd.indices {
      _ = propose(&drafter, Array(absurd[...count]), absurd[count])
    }
    #expect(draft([5, -1, 7, 5], -1, limit: 2) == [7, 5])
  }

  @Test func `longer runs and those with one continuation are trusted more`() {
    var drafter = SuffixDrafter()
    func confidence(_ history: [Int], _ pending: Int) -> Int {
      var draft = Draft()
      drafter.propose(after: history, pending: pending, limit: 1, into: &draft)
      #expect(draft.count == 1)
      return draft.confidence
    }
    let short = confidence([1, 2, 3, 0, 1], 2)
    let split = confidence([1, 2, 3, 0, 1, 2, 4, 5, 1], 2)
    let long = confidence(Array(0..<30) + Array(0..<20), 20)
    #expect(split < short && short < long && long == Draft.classCount - 1)
  }

  @Test func `what earlier sessions said is proposed where they match more`() {
    let remembered = RememberedSuffixes([[1, 2, 3, 4, 5], [6, 7, 8], [9, 1, 2]])
    #expect(remembered.tokenCount == 11)
    func propose(_ history: [Int], _ pending: Int) -> [Int] {
      draft(history, pending, limit: 4, by: SuffixDrafter(remembering: remembered))
    }
    #expect(propose([1], 2) == [3, 4, 5])
    #expect(propose([50, 6], 7) == [8])
    // No match crosses from one text to the next, and none begins where a text ended.
    #expect(propose([4, 5], 6) == [])
    #expect(propose([6, 7], 8) == [])
    // The session's own text is nearer.
    #expect(propose([1, 2, 70, 0, 1], 2) == [70, 0, 1, 2])
    #expect(propose([2, 3, 70, 1, 2], 3) == [4, 5])
    // A session that leaves a remembered text finds its way back.
    var drafter = SuffixDrafter(remembering: remembered)
    #expect(self.propose(&drafter, [1, 2, 3], 4, limit: 3) == [5])
    #expect(self.propose(&drafter, [1, 2, 3, 9, 6], 7, limit: 3) == [8])
    drafter.begin(outline)
    #expect(self.propose(&drafter, [80, 2], 3, limit: 3) == [4, 5])
  }

  @Test func `of more texts than fit the newest are indexed`() {
    let texts = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    let remembered = RememberedSuffixes(texts, limit: 5)
    #expect(remembered.tokenCount == 5)
    let drafter = SuffixDrafter(remembering: remembered)
    #expect(draft([1], 2, by: drafter) == [])
    #expect(draft([5], 6, by: drafter) == [])
    #expect(draft([6], 7, by: drafter) == [8])
    #expect(RememberedSuffixes(texts, limit: -1).tokenCount == 0)
  }
}
