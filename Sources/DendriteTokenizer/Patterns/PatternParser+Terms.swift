// SPDX-License-Identifier: Apache-2.0

// MARK: - Repetition

extension PatternParser {
  /// `node` with the quantifiers that follow it.
  mutating func quantified(_ node: PatternNode) throws(TokenizerError) -> PatternNode {
    var node = node
    var stacked = 0
    while let scalar = next {
      var minimum = 0
      var maximum: Int?
      var isCounted = false
      switch scalar {
      case "*": position += 1
      case "+": (minimum, position) = (1, position + 1)
      case "?": (maximum, position) = (1, position + 1)
      case "{":
        guard let bounds = try counts() else { return node }
        (minimum, maximum) = bounds
        isCounted = true
      default: return node
      }
      if maximum ?? 2 > 1, node.isNullable, node.mayPreferNothing {
        throw error("repeats what may prefer to match nothing")
      }
      stacked += 1
      guard stacked <= 8 else { throw error("stacks more than eight quantifiers") }
      var greed = PatternNode.Greed.greedy
      if isCounted, maximum == minimum, skip("?") {
        // {n}? is an option here, as nothing could be lazy about a fixed count.
        node = .repetition(node, minimum: minimum, maximum: maximum, .greedy)
        node = .repetition(node, minimum: 0, maximum: 1, .greedy)
        continue
      }
      if skip("?") {
        greed = .lazy
      } else if !isCounted, skip("+") {
        // After a count a plus is one more quantifier, so it stays for the next turn.
        greed = .possessive
        guard node.singleScalar != nil else {
          throw error("repeats more than one scalar possessively")
        }
      }
      node = .repetition(node, minimum: minimum, maximum: maximum, greed)
    }
    return node
  }

  /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; nil, with nothing read, where the brace is a literal.
  private mutating func counts() throws(TokenizerError) -> (Int, Int?)? {
    let start = position
    position += 1
    let low = number()
    var high = low
    if skip(",") {
      high = number()
      guard low != nil || high != nil else {
        position = start
        return nil
      }
    }
    guard low != nil || high != nil, skip("}") else {
      position = start
      return nil
    }
    let minimum = low ?? 0
    guard minimum <= Self.largestCount, high ?? 0 <= Self.largestCount else {
      throw error("repeats more than \(Self.largestCount) times")
    }
    if let high, high < minimum {
      throw error("repeats at least \(minimum), at most \(high) times")
    }
    return (minimum, high)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), Self.largestCount + 1)
      position += 1
    }
    return value
  }
}

// MARK: - Escapes

extension PatternParser {
  /// What follows a backslash outside a class.
  mutating func escape() throws(TokenizerError) -> PatternNode {
    guard let scalar = next else { throw error("ends in a backslash") }
    switch scalar {
    case "A": position += 1; return .start
    case "z": position += 1; return .end
    case "Z":
      position += 1
      return .alternatives([
        .end, .ahead(.sequence([.scalar(ScalarSet(0x0A)), .end]), isNegated: false),
      ])
    case "b": position += 1; return .wordBoundary(isNegated: false)
    case "B": position += 1; return .wordBoundary(isNegated: true)
    case "R":
      position += 1
      return .alternatives([
        .sequence([.scalar(ScalarSet(0x0D)), .scalar(ScalarSet(0x0A))]),
        .scalar(UnicodeSets.newlines),
      ])
    case "1"..."9", "k", "g": throw error("refers back to a group")
    case "G", "X", "K", "y", "Y", "N", "O": throw error("has the escape \\\(scalar)")
    case "w": position += 1; return .scalar(UnicodeSets.word)
    case "W": position += 1; return .scalar(UnicodeSets.word.inverted)
    default:
      let set = try escapedSet()
      return .scalar(flags.ignoresCase ? CaseFolding.closed(set) : set)
    }
  }

  /// The set of an escape that stands for one scalar, inside or outside a class.
  mutating func escapedSet() throws(TokenizerError) -> ScalarSet {
    let scalar = try take()
    switch scalar {
    case "s": return UnicodeSets.whitespace
    case "S": return UnicodeSets.whitespace.inverted
    case "w": return UnicodeSets.wordInClass
    case "W": return UnicodeSets.wordInClass.inverted
    case "d": return UnicodeSets.digit
    case "D": return UnicodeSets.digit.inverted
    case "h": return UnicodeSets.hexDigit
    case "H": return UnicodeSets.hexDigit.inverted
    case "p": return try property(isNegated: false)
    case "P": return try property(isNegated: true)
    case "t": return ScalarSet(0x09)
    case "n": return ScalarSet(0x0A)
    case "v": return ScalarSet(0x0B)
    case "f": return ScalarSet(0x0C)
    case "r": return ScalarSet(0x0D)
    case "a": return ScalarSet(0x07)
    case "e": return ScalarSet(0x1B)
    case "b": return ScalarSet(0x08)
    case "0": return ScalarSet(try numeral(radix: 8, digits: 0...2))
    case "x":
      if skip("{") {
        let value = try numeral(radix: 16, digits: 1...8)
        guard skip("}") else { throw error("has a code point that is not closed") }
        return ScalarSet(value)
      }
      return ScalarSet(try numeral(radix: 16, digits: 0...2))
    case "u":
      if skip("{") {
        let value = try numeral(radix: 16, digits: 1...8)
        guard skip("}") else { throw error("has a code point that is not closed") }
        return ScalarSet(value)
      }
      return ScalarSet(try numeral(radix: 16, digits: 4...4))
    case "a"..."z", "A"..."Z", "1"..."9": throw error("has the unknown escape \\\(scalar)")
    default: return ScalarSet(scalar.value)
    }
  }

  private mutating func numeral(
    radix: UInt32, digits: ClosedRange<Int>
  ) throws(TokenizerError) -> UInt32 {
    var value: UInt32 = 0
    var count = 0
    while count < digits.upperBound, let scalar = next, let digit = Int(String(scalar), radix: 16),
      digit < Int(radix)
    {
      value = min(value * radix + UInt32(digit), 0x200000)
      count += 1
      position += 1
    }
    guard count >= digits.lowerBound, value <= ScalarSet.last else {
      throw error("has a code point that is none")
    }
    return value
  }

  /// `{Name}`, `{^Name}` or one letter.
  private mutating func property(isNegated: Bool) throws(TokenizerError) -> ScalarSet {
    var name = ""
    var isNegated = isNegated
    if skip("{") {
      if skip("^") { isNegated.toggle() }
      while true {
        let scalar = try take()
        if scalar == "}" { break }
        guard name.utf8.count < 64 else { throw error("has a property with a long name") }
        name.unicodeScalars.append(scalar)
      }
    } else {
      name.unicodeScalars.append(try take())
    }
    guard let set = UnicodeSets.named(name) else {
      throw error("names the unknown property \(quoted(name))")
    }
    return isNegated ? set.inverted : set
  }
}

// MARK: - Classes

extension PatternParser {
  /// What follows `[`, through the bracket that closes it.
  mutating func characterClass(depth: Int = 0) throws(TokenizerError) -> ScalarSet {
    guard depth < 16 else { throw error("nests more than sixteen classes") }
    let isNegated = skip("^")
    var result: ScalarSet?
    var operand = ScalarSet.empty
    var isFirst = true
    while true {
      if skip("&&") {
        result = result.map { $0.intersection(operand) } ?? operand
        operand = .empty
        isFirst = false
        continue
      }
      guard let scalar = next else { throw error("has a class that is not closed") }
      // A bracket that comes first is a member.
      if scalar == "]", !isFirst || (position + 1 < scalars.count && !hasLaterBracket()) {
        position += 1
        break
      }
      isFirst = false
      operand = operand.union(try member(depth))
    }
    var set = result.map { $0.intersection(operand) } ?? operand
    if flags.ignoresCase { set = CaseFolding.closed(set) }
    return isNegated ? set.inverted : set
  }

  private func hasLaterBracket() -> Bool { scalars[(position + 1)...].contains("]") }

  /// One member of a class: a scalar, a range, an escape, a named set or a class of its own.
  private mutating func member(_ depth: Int) throws(TokenizerError) -> ScalarSet {
    if skip("[:") {
      let isNegated = skip("^")
      var name = ""
      while !skip(":]") {
        guard name.utf8.count < 32 else { throw error("has a named set that is not closed") }
        name.unicodeScalars.append(try take())
      }
      guard let set = UnicodeSets.named(name) else {
        throw error("names the unknown set \(quoted(name))")
      }
      return isNegated ? set.inverted : set
    }
    if skip("[") { return try characterClass(depth: depth + 1) }
    let low = skip("\\") ? try escapedSet() : ScalarSet(try take().value)
    guard let first = single(low), next == "-", position + 1 < scalars.count,
      scalars[position + 1] != "]"
    else { return low }
    let dash = position
    position += 1
    // A dash before a class or an operator is a member.
    if next == "[" || (next == "&" && scalars.dropFirst(position + 1).first == "&") {
      position = dash
      return low
    }
    let high = skip("\\") ? try escapedSet() : ScalarSet(try take().value)
    guard let last = single(high) else { return low.union(ScalarSet(0x2D)).union(high) }
    guard first <= last else { throw error("has a range from high to low") }
    return ScalarSet([first...last])
  }

  private func single(_ set: ScalarSet) -> UInt32? {
    guard set.ranges.count == 1, set.ranges[0].count == 1 else { return nil }
    return set.ranges[0].lowerBound
  }
}
