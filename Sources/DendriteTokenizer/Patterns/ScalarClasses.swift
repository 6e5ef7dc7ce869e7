// SPDX-License-Identifier: Apache-2.0

/// The scalars divided into classes that a pattern cannot tell apart.
struct ScalarClasses: Sendable {
  /// The number of classes; at most 255.
  let count: Int
  /// For each class, whether it belongs to each of the sets.
  let membership: [[Bool]]
  /// The class of each ASCII scalar.
  let ascii: [UInt8]
  /// For each page of 256 scalars, where it begins in `pages`.
  private let pageStarts: [Int32]
  private let pages: [UInt8]

  /// Divides the scalars by membership in `sets`; nil where that takes more than 255 classes.
  init?(_ sets: [ScalarSet]) {
    var edges: Set<UInt32> = [0]
    for set in sets {
      for range in set.ranges {
        edges.insert(range.lowerBound)
        if range.upperBound < ScalarSet.last { edges.insert(range.upperBound + 1) }
      }
    }
    let starts = edges.sorted()
    var cursors = [Int](repeating: 0, count: sets.count)
    var numbers: [[Bool]: UInt8] = [:]
    var membership: [[Bool]] = []
    var pages: [UInt8] = []
    var pageStarts = [Int32](repeating: 0, count: Int(ScalarSet.last) / 256 + 1)
    var uniformPages: [UInt8: Int32] = [:]
    var page = [UInt8](repeating: 0, count: 256)
    for (index, first) in starts.enumerated() {
      var signature = [Bool](repeating: false, count: sets.count)
      for number in sets.indices {
        let ranges = sets[number].ranges
        while cursors[number] < ranges.count, ranges[cursors[number]].upperBound < first {
          cursors[number] += 1
        }
        signature[number] =
          cursors[number] < ranges.count && ranges[cursors[number]].lowerBound <= first
      }
      let known = numbers[signature]
      guard known != nil || membership.count < 255 else { return nil }
      let kind = known ?? UInt8(membership.count)
      if known == nil {
        numbers[signature] = kind
        membership.append(signature)
      }
      let end = index + 1 < starts.count ? starts[index + 1] : ScalarSet.last + 1
      var value = first
      while value < end {
        if value % 256 == 0, end - value >= 256 {
          // A whole page of one class; all such pages are the same one.
          var start = uniformPages[kind]
          if start == nil {
            start = Int32(pages.count)
            uniformPages[kind] = start
            pages.append(contentsOf: repeatElement(kind, count: 256))
          }
          pageStarts[Int(value) / 256] = start ?? 0
          value += 256
        } else {
          page[Int(value % 256)] = kind
          value += 1
          if value % 256 == 0 {
            pageStarts[Int(value - 1) / 256] = Int32(pages.count)
            pages.append(contentsOf: page)
          }
        }
      }
    }
    count = membership.count
    self.membership = membership
    self.pages = pages
    self.pageStarts = pageStarts
    let firstPage = Int(pageStarts[0])
    ascii = Array(pages[firstPage..<(firstPage + 128)])
  }

  /// The class of a scalar.
  @inline(__always)
  func kind(of value: UInt32) -> UInt8 {
    pages[Int(pageStarts[Int(value >> 8)]) + Int(value & 0xFF)]
  }
}
