// SPDX-License-Identifier: Apache-2.0

extension Penalties {
  /// The score of a token that occurs `count` times in the window.
  package func apply(to logit: Float, count: Int) -> Float {
    guard count > 0 else { return logit }
    let score = Double(logit)
    let repeated = score > 0 ? score / repetition : score * repetition
    return Float(repeated - (Double(count) * frequency + presence))
  }
}

/// Counts the tokens of a window without allocating.
///
/// The counts are made anew for every row: a row's window depends on its own path of tokens, and
/// paths branch. A window of 64 costs nothing beside a row of scores.
struct Occurrences: Sendable {
  /// `[vocabularySize]`, zero between calls.
  private var counts: [UInt32]
  /// The ids whose count is not zero.
  private var seen: [UInt32] = []

  init(vocabularySize: Int) {
    counts = [UInt32](repeating: 0, count: vocabularySize)
    seen.reserveCapacity(vocabularySize)
  }

  /// Calls `body` once with every token of the window and its count; ids outside the vocabulary
  /// are passed over.
  mutating func forEach(
    in history: some BidirectionalCollection<Int>, window: Penalties.Window,
    _ body: (_ id: Int, _ count: Int) -> Void
  ) {
    guard !counts.isEmpty else { return }
    var remaining =
      switch window {
      case .last(let count): count
      case .all: Int.max
      }
    var index = history.endIndex
    while remaining > 0, index > history.startIndex {
      remaining -= 1
      index = history.index(before: index)
      let id = history[index]
      guard counts.indices.contains(id) else { continue }
      if counts[id] == 0 { seen.append(UInt32(id)) }
      counts[id] += 1
    }
    for id in seen {
      body(Int(id), Int(counts[Int(id)]))
      counts[Int(id)] = 0
    }
    seen.removeAll(keepingCapacity: true)
  }
}
