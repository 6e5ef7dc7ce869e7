// SPDX-License-Identifier: Apache-2.0

/// Guesses that a text goes on as it did when its last few tokens stood there before.
///
/// Takes the longest run of up to `longestMatch` last tokens that occurred earlier, at its latest place, and
/// proposes what followed there. Costs no model, and pays where texts repeat: code, quotations, edits,
/// summaries. Elsewhere it proposes little.
///
/// Runs are found by a hash of each run's tokens, and compared token by token before they are believed.
///
/// - Complexity: `propose` takes O(new tokens × lengths of runs + limit); some 30 bytes for each token and
///   length, taken as the text grows.
/// - Source: Saxena 2023, prompt lookup decoding.
public struct PromptLookup: Drafter {
  /// The shortest and the longest run of tokens that is looked for.
  public let matchLengths: ClosedRange<Int>

  /// Where a run with this hash ended last, for each length.
  private var ends: [[UInt64: Int]]
  /// How many tokens of the history are in `ends`.
  private var indexed = 0

  /// A drafter that looks for runs of these lengths; runs of one token are found everywhere and mean little.
  public init(matchLengths: ClosedRange<Int> = 2...4) {
    precondition(matchLengths.lowerBound >= 1, "a match of \(matchLengths.lowerBound) tokens")
    self.matchLengths = matchLengths
    ends = matchLengths.map { _ in [:] }
  }

  /// Forgets the history.
  public mutating func begin(_ reply: ReplyOutline) { forget() }

  private mutating func forget() {
    indexed = 0
    for index in ends.indices { ends[index].removeAll(keepingCapacity: true) }
  }

  /// Proposes what followed the last occurrence of the last tokens.
  public mutating func propose(
    after history: [Int], pending: Int, limit: Int, into draft: inout Draft
  ) {
    if indexed > history.count { forget() }
    while indexed < history.count {
      for (index, length) in matchLengths.enumerated() where indexed + 1 >= length {
        ends[index][Self.hash(history[(indexed + 1 - length)...indexed])] = indexed
      }
      indexed += 1
    }
    for index in ends.indices.reversed() {
      let length = matchLengths.lowerBound + index
      guard history.count >= length - 1 else { continue }
      let last = history.suffix(length - 1)
      guard let end = ends[index][Self.hash(last, then: pending)],
        end < history.count, end + 1 >= length, history[end] == pending,
        history[(end + 1 - length)..<end].elementsEqual(last)
      else { continue }
      // The run may overlap itself: what it proposes continues what is known with what is proposed.
      for step in 1...max(1, limit) where draft.count < limit {
        let at = end + step
        if at < history.count {
          draft.append(history[at])
        } else if at == history.count {
          draft.append(pending)
        } else {
          draft.append(draft.tokens[at - history.count - 1])
        }
      }
      draft.confidence = index
      return
    }
  }

  /// FNV-1a over ids.
  private static func hash(_ tokens: ArraySlice<Int>, then last: Int? = nil) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for token in tokens {
      hash = (hash ^ UInt64(bitPattern: Int64(token))) &* 0x0000_0100_0000_01b3
    }
    if let last { hash = (hash ^ UInt64(bitPattern: Int64(last))) &* 0x0000_0100_0000_01b3 }
    return hash
  }
}
