// SPDX-License-Identifier: Apache-2.0

/// A regular expression, read.
indirect enum PatternNode: Sendable {
  /// How much of a repetition is taken.
  enum Greed: Sendable {
    /// As much as leads to a match.
    case greedy
    /// As little as leads to a match.
    case lazy
    /// As much as there is, whatever follows.
    case possessive
  }

  /// Matches nothing at all, everywhere.
  case empty
  /// One scalar of a set.
  case scalar(ScalarSet)
  /// One after the other.
  case sequence([PatternNode])
  /// The first that leads to a match.
  case alternatives([PatternNode])
  /// Repetition; `maximum` nil means without bound.
  case repetition(PatternNode, minimum: Int, maximum: Int?, Greed)
  /// Whether something can (or cannot) be matched from here on.
  case ahead(PatternNode, isNegated: Bool)
  /// Whether the scalar before is in a set; at the beginning of the text, `holdsAtStart`.
  case behind(ScalarSet, holdsAtStart: Bool)

  /// The end of the text.
  static let end = PatternNode.ahead(.scalar(.all), isNegated: true)
  /// The beginning of the text.
  static let start = PatternNode.behind(.empty, holdsAtStart: true)

  /// Whether the scalar before is in `set`, or is not.
  static func follows(_ set: ScalarSet, isNegated: Bool) -> PatternNode {
    isNegated
      ? .behind(set.inverted, holdsAtStart: true) : .behind(set, holdsAtStart: false)
  }

  /// A boundary between a word and something else, or the absence of one.
  static func wordBoundary(isNegated: Bool) -> PatternNode {
    let word = UnicodeSets.word
    return .alternatives(
      [true, false].map { isBehind in
        let isAhead = isBehind == isNegated
        return .sequence([
          .follows(word, isNegated: !isBehind), .ahead(.scalar(word), isNegated: !isAhead),
        ])
      })
  }

  /// The set of a node that matches exactly one scalar; nil for others.
  var singleScalar: ScalarSet? {
    switch self {
    case .scalar(let set): return set
    case .sequence(let nodes): return nodes.count == 1 ? nodes[0].singleScalar : nil
    case .alternatives(let nodes):
      var union = ScalarSet.empty
      for node in nodes {
        guard let set = node.singleScalar else { return nil }
        union = union.union(set)
      }
      return union
    case .empty, .repetition, .ahead, .behind: return nil
    }
  }

  /// Whether nothing at all may be a match.
  var isNullable: Bool {
    switch self {
    case .empty, .ahead, .behind: true
    case .scalar: false
    case .sequence(let nodes): nodes.allSatisfy(\.isNullable)
    case .alternatives(let nodes): nodes.contains(where: \.isNullable)
    case .repetition(let node, let minimum, _, _): minimum == 0 || node.isNullable
    }
  }

  /// Whether nothing at all may be preferred to something.
  ///
  /// A backtracking engine leaves a loop once its body has matched nothing; here the next preference
  /// of the body would be tried. The two differ only for such bodies.
  var mayPreferNothing: Bool {
    switch self {
    case .empty, .scalar, .ahead, .behind: false
    case .sequence(let nodes): nodes.contains(where: \.mayPreferNothing)
    case .alternatives(let nodes):
      nodes.dropLast().contains(where: \.isNullable) || nodes.contains(where: \.mayPreferNothing)
    case .repetition(let node, _, _, let greed):
      if case .greedy = greed { node.mayPreferNothing } else { true }
    }
  }
}
