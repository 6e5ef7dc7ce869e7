// SPDX-License-Identifier: Apache-2.0

/// Ids by their bytes: a hash table with open addressing that owns the bytes of its keys.
///
/// Looking up a range of a text allocates nothing. The hash is seeded per table, so that a crafted
/// vocabulary cannot make look-ups slow; results never depend on the seed.
struct PieceTable: Sendable {
  /// The keys, one after the other.
  private var keyBytes: [UInt8] = []
  /// Where each key begins in `keyBytes`, and at last where the last one ends.
  private var keyStarts: [UInt32] = [0]
  /// The id of each key.
  private var ids: [UInt32] = []
  /// Key numbers by hash, `UInt32.max` where empty; the count is a power of two.
  private var slots: [UInt32]
  private let seed = UInt64.random(in: .min ... .max)
  /// The length of the longest key.
  private(set) var longestKey = 0

  /// Makes an empty table with room for `capacity` keys.
  init(capacity: Int) {
    var slotCount = 16
    while slotCount < capacity * 2 { slotCount *= 2 }
    slots = [UInt32](repeating: .max, count: slotCount)
    ids.reserveCapacity(capacity)
    keyStarts.reserveCapacity(capacity + 1)
  }

  /// The number of keys.
  var count: Int { ids.count }

  /// The id of the bytes `range` of `text`, or nil.
  ///
  /// - Complexity: O(length of the range), no allocation.
  func id(of text: [UInt8], _ range: Range<Int>) -> UInt32? {
    guard range.count <= longestKey else { return nil }
    let slot = slot(of: text, range)
    return slots[slot] == .max ? nil : ids[Int(slots[slot])]
  }

  /// The id of `key`, or nil.
  func id(of key: [UInt8]) -> UInt32? { id(of: key, 0..<key.count) }

  /// Gives `key` the id `id`, in place of the one it may have had.
  ///
  /// - Precondition: the keys' bytes together stay below 4 GiB.
  mutating func insert(_ key: [UInt8], id: UInt32) {
    if (ids.count + 1) * 2 > slots.count { grow() }
    let slot = slot(of: key, 0..<key.count)
    if slots[slot] != .max {
      ids[Int(slots[slot])] = id
      return
    }
    slots[slot] = UInt32(ids.count)
    ids.append(id)
    keyBytes.append(contentsOf: key)
    keyStarts.append(UInt32(keyBytes.count))
    longestKey = max(longestKey, key.count)
  }

  /// The keys in order of insertion.
  func key(_ number: Int) -> ArraySlice<UInt8> {
    keyBytes[Int(keyStarts[number])..<Int(keyStarts[number + 1])]
  }

  /// The slot that holds the key, or the empty one where it belongs.
  private func slot(of text: [UInt8], _ range: Range<Int>) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash(text, range)) & mask
    while slots[slot] != .max, !isKey(Int(slots[slot]), text, range) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func isKey(_ number: Int, _ text: [UInt8], _ range: Range<Int>) -> Bool {
    let start = Int(keyStarts[number])
    guard Int(keyStarts[number + 1]) - start == range.count else { return false }
    for index in 0..<range.count
    where keyBytes[start + index] != text[range.lowerBound + index] {
      return false
    }
    return true
  }

  private func hash(_ text: [UInt8], _ range: Range<Int>) -> UInt64 {
    var state = seed ^ UInt64(truncatingIfNeeded: range.count)
    var word: UInt64 = 0
    var filled = 0
    for index in range {
      word = word << 8 | UInt64(text[index])
      filled += 1
      if filled == 8 {
        state = mix(state ^ word)
        (word, filled) = (0, 0)
      }
    }
    return mix(state ^ word)
  }

  private mutating func grow() {
    slots = [UInt32](repeating: .max, count: slots.count * 2)
    for number in 0..<ids.count {
      let slot = slot(of: keyBytes, Int(keyStarts[number])..<Int(keyStarts[number + 1]))
      slots[slot] = UInt32(number)
    }
  }
}

/// Folds the 128-bit product with an odd constant; every input bit reaches the low result bits.
@inline(__always)
func mix(_ value: UInt64) -> UInt64 {
  let product = (value ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
  return product.high ^ product.low
}
