// SPDX-License-Identifier: Apache-2.0

/// What two neighbours become: a hash table from pairs of ids to a rank and a result.
///
/// It serves merges (left symbol, right symbol → rank, merged symbol) and tries (node, byte →
/// child). The hash is seeded per table; results never depend on the seed.
struct PairTable: Sendable {
  /// One entry; sixteen bytes, so that four share a cache line.
  struct Entry: Sendable {
    fileprivate var left: UInt32
    fileprivate var right: UInt32
    /// The order in which entries apply; smaller first.
    var rank: UInt32
    /// The id that replaces the pair.
    var result: UInt32

    fileprivate static let empty = Entry(left: .max, right: .max, rank: .max, result: .max)
  }

  /// The count is a power of two.
  private var slots: [Entry]
  private(set) var count = 0
  private let seed = UInt64.random(in: .min ... .max)

  /// Makes an empty table with room for `capacity` pairs.
  init(capacity: Int) {
    var slotCount = 16
    while slotCount < capacity * 2 { slotCount *= 2 }
    slots = [Entry](repeating: .empty, count: slotCount)
  }

  /// The entry of a pair; one whose rank is `UInt32.max` where there is none.
  ///
  /// - Complexity: O(1), no allocation.
  @inline(__always)
  func entry(_ left: UInt32, _ right: UInt32) -> Entry {
    slots[slot(left, right)]
  }

  /// Adds a pair unless it is there already; the first rank stays.
  ///
  /// - Precondition: neither id nor the rank is `UInt32.max`.
  /// - Returns: the entry of the pair, new or old.
  @discardableResult
  mutating func insert(_ left: UInt32, _ right: UInt32, rank: UInt32, result: UInt32) -> Entry {
    if (count + 1) * 2 > slots.count { grow() }
    let slot = slot(left, right)
    if slots[slot].left == .max {
      slots[slot] = Entry(left: left, right: right, rank: rank, result: result)
      count += 1
    }
    return slots[slot]
  }

  @inline(__always)
  private func slot(_ left: UInt32, _ right: UInt32) -> Int {
    let mask = slots.count - 1
    let key = UInt64(left) << 32 | UInt64(right)
    var slot = Int(truncatingIfNeeded: mix(key ^ seed)) & mask
    while slots[slot].left != .max, slots[slot].left != left || slots[slot].right != right {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = [Entry](repeating: .empty, count: old.count * 2)
    for entry in old where entry.left != .max {
      slots[slot(entry.left, entry.right)] = entry
    }
  }
}
