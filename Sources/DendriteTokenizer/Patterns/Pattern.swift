// SPDX-License-Identifier: Apache-2.0

/// A regular expression that finds all its matches in time linear in the text, whatever the text.
///
/// Matches are leftmost, and of those that begin at one place the one that a backtracking engine
/// finds. A pattern is an immutable value that many threads may use at once.
struct Pattern: Sendable {
  private let automaton: PatternAutomaton

  /// Reads and prepares a pattern.
  ///
  /// - Throws: `unsupportedPattern` for what is not regular and for patterns that need too much.
  /// - Complexity: some milliseconds for published patterns; bounded for all.
  init(_ source: String) throws(TokenizerError) {
    try self.init(try PatternParser.parse(source), source: source)
  }

  /// A pattern that matches a text as it stands, or a regular expression.
  ///
  /// - Throws: `unsupportedPattern`.
  init(_ pattern: SearchPattern) throws(TokenizerError) {
    switch pattern {
    case .regex(let source): try self.init(source)
    case .literal(let text):
      try self.init(
        .sequence(text.unicodeScalars.map { .scalar(ScalarSet($0.value)) }), source: text)
    }
  }

  /// A pattern that matches one scalar of a set.
  init(oneOf set: ScalarSet) throws(TokenizerError) {
    try self.init(.scalar(set), source: "a set of scalars")
  }

  /// Prepares a pattern that is read already.
  init(_ node: PatternNode, source: String) throws(TokenizerError) {
    automaton = try PatternAutomaton(
      try PatternProgram(node, source: source), source: source)
  }

  /// Scratch space of a matcher; grows to the longest text.
  struct Scratch: Sendable {
    fileprivate var states: [UInt16] = []
  }

  /// Calls `body` with the range of every match in a stretch of text, from left to right.
  ///
  /// The stretch is a text of its own: nothing is seen before its beginning or past its end. An
  /// empty match directly behind another match is left out, as backtracking engines do.
  ///
  /// - Precondition: the text is valid UTF-8 and the range lies between scalars.
  /// - Complexity: O(length), two bytes of scratch space for each byte.
  func forEachMatch(
    in text: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch,
    _ body: (Range<Int>) -> Void
  ) {
    if scratch.states.count < range.count + 1 {
      scratch.states = [UInt16](repeating: 0, count: max(range.count + 1, 256))
    }
    let automaton = automaton
    text.withUnsafeBufferPointer { text in
      scratch.states.withUnsafeMutableBufferPointer { states in
        Self.readBackwards(automaton, text, range, states)
        Self.readForwards(automaton, text, range, states, body)
      }
    }
  }

  /// Fills in the state at every scalar's beginning and at the end.
  private static func readBackwards(
    _ automaton: PatternAutomaton, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    _ states: UnsafeMutableBufferPointer<UInt16>
  ) {
    automaton.transitions.withUnsafeBufferPointer { transitions in
      automaton.classes.ascii.withUnsafeBufferPointer { ascii in
        let start = range.lowerBound
        let symbolCount = automaton.symbolCount
        var position = range.upperBound
        if automaton.kindCount == 1 {
          var state = automaton.endStates[0]
          states[position - start] = state
          while position > start {
            position -= 1
            let byte = text[position]
            let symbol: UInt8
            if byte < 0x80 {
              symbol = ascii[Int(byte)]
            } else {
              (symbol, position) = wideClass(automaton, text, endingAt: position)
            }
            state = transitions[Int(state) * symbolCount + Int(symbol)]
            states[position - start] = state
          }
          return
        }
        // With look-behind a scalar is read together with the one before it.
        var symbol = 0
        var state: UInt16?
        var place = position
        while true {
          var kind = Int(automaton.startKind)
          var nextSymbol = 0
          var nextPlace = position
          if position > start {
            nextPlace -= 1
            let byte = text[nextPlace]
            if byte < 0x80 {
              nextSymbol = Int(ascii[Int(byte)])
            } else {
              let (wide, begin) = wideClass(automaton, text, endingAt: nextPlace)
              (nextSymbol, nextPlace) = (Int(wide), begin)
            }
            kind = Int(automaton.kinds[nextSymbol])
          }
          let reached =
            state.map {
              transitions[Int($0) * symbolCount + kind * automaton.classes.count + symbol]
            } ?? automaton.endStates[kind]
          states[place - start] = reached
          guard position > start else { return }
          (state, symbol, place, position) = (reached, nextSymbol, nextPlace, nextPlace)
        }
      }
    }
  }

  /// The class of the scalar outside ASCII whose last byte is at `last`, and where it begins.
  private static func wideClass(
    _ automaton: PatternAutomaton, _ text: UnsafeBufferPointer<UInt8>, endingAt last: Int
  ) -> (UInt8, Int) {
    var position = last
    var value = UInt32(text[position] & 0x3F)
    var shift: UInt32 = 6
    repeat {
      position -= 1
      let byte = text[position]
      if byte & 0xC0 == 0x80 {
        value |= UInt32(byte & 0x3F) << shift
        shift += 6
      } else {
        value |= UInt32(byte & (0x7F >> UInt8(last - position + 1))) << shift
        break
      }
    } while last - position < 3
    return (automaton.classes.kind(of: min(value, ScalarSet.last)), position)
  }

  private static func readForwards(
    _ automaton: PatternAutomaton, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    _ states: UnsafeMutableBufferPointer<UInt16>, _ body: (Range<Int>) -> Void
  ) {
    automaton.choices.withUnsafeBufferPointer { choices in
      let stateCount = automaton.stateCount
      let offset = range.lowerBound
      var start = offset
      var lastEnd = -1
      while start <= range.upperBound {
        var choice = choices[Int(states[start - offset])]
        var end = start
        while choice < PatternAutomaton.matchEnds {
          end += UTF8Sequence.length(lead: text[end])
          choice = choices[(Int(choice) + 1) * stateCount + Int(states[end - offset])]
        }
        if choice == PatternAutomaton.matchEnds, end > start || end != lastEnd {
          body(start..<end)
          lastEnd = end
          if end > start {
            start = end
            continue
          }
        }
        guard start < range.upperBound else { break }
        start += UTF8Sequence.length(lead: text[start])
      }
    }
  }
}
