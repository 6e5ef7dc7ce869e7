// SPDX-License-Identifier: Apache-2.0

/// Reads off what followed a match most often, and what followed that.
///
/// A match occurred at some places. Each token of the draft is the one that follows most of them, the latest among
/// equals, and only the places where it does follow are kept. Where a place is the end of what is known, it goes on
/// with the pending token and then with the draft itself, so a text that repeats itself goes on doing so.
struct SuffixContinuation: Sendable {
  /// The text that is being continued.
  struct Tail {
    var history: [Int]
    var pending: Int
  }

  /// Places, the latest first, whose next token is not in the automaton: indices of the last token of history, of
  /// the pending token, or of tokens of the draft behind it.
  private var ends: [Int] = []

  /// Fills a draft of at most `limit` guesses; `tail` is the text if the automaton holds its history, `nil` if it
  /// holds others.
  ///
  /// - Returns: of the places of the match, the share that the first guess follows, in numbers.
  mutating func fill(
    _ draft: inout Draft, upTo limit: Int, from match: SuffixAutomaton.Match,
    in automaton: SuffixAutomaton, tail: Tail?
  ) -> (first: Int, of: Int) {
    ends.removeAll(keepingCapacity: true)
    var state = match.state
    var share = (first: 0, of: automaton.occurrences(of: state))
    while draft.count < limit {
      if let tail, state >= 0, automaton.latestEnd(of: state) == tail.history.count - 1 {
        ends.append(tail.history.count - 1)
      }
      var best = (token: 0, votes: 0)
      if state >= 0, case let favourite = automaton.favourite(of: state), favourite >= 0 {
        best = (Int(automaton.token(of: favourite)), automaton.occurrences(of: favourite))
      }
      if let tail {
        for end in ends.reversed() {
          let token = Self.token(behind: end, tail, draft)
          var votes = ends.count { Self.token(behind: $0, tail, draft) == token }
          if state >= 0,
            case let next = automaton.target(of: state, by: Int32(clamping: token)), next >= 0
          {
            votes += automaton.occurrences(of: next)
          }
          if votes >= best.votes { best = (token, votes) }
        }
      }
      guard best.votes > 0 else { break }
      if draft.isEmpty { share.first = best.votes }
      if state >= 0 { state = automaton.target(of: state, by: Int32(clamping: best.token)) }
      if let tail { keepEnds(before: best.token, tail, draft) }
      draft.append(best.token)
    }
    return share
  }

  /// Keeps the places that a token follows, and moves on to it.
  private mutating func keepEnds(before token: Int, _ tail: Tail, _ draft: Draft) {
    var kept = 0
    for end in ends where Self.token(behind: end, tail, draft) == token {
      ends[kept] = end + 1
      kept += 1
    }
    ends.removeLast(ends.count - kept)
  }

  private static func token(behind end: Int, _ tail: Tail, _ draft: Draft) -> Int {
    let guess = end - tail.history.count
    return guess < 0 ? tail.pending : draft.tokens[guess]
  }
}
