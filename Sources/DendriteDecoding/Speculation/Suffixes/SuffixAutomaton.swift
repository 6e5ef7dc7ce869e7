// SPDX-License-Identifier: Apache-2.0

/// Every substring of a text that grows token by token, each with how often and where last it occurred, and by what it
/// was followed most often.
///
/// A state stands for the substrings that end at the same places; they are the suffixes, within some range of
/// lengths, of the longest one. A transition extends them by a token; the link leads to the state of the longest
/// suffix that occurred at more places. Several texts may be indexed one after the other: no substring crosses from
/// one to the next.
///
/// How often a context was followed by a token is how often the state behind the transition occurred. Only counts on
/// the chain of links from the newest token change, each by one, so the transition taken most often changes only to
/// one that is just being taken, and ties go to the latest, with no search.
///
/// - Complexity: `append` makes O(1) states and transitions, amortised, and counts at most `countedContexts` contexts,
///   the longest first; as a rule a text has about as many as the logarithm of its length. Only where the same few
///   tokens were repeated hundreds of times are there more, and counts of the shortest contexts stay behind.
///   At most 2 states of 32 bytes and 3 transitions a token, the first of each state inside it; some 65 bytes a token
///   of code or prose, and room to grow.
/// - Source: Blumer et al. 1985, "The Smallest Automaton Recognizing the Subwords of a Text"; for drafts: SAM
///   Decoding (arXiv:2411.10666), SuffixDecoding (arXiv:2411.04975).
package struct SuffixAutomaton: Sendable {
  /// A set of substrings that end at the same places.
  struct State {
    /// Tokens of the longest of them.
    var length: Int32
    /// The state of the longest suffix that occurred elsewhere too; −1 for the root, the empty string.
    var link: Int32
    /// The token in which they end.
    var token: Int32
    /// Where the first transition leads, by the target's token; −1 if there is none.
    var target: Int32 = -1
    /// The first of the further transitions; −1 if there are none.
    var further: Int32 = -1
    /// Where the transition leads that was taken most often, the latest among equals; −1 if there is none.
    var favourite: Int32 = -1
    /// How often they occurred.
    var count: Int32 = 0
    /// The index, in all that was indexed, of the token in which they ended last.
    var end: Int32 = -1
  }

  /// A substring: a state and how many tokens of its longest string.
  package struct Match: Sendable, Hashable {
    package var state: Int32
    package var length: Int

    /// The empty string.
    package static let none = Match(state: 0, length: 0)
  }

  /// Contexts that are counted for a token.
  package let countedContexts: Int
  /// Tokens indexed so far.
  package private(set) var count = 0

  private var states: [State]
  private var table = TransitionTable()
  /// The state of all of the text, the last of them.
  private var last: Int32 = 0

  /// An automaton of an empty text.
  package init(countedContexts: Int = 64) {
    self.countedContexts = max(1, countedContexts)
    states = [State(length: 0, link: -1, token: -1)]
  }

  // MARK: Growing

  /// Adds a token to the text.
  package mutating func append(_ token: Int32) {
    let before = last
    let known = target(of: before, by: token)
    if known >= 0 {
      // A text that began like an earlier one.
      last = whole(known, behind: before)
    } else {
      let new = Int32(states.count)
      states.append(State(length: self[before].length + 1, link: 0, token: token))
      var context = before
      var next: Int32 = -1
      while context >= 0 {
        next = target(of: context, by: token)
        guard next < 0 else { break }
        connect(context, to: new)
        context = self[context].link
      }
      if context >= 0 { states[Int(new)].link = whole(next, behind: context) }
      last = new
    }
    tally(behind: before)
    count += 1
  }

  /// Ends a text; the next token begins another.
  package mutating func endText() { last = 0 }

  /// Forgets all texts and keeps the room for them.
  package mutating func removeAll() {
    states.removeSubrange(1...)
    states[0] = State(length: 0, link: -1, token: -1)
    table.removeAll()
    last = 0
    count = 0
  }

  /// The state whose longest string is that of `context` and a token more: `next`, or what is split off it.
  private mutating func whole(_ next: Int32, behind context: Int32) -> Int32 {
    let length = self[context].length + 1
    guard self[next].length > length else { return next }
    let part = Int32(states.count)
    states.append(self[next])
    states[Int(part)].length = length
    states[Int(part)].further = -1
    var index = self[next].further
    while index >= 0 {
      let transition = table.transitions[Int(index)]
      states[Int(part)].further = table.insert(
        TransitionTable.Transition(
          source: part, token: transition.token, target: transition.target,
          next: self[part].further))
      index = transition.next
    }
    states[Int(next)].link = part
    var context = context
    while context >= 0, redirect(context, from: next, to: part) { context = self[context].link }
    return part
  }

  /// Adds a transition by the target's token.
  private mutating func connect(_ state: Int32, to target: Int32) {
    if self[state].target < 0 {
      states[Int(state)].target = target
    } else {
      states[Int(state)].further = table.insert(
        TransitionTable.Transition(
          source: state, token: self[target].token, target: target, next: self[state].further))
    }
  }

  /// Lets the transition to one state lead to another of the same token; `false` if it leads elsewhere.
  private mutating func redirect(_ state: Int32, from old: Int32, to new: Int32) -> Bool {
    if self[state].target == old {
      states[Int(state)].target = new
    } else {
      let index = table.find(state, self[old].token)
      guard index >= 0, table.transitions[Int(index)].target == old else { return false }
      table.redirect(index, to: new)
    }
    if self[state].favourite == old { states[Int(state)].favourite = new }
    return true
  }

  /// Counts the substrings that end in the newest token, which followed `before`.
  private mutating func tally(behind before: Int32) {
    var extended = last
    note(extended)
    var context = before
    var left = countedContexts
    while context >= 0, left > 0 {
      // The context and the token are in the state whose range of lengths has theirs.
      let length = self[context].length + 1
      while self[self[extended].link].length >= length {
        extended = self[extended].link
        note(extended)
      }
      let favourite = self[context].favourite
      if favourite < 0 || self[extended].count >= self[favourite].count {
        states[Int(context)].favourite = extended
      }
      context = self[context].link
      left -= 1
    }
  }

  private mutating func note(_ state: Int32) {
    states[Int(state)].count += 1
    states[Int(state)].end = Int32(truncatingIfNeeded: count)
  }

  // MARK: Looking

  /// All of the text that is being indexed.
  package var tip: Match { Match(state: last, length: Int(self[last].length)) }

  /// The longest suffix of a match and a token that occurs in the texts.
  package func extend(_ match: Match, by token: Int32) -> Match {
    var match = match
    while true {
      let next = target(of: match.state, by: token)
      if next >= 0 { return Match(state: next, length: match.length + 1) }
      let link = self[match.state].link
      guard link >= 0 else { return .none }
      match = Match(state: link, length: Int(self[link].length))
    }
  }

  /// The state of a state's strings and a token more; −1 if they were never followed by it.
  package func target(of state: Int32, by token: Int32) -> Int32 {
    let first = self[state].target
    guard first >= 0, self[first].token != token else { return first }
    guard self[state].further >= 0 else { return -1 }
    let index = table.find(state, token)
    return index < 0 ? -1 : table.transitions[Int(index)].target
  }

  /// What followed a state's strings most often, the latest among equals; −1 if nothing did.
  package func favourite(of state: Int32) -> Int32 { self[state].favourite }

  /// The token in which a state's strings end.
  package func token(of state: Int32) -> Int32 { self[state].token }

  /// How often a state's strings occurred.
  package func occurrences(of state: Int32) -> Int { Int(self[state].count) }

  /// The index, in all that was indexed, of the token in which a state's strings ended last.
  package func latestEnd(of state: Int32) -> Int { Int(self[state].end) }

  /// How many states there are.
  package var stateCount: Int { states.count }

  /// How many transitions there are.
  package var transitionCount: Int {
    table.transitions.count + states.count { $0.target >= 0 }
  }

  /// Bytes that are taken, room to grow among them.
  package var byteCount: Int {
    states.capacity * MemoryLayout<State>.stride + table.byteCount
  }

  @inline(__always)
  private subscript(_ state: Int32) -> State { states[Int(state)] }
}
