// SPDX-License-Identifier: Apache-2.0

/// The best tokens of a row, most probable first, ties by the lowest id.
///
/// Scores and ids are packed into one integer whose order is the order of the ranking, so that one
/// comparison decides and no two are equal:
///
///     high 32 bits: the score's bits, mapped so that larger scores are larger integers
///     low 32 bits:  the complement of the id
///
/// A short ranking keeps a heap of the best `count` while it runs over the row: a row of n scores
/// takes n comparisons and about count · ln(n / count) insertions; nothing is sorted but the winners.
/// A long one sorts the whole row by radix.
package struct CandidateRanking: Sendable {
  /// The longest ranking that is made by a heap.
  package static let longestHeap = 2_048

  /// Packed candidates; the first `count` are valid, in descending order after `select`.
  private var keys: [UInt64]
  /// The other side of the radix sort, `[vocabularySize]` if there may be long rankings.
  private var spare: [UInt64]
  /// Occurrences of each byte value, then the places where they go.
  private var places: [Int]
  /// How many candidates are ranked.
  package private(set) var count = 0

  /// Reserves room for rankings of at most `capacity` of `vocabularySize` candidates.
  package init(capacity: Int, vocabularySize: Int) {
    let isShort = capacity <= Self.longestHeap
    let room = isShort ? capacity : vocabularySize
    keys = [UInt64](repeating: 0, count: room)
    spare = [UInt64](repeating: 0, count: isShort ? 0 : room)
    places = [Int](repeating: 0, count: isShort ? 0 : 256)
  }

  /// The token at a place of the ranking.
  package func id(at rank: Int) -> Int {
    Int(~UInt32(truncatingIfNeeded: keys[rank]))
  }

  /// The score at a place of the ranking.
  package func logit(at rank: Int) -> Float {
    Self.logit(of: keys[rank])
  }

  /// Keeps only the first `count` candidates.
  package mutating func truncate(to count: Int) {
    self.count = min(self.count, max(count, 0))
  }

  /// Ranks the best `count` scores of a row (all of them if there are fewer).
  ///
  /// - Precondition: `count` is at most the capacity.
  /// - Complexity: O(n + count · log(count) · log(n / count)) for a heap, else O(n); no allocation.
  package mutating func select(_ count: Int, of logits: UnsafeBufferPointer<Float>) {
    let count = min(count, logits.count)
    precondition(count <= keys.count, "ranking of \(count) with room for \(keys.count)")
    self.count = count
    if count > Self.longestHeap {
      sortAll(logits)
    } else if count > 0 {
      selectByHeap(count, of: logits)
    }
  }

  // MARK: Short rankings

  private mutating func selectByHeap(_ count: Int, of logits: UnsafeBufferPointer<Float>) {
    keys.withUnsafeMutableBufferPointer { keys in
      let heap = UnsafeMutableBufferPointer(rebasing: keys[..<count])
      for id in 0..<count { heap[id] = Self.key(logits[id], id: id) }
      for root in stride(from: count / 2 - 1, through: 0, by: -1) {
        Self.sink(heap[root], from: root, in: heap, count: count)
      }
      // A later id loses a tie, so only a larger score can enter.
      var smallest = Self.logit(of: heap[0])
      var start = count
      while start < logits.count {
        let end = min(start + 16, logits.count)
        if end - start < 16 || Self.exceeds(smallest, logits, from: start) {
          for id in start..<end where logits[id] > smallest {
            Self.sink(Self.key(logits[id], id: id), from: 0, in: heap, count: count)
            smallest = Self.logit(of: heap[0])
          }
        }
        start = end
      }
      // The heap gives up its smallest candidates from the back: descending order.
      for last in stride(from: count - 1, to: 0, by: -1) {
        let displaced = heap[last]
        heap[last] = heap[0]
        Self.sink(displaced, from: 0, in: heap, count: last)
      }
    }
  }

  /// Whether one of sixteen scores is larger than `bound`: most sixteens hold no candidate.
  @inline(__always)
  private static func exceeds(
    _ bound: Float, _ logits: UnsafeBufferPointer<Float>, from start: Int
  ) -> Bool {
    guard let base = UnsafeRawPointer(logits.baseAddress) else { return false }
    let scores = base.loadUnaligned(fromByteOffset: start * 4, as: SIMD16<Float>.self)
    return any(scores .> bound)
  }

  /// Puts a key where it belongs below `root` in a heap whose smallest key is on top.
  @inline(__always)
  private static func sink(
    _ key: UInt64, from root: Int, in heap: UnsafeMutableBufferPointer<UInt64>, count: Int
  ) {
    var hole = root
    while true {
      var child = 2 * hole + 1
      if child >= count { break }
      if child + 1 < count, heap[child + 1] < heap[child] { child += 1 }
      if heap[child] >= key { break }
      heap[hole] = heap[child]
      hole = child
    }
    heap[hole] = key
  }

  // MARK: Long rankings

  /// Sorts all candidates: four stable passes over the bytes of the scores, lowest byte first.
  ///
  /// The row is in order of ids to begin with, so equal scores stay in it.
  private mutating func sortAll(_ logits: UnsafeBufferPointer<Float>) {
    for id in logits.indices { keys[id] = Self.key(logits[id], id: id) }
    for byte in 4..<8 {
      let shift = UInt64(byte * 8)
      keys.withUnsafeBufferPointer { source in
        spare.withUnsafeMutableBufferPointer { target in
          places.withUnsafeMutableBufferPointer { places in
            places.update(repeating: 0)
            for index in logits.indices { places[Int(source[index] >> shift & 0xff)] += 1 }
            var next = 0
            for value in stride(from: 255, through: 0, by: -1) {
              let occurrences = places[value]
              places[value] = next
              next += occurrences
            }
            for index in logits.indices {
              let value = Int(source[index] >> shift & 0xff)
              target[places[value]] = source[index]
              places[value] += 1
            }
          }
        }
      }
      swap(&keys, &spare)
    }
  }

  // MARK: Packing

  @inline(__always)
  private static func key(_ logit: Float, id: Int) -> UInt64 {
    // −0 becomes +0, and NaN (which a model never returns) the lowest score.
    let bits = logit.isNaN ? (-Float.infinity).bitPattern : (logit + 0).bitPattern
    let ordered = bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    return UInt64(ordered) << 32 | UInt64(~UInt32(truncatingIfNeeded: id))
  }

  @inline(__always)
  private static func logit(of key: UInt64) -> Float {
    let ordered = UInt32(truncatingIfNeeded: key >> 32)
    return Float(bitPattern: ordered & 0x8000_0000 != 0 ? ordered & 0x7fff_ffff : ~ordered)
  }
}
