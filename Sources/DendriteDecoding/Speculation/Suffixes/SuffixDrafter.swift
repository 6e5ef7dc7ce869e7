// SPDX-License-Identifier: Apache-2.0

/// Guesses that a text goes on as it did most often when its last tokens stood there before.
///
/// Takes the longest run of last tokens, of any length, that occurred earlier in the session, prompts and replies
/// alike, and proposes what followed it most often, the latest among equals. ``PromptLookup`` takes the latest
/// place of a run of at most four tokens. Costs no model, and pays where texts repeat: code, quotations, edits, tools
/// and agents that say much the same again and again. Elsewhere it proposes little.
///
/// It may be given texts of earlier sessions to look in as well; they are asked where they match more tokens than the
/// session itself does.
///
/// - Complexity: a token of the text takes O(1), amortised, and some 70 bytes; `propose` takes O(new tokens + limit).
///   The first call reads the prompt.
/// - Source: SAM Decoding (arXiv:2411.10666), SuffixDecoding (arXiv:2411.04975).
public struct SuffixDrafter: Drafter {
  /// The shortest run of tokens that is believed.
  public let minimumMatch: Int
  /// Texts of earlier sessions.
  public let remembered: RememberedSuffixes?

  private var automaton = SuffixAutomaton()
  /// The history that `automaton` holds.
  private var indexed: [Int32] = []
  /// The longest suffix of the history that occurs in `remembered`.
  private var recollection = SuffixAutomaton.Match.none
  /// Whether a reply began, so that the history may be another.
  private var isNew = false
  /// Where the history is compared next with what is indexed.
  private var patrol = 0
  private var continuation = SuffixContinuation()

  /// How many tokens are compared each time, of the newest ones and of older ones in turn.
  private static let inspected = 16

  /// A drafter that looks for runs of at least `minimumMatch` tokens; runs of one token are found everywhere and mean
  /// little.
  public init(minimumMatch: Int = 2, remembering remembered: RememberedSuffixes? = nil) {
    precondition(minimumMatch >= 1, "a match of \(minimumMatch) tokens")
    self.minimumMatch = minimumMatch
    self.remembered = remembered
  }

  /// What is indexed is kept if the next history begins with it, as in a session's next turn.
  public mutating func begin(_ reply: ReplyOutline) { isNew = true }

  /// Proposes what followed the longest earlier occurrence of the last tokens.
  public mutating func propose(
    after history: [Int], pending: Int, limit: Int, into draft: inout Draft
  ) {
    follow(history)
    guard limit > 0 else { return }
    let token = Int32(clamping: pending)
    let own = automaton.extend(automaton.tip, by: token)
    if let remembered {
      let match = remembered.automaton.extend(recollection, by: token)
      if match.length > own.length, match.length >= minimumMatch {
        let share = continuation.fill(
          &draft, upTo: limit, from: match, in: remembered.automaton, tail: nil)
        if !draft.isEmpty {
          draft.confidence = Self.confidence(match.length, share.first, share.of)
          return
        }
      }
    }
    guard own.length >= minimumMatch else { return }
    let share = continuation.fill(
      &draft, upTo: limit, from: own, in: automaton,
      tail: SuffixContinuation.Tail(history: history, pending: pending))
    draft.confidence = Self.confidence(own.length, share.first, share.of)
  }

  /// A class for a match of so many tokens that occurred so often, and was so often followed by the first guess.
  static func confidence(_ length: Int, _ first: Int, _ occurrences: Int) -> Int {
    let longer = [3, 6, 16].count { length >= $0 }
    return 2 * longer + (first >= occurrences ? 1 : 0)
  }

  /// Bytes that the session's own text takes.
  package var byteCount: Int {
    automaton.byteCount + indexed.capacity * MemoryLayout<Int32>.stride
  }

  // MARK: The text

  /// Indexes what is new, or everything if the history is another than before.
  private mutating func follow(_ history: [Int]) {
    if !continues(history) {
      automaton.removeAll()
      indexed.removeAll(keepingCapacity: true)
      recollection = .none
      patrol = 0
    }
    while indexed.count < history.count {
      let token = Int32(clamping: history[indexed.count])
      automaton.append(token)
      indexed.append(token)
      if let remembered {
        recollection = remembered.automaton.extend(recollection, by: token)
      }
    }
  }

  /// Whether a history goes on from what is indexed.
  ///
  /// Where a reply begins every token is compared; within it the newest ones and a few others, all of them in turn. A
  /// history that changed in between, unseen, costs guesses and nothing else.
  private mutating func continues(_ history: [Int]) -> Bool {
    guard indexed.count <= history.count else { return false }
    if isNew {
      isNew = false
      return agree(history, 0..<indexed.count)
    }
    let newest = max(0, indexed.count - Self.inspected)..<indexed.count
    if patrol >= indexed.count { patrol = 0 }
    let others = patrol..<min(patrol + Self.inspected, indexed.count)
    patrol = others.upperBound
    return agree(history, newest) && agree(history, others)
  }

  private func agree(_ history: [Int], _ range: Range<Int>) -> Bool {
    range.allSatisfy { indexed[$0] == Int32(clamping: history[$0]) }
  }
}

/// Texts of earlier sessions, indexed for a ``SuffixDrafter``.
///
/// It is made once and shared by any number of drafters.
///
/// - Complexity: O(tokens), some 65 bytes a token.
public struct RememberedSuffixes: Sendable {
  let automaton: SuffixAutomaton

  /// Tokens that are indexed.
  public var tokenCount: Int { automaton.count }

  /// Indexes texts, oldest first, of at most `limit` tokens: the newest ones, and of the first that does not fit its
  /// end.
  public init(_ texts: [[Int]], limit: Int = 1 << 18) {
    var room = max(0, limit)
    var taken: [ArraySlice<Int>] = []
    for text in texts.reversed() where room > 0 {
      taken.append(text.suffix(room))
      room -= min(room, text.count)
    }
    var automaton = SuffixAutomaton()
    for text in taken.reversed() {
      for token in text { automaton.append(Int32(clamping: token)) }
      automaton.endText()
    }
    self.automaton = automaton
  }
}
