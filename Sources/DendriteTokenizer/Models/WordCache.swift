// SPDX-License-Identifier: Apache-2.0

/// The tokens of pieces that were encoded before; bounded, and emptied when it is full.
struct WordCache: Sendable {
  /// Longest piece that is kept, in bytes.
  static let longestPiece = 48
  private static let mostPieces = 1 << 15

  private struct Slot: Sendable {
    var hash: UInt64
    var keyStart: UInt32
    var idStart: UInt32
    var keyCount: UInt16
    var idCount: UInt16
  }

  private static let emptySlot = Slot(hash: 0, keyStart: 0, idStart: 0, keyCount: 0, idCount: 0)

  private var slots = [Slot](repeating: emptySlot, count: 1 << 10)
  private var count = 0
  private var keys: [UInt8] = []
  private var ids: [UInt32] = []
  private let seed = UInt64.random(in: .min ... .max)

  /// The hash of a piece of 1 to ``longestPiece`` bytes.
  @inline(__always)
  func hash(_ text: [UInt8], _ range: Range<Int>) -> UInt64 {
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

  /// Appends the tokens of a piece if they are known.
  @inline(__always)
  func append(
    _ text: [UInt8], _ range: Range<Int>, hash: UInt64, to result: inout [Int]
  ) -> Bool {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: hash) & mask
    while slots[index].keyCount > 0 {
      let slot = slots[index]
      if slot.hash == hash, Int(slot.keyCount) == range.count,
        isKey(Int(slot.keyStart), text, range)
      {
        for id in Int(slot.idStart)..<(Int(slot.idStart) + Int(slot.idCount)) {
          result.append(Int(ids[id]))
        }
        return true
      }
      index = (index + 1) & mask
    }
    return false
  }

  private func isKey(_ start: Int, _ text: [UInt8], _ range: Range<Int>) -> Bool {
    for index in 0..<range.count where keys[start + index] != text[range.lowerBound + index] {
      return false
    }
    return true
  }

  /// Keeps the tokens of a piece that is not in the cache.
  mutating func insert(_ text: [UInt8], _ range: Range<Int>, hash: UInt64, _ tokens: [UInt32]) {
    if count * 2 >= slots.count { makeRoom() }
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: hash) & mask
    while slots[index].keyCount > 0 { index = (index + 1) & mask }
    slots[index] = Slot(
      hash: hash, keyStart: UInt32(keys.count), idStart: UInt32(ids.count),
      keyCount: UInt16(range.count), idCount: UInt16(tokens.count))
    keys.append(contentsOf: text[range])
    ids.append(contentsOf: tokens)
    count += 1
  }

  private mutating func makeRoom() {
    guard count < Self.mostPieces else {
      for index in slots.indices { slots[index] = Self.emptySlot }
      keys.removeAll(keepingCapacity: true)
      ids.removeAll(keepingCapacity: true)
      count = 0
      return
    }
    let old = slots
    slots = [Slot](repeating: Self.emptySlot, count: old.count * 2)
    let mask = slots.count - 1
    for slot in old where slot.keyCount > 0 {
      var index = Int(truncatingIfNeeded: slot.hash) & mask
      while slots[index].keyCount > 0 { index = (index + 1) & mask }
      slots[index] = slot
    }
  }
}
