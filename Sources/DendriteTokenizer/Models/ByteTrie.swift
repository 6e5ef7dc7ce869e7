// SPDX-License-Identifier: Apache-2.0

/// Texts in a trie of bytes, for finding those that begin at a place.
struct ByteTrie: Sendable {
  private static let none = UInt32.max

  /// (node, byte) → child, with node 0 for the root.
  private var children: PairTable
  private var ids: [UInt32] = [none]

  /// Makes an empty trie with room for texts of about `capacity` bytes in all.
  init(capacity: Int = 16) { children = PairTable(capacity: capacity) }

  /// Whether nothing was inserted.
  var isEmpty: Bool { ids.count == 1 }

  /// Adds a text; a later id replaces an earlier one.
  mutating func insert(_ text: some Sequence<UInt8>, id: UInt32) {
    var node: UInt32 = 0
    for byte in text {
      let next = UInt32(ids.count)
      node = children.insert(node, UInt32(byte), rank: 0, result: next).result
      if node == next { ids.append(Self.none) }
    }
    ids[Int(node)] = id
  }

  /// The longest text that begins at `start` and ends no later than `end`.
  ///
  /// - Complexity: O(length of the longest prefix in the trie).
  func longestMatch(in text: [UInt8], from start: Int, to end: Int) -> (id: UInt32, end: Int)? {
    var found: (id: UInt32, end: Int)?
    forEachMatch(in: text, from: start, to: end) { found = ($0, $1) }
    return found
  }

  /// Calls `body` with the id and the end of every text that begins at `start`, shortest first.
  @inline(__always)
  func forEachMatch(
    in text: [UInt8], from start: Int, to end: Int, _ body: (UInt32, Int) -> Void
  ) {
    var node: UInt32 = 0
    var position = start
    while position < end {
      node = children.entry(node, UInt32(text[position])).result
      guard node != Self.none else { return }
      position += 1
      if ids[Int(node)] != Self.none { body(ids[Int(node)], position) }
    }
  }
}
