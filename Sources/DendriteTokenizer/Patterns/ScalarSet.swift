// SPDX-License-Identifier: Apache-2.0

/// A set of Unicode scalar values: sorted ranges that neither overlap nor touch.
struct ScalarSet: Sendable, Hashable {
  /// The highest scalar value.
  static let last: UInt32 = 0x10FFFF

  private(set) var ranges: [ClosedRange<UInt32>]

  /// No scalar.
  static let empty = ScalarSet(ranges: [])
  /// Every scalar.
  static let all = ScalarSet(ranges: [0...last])

  private init(ranges: [ClosedRange<UInt32>]) { self.ranges = ranges }

  /// The union of ranges in any order.
  init(_ ranges: some Sequence<ClosedRange<UInt32>>) {
    self.ranges = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let end = self.ranges.last?.upperBound, range.lowerBound <= end &+ 1 {
        let begin = self.ranges[self.ranges.count - 1].lowerBound
        self.ranges[self.ranges.count - 1] = begin...max(end, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  /// One scalar.
  init(_ value: UInt32) { ranges = [value...value] }

  /// The scalars of a text.
  init(of text: String) { self.init(text.unicodeScalars.map { $0.value...$0.value }) }

  /// Whether there is none.
  var isEmpty: Bool { ranges.isEmpty }

  /// Whether `value` is a member.
  ///
  /// - Complexity: O(log ranges).
  func contains(_ value: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= value
  }

  /// Every scalar that is not a member.
  var inverted: ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if next < range.lowerBound { result.append(next...(range.lowerBound - 1)) }
      next = range.upperBound + 1
    }
    if next <= Self.last { result.append(next...Self.last) }
    return ScalarSet(ranges: result)
  }

  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  func intersection(_ other: ScalarSet) -> ScalarSet {
    inverted.union(other.inverted).inverted
  }

  func subtracting(_ other: ScalarSet) -> ScalarSet { intersection(other.inverted) }
}
