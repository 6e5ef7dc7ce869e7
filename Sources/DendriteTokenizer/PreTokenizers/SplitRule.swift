// SPDX-License-Identifier: Apache-2.0

/// Cuts a piece at the matches of a pattern.
struct SplitRule: Sendable {
  let pattern: Pattern
  let behavior: PreTokenizerStep.Behavior
  let isInverted: Bool

  /// Appends the pieces that `range` is cut into; empty ones are left out.
  ///
  /// - Complexity: linear in the range.
  func split(
    _ text: [UInt8], _ range: Range<Int>, _ scratch: inout Pattern.Scratch,
    into pieces: inout [Range<Int>]
  ) {
    var collector = Collector(behavior: behavior, pieces: pieces)
    pieces = []
    var position = range.lowerBound
    pattern.forEachMatch(in: text, range, &scratch) { match in
      if match.lowerBound > position {
        collector.add(position..<match.lowerBound, isMatch: isInverted)
      }
      collector.add(match, isMatch: !isInverted)
      position = match.upperBound
    }
    if position < range.upperBound {
      collector.add(position..<range.upperBound, isMatch: isInverted)
    }
    collector.finish()
    pieces = collector.pieces
  }

  /// Joins and drops stretches as a behaviour says.
  private struct Collector {
    let behavior: PreTokenizerStep.Behavior
    var pieces: [Range<Int>]
    /// The piece that may still grow, and whether what was added last was a match.
    private var open: Range<Int>?
    private var lastWasMatch = false

    init(behavior: PreTokenizerStep.Behavior, pieces: [Range<Int>]) {
      self.behavior = behavior
      self.pieces = pieces
    }

    mutating func add(_ range: Range<Int>, isMatch: Bool) {
      switch behavior {
      case .removed:
        if !isMatch { append(range) }
      case .isolated: append(range)
      case .contiguous:
        if let piece = open, lastWasMatch == isMatch {
          open = piece.lowerBound..<range.upperBound
        } else {
          finish()
          open = range
        }
      case .mergedWithPrevious:
        // A match joins what is before it, unless that is a match as well.
        if isMatch, !lastWasMatch, let piece = open {
          open = piece.lowerBound..<range.upperBound
        } else {
          finish()
          open = range
        }
      case .mergedWithNext:
        // Of neighbouring matches only the last joins what is behind it.
        if !isMatch, lastWasMatch, let piece = open {
          open = piece.lowerBound..<range.upperBound
        } else {
          finish()
          open = range
        }
      }
      lastWasMatch = isMatch
    }

    mutating func finish() {
      if let piece = open { append(piece) }
      open = nil
    }

    private mutating func append(_ range: Range<Int>) {
      if !range.isEmpty { pieces.append(range) }
    }
  }
}
