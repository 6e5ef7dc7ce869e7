// SPDX-License-Identifier: Apache-2.0

/// Guesses of what follows a token: a chain, or a tree whose branches are alternatives.
///
/// Guess i follows the guess with index `parents[i]`, or the token before all guesses if that is −1. Parents
/// come before their children. A reply follows at most one path from there down.
public struct Draft: Sendable, Hashable {
  /// The guessed ids.
  public private(set) var tokens: [Int] = []
  /// The guess that each follows; −1 for the first ones.
  public private(set) var parents: [Int] = []
  /// How sure the drafter is, in classes of its own from 0 to ``classCount`` − 1.
  ///
  /// How often guesses of a class are right is learned apart; the number itself means nothing.
  public var confidence = 0

  /// Classes of confidence.
  public static let classCount = 8

  /// No guesses.
  public init() {}

  /// A chain.
  public init(_ chain: some Sequence<Int>) { append(contentsOf: chain) }

  /// How many guesses there are.
  public var count: Int { tokens.count }
  /// Whether there are none.
  public var isEmpty: Bool { tokens.isEmpty }

  /// Whether every guess follows the one before it.
  public var isChain: Bool { parents.indices.allSatisfy { parents[$0] == $0 - 1 } }

  /// The longest path, in guesses.
  public var depth: Int {
    var deepest = 0
    var depths: [Int] = []
    for parent in parents {
      depths.append(parent < 0 ? 1 : depths[parent] + 1)
      deepest = max(deepest, depths[depths.count - 1])
    }
    return deepest
  }

  /// Adds a guess behind the last one.
  public mutating func append(_ token: Int) {
    parents.append(tokens.count - 1)
    tokens.append(token)
  }

  /// Adds a chain behind the last guess.
  public mutating func append(contentsOf chain: some Sequence<Int>) {
    for token in chain { append(token) }
  }

  /// Adds a guess behind another, or behind the token before all guesses if that is −1.
  ///
  /// - Returns: the index of the new guess.
  @discardableResult
  public mutating func append(_ token: Int, after parent: Int) -> Int {
    precondition(
      (-1..<tokens.count).contains(parent), "guess \(tokens.count) follows guess \(parent)")
    tokens.append(token)
    parents.append(parent)
    return tokens.count - 1
  }

  /// The guess with this token that follows `parent`; `nil` if there is none.
  public func child(of parent: Int, token: Int) -> Int? {
    var index = parent + 1
    while index < tokens.count {
      if parents[index] == parent, tokens[index] == token { return index }
      index += 1
    }
    return nil
  }

  /// Keeps the first `count` guesses.
  public mutating func truncate(to count: Int) {
    let surplus = min(tokens.count, tokens.count - count)
    guard surplus > 0 else { return }
    tokens.removeLast(surplus)
    parents.removeLast(surplus)
  }

  /// Forgets all guesses and keeps the room for them.
  public mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    parents.removeAll(keepingCapacity: true)
    confidence = 0
  }

  /// Drops what cannot be checked: guesses outside the vocabulary or deeper than `depth`, whatever follows them,
  /// second guesses of the same token at the same place, and what exceeds `limit` guesses.
  package mutating func sanitise(vocabularySize: Int, depth limitDepth: Int, limit: Int) {
    if isChain {
      var valid = 0
      while valid < min(limitDepth, limit, count), (0..<vocabularySize).contains(tokens[valid]) {
        valid += 1
      }
      return truncate(to: valid)
    }
    var kept = Draft()
    var places = [Int](repeating: -2, count: count)
    var depths: [Int] = []
    for index in tokens.indices where kept.count < limit {
      let parent = parents[index] < 0 ? -1 : places[parents[index]]
      guard parent >= -1, (0..<vocabularySize).contains(tokens[index]) else { continue }
      let depth = parent < 0 ? 1 : depths[parent] + 1
      guard depth <= limitDepth else { continue }
      if let twin = kept.child(of: parent, token: tokens[index]) {
        places[index] = twin
        continue
      }
      places[index] = kept.append(tokens[index], after: parent)
      depths.append(depth)
    }
    kept.confidence = confidence
    self = kept
  }
}
