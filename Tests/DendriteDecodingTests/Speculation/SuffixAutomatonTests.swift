// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite struct SuffixAutomatonTests {
  /// Where a string ends in texts: indices of its last token in all of them put together.
  private func ends(of string: ArraySlice<Int>, in texts: [[Int]]) -> [Int] {
    var ends: [Int] = []
    var start = 0
    for text in texts {
      for first in 0..<max(0, text.count - string.count + 1)
      where text[first..<first + string.count].elementsEqual(string) {
        ends.append(start + first + string.count - 1)
      }
      start += text.count
    }
    return ends
  }

  /// Compares everything that is known of every substring with what looking everywhere says.
  private func check(_ automaton: SuffixAutomaton, _ texts: [[Int]]) {
    let all = texts.flatMap { $0 }
    let lasts = Set(texts.indices.map { texts[...$0].reduce(0) { $0 + $1.count } - 1 })
    var seen: Set<ArraySlice<Int>> = []
    for text in texts {
      for first in text.indices {
        var state: Int32 = 0
        for last in first..<text.count {
          state = automaton.target(of: state, by: Int32(text[last]))
          guard state >= 0 else {
            Issue.record("\(text[first...last]) is not found in \(texts)")
            return
          }
          guard seen.insert(text[first...last]).inserted else { continue }
          let ends = ends(of: text[first...last], in: texts)
          #expect(automaton.occurrences(of: state) == ends.count)
          #expect(automaton.latestEnd(of: state) == ends.last)
          #expect(Int(automaton.token(of: state)) == text[last])
          var next: [Int: (count: Int, end: Int)] = [:]
          for end in ends where !lasts.contains(end) {
            next[all[end + 1]] = ((next[all[end + 1]]?.count ?? 0) + 1, end)
          }
          let best = next.max { ($0.value.count, $0.value.end) < ($1.value.count, $1.value.end) }
          let favourite = automaton.favourite(of: state)
          #expect(
            best?.key == (favourite < 0 ? nil : Int(automaton.token(of: favourite))),
            "behind \(text[first...last]) in \(texts)")
        }
      }
    }
    let tokens = max(1, all.count)
    #expect(automaton.count == all.count)
    #expect(automaton.stateCount <= 2 * tokens + 1)
    #expect(automaton.transitionCount <= 3 * tokens + 1)
  }

  @Test(arguments: 1...4, 1...6)
  func `every substring is found, with how often it occurred and what followed it`(
    alphabet: Int, seed: Int
  ) {
    var random = SeededGenerator(seed: seed)
    var automaton = SuffixAutomaton(countedContexts: .max)
    var text: [Int] = []
    for length in 1...48 {
      text.append(random.below(alphabet))
      automaton.append(Int32(text[length - 1]))
      if length % 8 == 0 { check(automaton, [text]) }
    }
  }

  @Test(arguments: 1...8)
  func `several texts are told apart`(seed: Int) {
    var random = SeededGenerator(seed: seed)
    var automaton = SuffixAutomaton(countedContexts: .max)
    var texts: [[Int]] = []
    for _ in 0..<6 {
      var text = (0..<1 + random.below(12)).map { _ in random.below(3) }
      if random.below(3) == 0, let earlier = texts.last { text = earlier + text }
      texts.append(text)
      for token in text { automaton.append(Int32(token)) }
      automaton.endText()
      check(automaton, texts)
    }
    automaton.removeAll()
    for token in texts[0] { automaton.append(Int32(token)) }
    check(automaton, [texts[0]])
  }

  @Test func `a suffix is carried on or cut to what occurs`() {
    var automaton = SuffixAutomaton()
    for token: Int32 in [1, 2, 3, 4, 2, 3, 5] { automaton.append(token) }
    var match = SuffixAutomaton.Match.none
    var lengths: [Int] = []
    for token: Int32 in [9, 1, 2, 3, 5, 2, 3, 4, 9, 3] {
      match = automaton.extend(match, by: token)
      lengths.append(match.length)
    }
    #expect(lengths == [0, 1, 2, 3, 3, 1, 2, 3, 0, 1])
    #expect(automaton.tip.length == 7)
  }

  @Test func `a long text of one token costs no more than any`() {
    var automaton = SuffixAutomaton()
    for _ in 0..<20_000 { automaton.append(7) }
    #expect(automaton.stateCount == 20_001)
    #expect(automaton.transitionCount == 20_000)
    #expect(automaton.byteCount < 20_000 * 120)
    let match = automaton.extend(automaton.tip, by: 7)
    #expect(match.length == 20_000)
    #expect(automaton.occurrences(of: match.state) == 1)
  }
}
