// SPDX-License-Identifier: Apache-2.0

/// Joins neighbouring symbols, lowest rank first, leftmost on ties, until no pair is in the table.
///
/// Byte-level BPE ranks pairs by their place in the list of merges, SentencePiece by the score of
/// what they become; from there on the two are the same. A merger is scratch space: one serves all
/// pieces of a text, and its arrays grow to the longest piece.
///
/// - Complexity: O(n log n) for a piece of n symbols, whatever the text: adversarial runs of one
///   character included. Short pieces are scanned instead, which is faster below some dozens.
struct SymbolMerger: Sendable {
  /// The id that stands for a symbol outside the vocabulary; it merges with nothing.
  static let unknown = UInt32.max

  /// Pieces of up to this many symbols are scanned; measured, not critical.
  private static let scannedCount = 32
  /// No pair, no neighbour.
  private static let none = UInt32.max

  /// The symbols: before merging those that were appended, afterwards the result.
  private(set) var ids: [UInt32] = []
  /// Where in the text each symbol begins, parallel to `ids`.
  private(set) var starts: [Int] = []

  /// The rank of the pair that begins at each symbol, and what the pair becomes.
  private var pairRanks: [UInt32] = []
  private var pairResults: [UInt32] = []
  /// Neighbours in the linked list of living symbols (long pieces only).
  private var previous: [UInt32] = []
  private var following: [UInt32] = []
  /// A binary heap of candidates, rank in the high half and symbol in the low half.
  private var heap: [UInt64] = []

  /// Forgets the piece before.
  mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
  }

  /// Appends a symbol of the next piece.
  mutating func append(_ id: UInt32, start: Int) {
    ids.append(id)
    starts.append(start)
  }

  /// Merges the symbols appended since `removeAll()`.
  ///
  /// - Precondition: fewer than 2³² − 1 symbols.
  mutating func merge(_ table: PairTable) {
    guard ids.count > 1 else { return }
    pairRanks.removeAll(keepingCapacity: true)
    pairResults.removeAll(keepingCapacity: true)
    for index in 0..<(ids.count - 1) {
      let entry = table.entry(ids[index], ids[index + 1])
      pairRanks.append(entry.rank)
      pairResults.append(entry.result)
    }
    pairRanks.append(Self.none)
    pairResults.append(Self.none)
    if ids.count <= Self.scannedCount {
      mergeByScanning(table)
    } else {
      mergeByHeap(table)
    }
  }

  // MARK: Short pieces

  private mutating func mergeByScanning(_ table: PairTable) {
    var count = ids.count
    while true {
      var best = 0
      for index in 1..<count where pairRanks[index] < pairRanks[best] { best = index }
      guard pairRanks[best] != Self.none else { break }
      ids[best] = pairResults[best]
      for index in (best + 1)..<(count - 1) {
        ids[index] = ids[index + 1]
        starts[index] = starts[index + 1]
        pairRanks[index] = pairRanks[index + 1]
        pairResults[index] = pairResults[index + 1]
      }
      count -= 1
      if best > 0 { rate(best - 1, with: best, table) }
      if best + 1 < count {
        rate(best, with: best + 1, table)
      } else {
        pairRanks[best] = Self.none
      }
      guard count > 1 else { break }
    }
    ids.removeSubrange(count...)
    starts.removeSubrange(count...)
  }

  private mutating func rate(_ left: Int, with right: Int, _ table: PairTable) {
    let entry = table.entry(ids[left], ids[right])
    pairRanks[left] = entry.rank
    pairResults[left] = entry.result
  }

  // MARK: Long pieces

  private mutating func mergeByHeap(_ table: PairTable) {
    link()
    heap.removeAll(keepingCapacity: true)
    for index in 0..<ids.count where pairRanks[index] != Self.none {
      heap.append(candidate(index))
    }
    // Floyd's construction: linear, where pushing one by one is not.
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }

    while let top = popCandidate() {
      let left = Int(UInt32(truncatingIfNeeded: top))
      // A candidate is stale where the pair at its symbol has changed or gone since it was pushed.
      guard pairRanks[left] == UInt32(truncatingIfNeeded: top >> 32) else { continue }
      let right = Int(following[left])
      ids[left] = pairResults[left]
      pairRanks[right] = Self.none
      following[left] = following[right]
      if following[right] != Self.none {
        previous[Int(following[right])] = UInt32(left)
        rate(left, with: Int(following[right]), table)
        if pairRanks[left] != Self.none { push(candidate(left)) }
      } else {
        pairRanks[left] = Self.none
      }
      if previous[left] != Self.none {
        let before = Int(previous[left])
        rate(before, with: left, table)
        if pairRanks[before] != Self.none { push(candidate(before)) }
      }
    }
    keepLiving()
  }

  private mutating func link() {
    previous.removeAll(keepingCapacity: true)
    following.removeAll(keepingCapacity: true)
    for index in 0..<UInt32(ids.count) {
      previous.append(index == 0 ? Self.none : index - 1)
      following.append(index + 1)
    }
    following[ids.count - 1] = Self.none
  }

  /// Moves the symbols of the linked list to the front, in order.
  private mutating func keepLiving() {
    var count = 0
    var index: UInt32 = 0
    while index != Self.none {
      ids[count] = ids[Int(index)]
      starts[count] = starts[Int(index)]
      count += 1
      index = following[Int(index)]
    }
    ids.removeSubrange(count...)
    starts.removeSubrange(count...)
  }

  // MARK: The heap

  private func candidate(_ symbol: Int) -> UInt64 {
    UInt64(pairRanks[symbol]) << 32 | UInt64(symbol)
  }

  private mutating func push(_ candidate: UInt64) {
    heap.append(candidate)
    var index = heap.count - 1
    while index > 0, heap[(index - 1) / 2] > candidate {
      heap[index] = heap[(index - 1) / 2]
      index = (index - 1) / 2
    }
    heap[index] = candidate
  }

  private mutating func popCandidate() -> UInt64? {
    guard let top = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      siftDown(0)
    }
    return top
  }

  private mutating func siftDown(_ start: Int) {
    let candidate = heap[start]
    var index = start
    while index * 2 + 1 < heap.count {
      var child = index * 2 + 1
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < candidate else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = candidate
  }
}
