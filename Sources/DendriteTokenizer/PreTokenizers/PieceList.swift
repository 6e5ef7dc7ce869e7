// SPDX-License-Identifier: Apache-2.0

/// A text and the pieces it is cut into, while steps work on it.
struct PieceList: Sendable {
  /// The text of the pieces.
  var text: [UInt8] = []
  /// The pieces, from left to right.
  var ranges: [Range<Int>] = []
  /// Arrays that are exchanged with those above, for their capacity.
  private var otherText: [UInt8] = []
  private var otherRanges: [Range<Int>] = []
  private var patterns = Pattern.Scratch()

  /// Begins with one piece.
  mutating func reset(_ source: [UInt8], _ range: Range<Int>) {
    text.removeAll(keepingCapacity: true)
    text.append(contentsOf: source[range])
    ranges.removeAll(keepingCapacity: true)
    if !range.isEmpty { ranges.append(0..<range.count) }
  }

  /// Cuts every piece by a rule.
  mutating func split(_ rule: SplitRule) {
    otherRanges.removeAll(keepingCapacity: true)
    for range in ranges { rule.split(text, range, &patterns, into: &otherRanges) }
    swap(&ranges, &otherRanges)
  }

  /// Cuts every piece with a hand-written matcher.
  mutating func split(_ preTokenizer: PreTokenizer) {
    otherRanges.removeAll(keepingCapacity: true)
    for range in ranges {
      let matcher = PreTokenMatcher(preTokenizer, text: text, end: range.upperBound)
      var start = range.lowerBound
      while start < range.upperBound {
        let end = matcher.pieceEnd(from: start)
        otherRanges.append(start..<end)
        start = end
      }
    }
    swap(&ranges, &otherRanges)
  }

  /// Writes every piece anew.
  ///
  /// - Parameter body: appends a piece's new text; called with its range and number.
  mutating func rewrite(_ body: (_ text: [UInt8], Range<Int>, Int, inout [UInt8]) -> Void) {
    otherText.removeAll(keepingCapacity: true)
    for (number, range) in ranges.enumerated() {
      let start = otherText.count
      body(text, range, number, &otherText)
      ranges[number] = start..<otherText.count
    }
    swap(&text, &otherText)
  }

  /// Takes scalars off the beginning of every piece for as long as `isSuperfluous` says so.
  mutating func trim(while isSuperfluous: (UInt32) -> Bool) {
    otherRanges.removeAll(keepingCapacity: true)
    for range in ranges {
      var start = range.lowerBound
      while start < range.upperBound {
        let (value, next) = decodeScalar(text, start)
        guard isSuperfluous(value) else { break }
        start = next
      }
      if start < range.upperBound { otherRanges.append(start..<range.upperBound) }
    }
    swap(&ranges, &otherRanges)
  }

  /// Cuts every piece where `isBoundary` says so of two neighbouring scalars.
  mutating func split(where isBoundary: (_ before: UInt32, _ after: UInt32, _ count: Int) -> Bool) {
    otherRanges.removeAll(keepingCapacity: true)
    for range in ranges {
      var start = range.lowerBound
      var position = start
      var before: UInt32?
      var count = 0
      while position < range.upperBound {
        let (value, next) = decodeScalar(text, position)
        if let last = before, isBoundary(last, value, count) {
          otherRanges.append(start..<position)
          (start, count) = (position, 0)
        }
        (before, position) = (value, next)
        count += 1
      }
      if start < position { otherRanges.append(start..<position) }
    }
    swap(&ranges, &otherRanges)
  }
}
