// SPDX-License-Identifier: Apache-2.0

/// Reads regular expressions as published `tokenizer.json` files have them: Oniguruma's dialect.
///
/// `\s`, `\w`, `\d` and `\p{…}` are Unicode's; `^` and `$` are line ends; `.` leaves out the newline.
/// Refused with a message: back-references, look-behind of more than one scalar, atomic groups and
/// possessive repetition of more than one scalar, `\G`, `\X`, conditions, recursion.
struct PatternParser {
  /// Longest pattern, in scalars; the longest published one has some 2,000.
  private static let longestPattern = 16_384
  private static let deepestNesting = 64
  /// Largest number in a counted repetition.
  static let largestCount = 1000

  /// What `(?…)` switches.
  struct Flags {
    var ignoresCase = false
    var dotMatchesNewline = false
    var isExtended = false
  }

  let scalars: [Unicode.Scalar]
  var position = 0
  var flags = Flags()
  private var depth = 0

  private init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// Reads a pattern.
  ///
  /// - Throws: `unsupportedPattern`.
  static func parse(_ text: String) throws(TokenizerError) -> PatternNode {
    var parser = PatternParser(text)
    guard parser.scalars.count <= longestPattern else {
      throw parser.error("has \(parser.scalars.count) scalars, expected at most \(longestPattern)")
    }
    let node = try parser.alternatives()
    guard parser.position == parser.scalars.count else {
      throw parser.error("has a ')' that opens nowhere")
    }
    return node
  }

  /// An error at the scalar that was read last.
  func error(_ problem: String) -> TokenizerError {
    var shown = String.UnicodeScalarView()
    shown.append(contentsOf: scalars.prefix(200))
    return TokenizerError(
      .unsupportedPattern,
      "a pattern \(problem)\nat scalar \(position) of \(quoted(String(shown)))",
      remedy: "use a tokenizer whose patterns need neither back-references nor long look-behind; "
        + "published ones do not")
  }

  // MARK: Scalars

  var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  mutating func take() throws(TokenizerError) -> Unicode.Scalar {
    guard let scalar = next else { throw error("ends where more is expected") }
    position += 1
    return scalar
  }

  /// Steps over `text` if it stands here.
  mutating func skip(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard position + wanted.count <= scalars.count,
      scalars[position..<(position + wanted.count)].elementsEqual(wanted)
    else { return false }
    position += wanted.count
    return true
  }

  // MARK: Structure

  private mutating func alternatives() throws(TokenizerError) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepestNesting else {
      throw error("nests more than \(Self.deepestNesting) groups")
    }
    let outer = flags
    defer { flags = outer }
    var branches = [try sequence()]
    while skip("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws(TokenizerError) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if flags.isExtended {
        if UnicodeSets.whitespace.contains(scalar.value) {
          position += 1
          continue
        }
        if scalar == "#" {
          while let skipped = next, skipped != "\n" { _ = skipped; position += 1 }
          continue
        }
      }
      guard let node = try term() else { continue }
      nodes.append(try quantified(node))
    }
    return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
  }

  /// One term; nil for what only changes how the rest is read.
  private mutating func term() throws(TokenizerError) -> PatternNode? {
    let scalar = try take()
    switch scalar {
    case "(": return try group()
    case "[": return .scalar(try characterClass())
    case ".":
      return .scalar(flags.dotMatchesNewline ? .all : ScalarSet(0x0A).inverted)
    case "^":
      return .alternatives([
        .start,
        .sequence([
          .behind(ScalarSet(0x0A), holdsAtStart: false), .ahead(.scalar(.all), isNegated: false),
        ]),
      ])
    case "$": return .alternatives([.end, .ahead(.scalar(ScalarSet(0x0A)), isNegated: false)])
    case "\\": return try escape()
    case "*", "+", "?": throw error("repeats nothing")
    default: return .scalar(literal(scalar))
    }
  }

  /// The set of a literal scalar, in both cases if case is not regarded.
  func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
    let set = ScalarSet(scalar.value)
    return flags.ignoresCase ? CaseFolding.closed(set) : set
  }

  // MARK: Groups

  private mutating func group() throws(TokenizerError) -> PatternNode? {
    guard skip("?") else { return try closed(try alternatives()) }
    if skip(":") { return try closed(try alternatives()) }
    if skip("=") { return .ahead(try closed(try alternatives()), isNegated: false) }
    if skip("!") { return .ahead(try closed(try alternatives()), isNegated: true) }
    if skip(">") { return try atomic(try closed(try alternatives())) }
    if skip("<=") { return try behind(isNegated: false) }
    if skip("<!") { return try behind(isNegated: true) }
    if skip("#") {
      while try take() != ")" {}
      return nil
    }
    if skip("<") || skip("P<") || skip("'") {
      while true {
        let scalar = try take()
        if scalar == ">" || scalar == "'" { break }
      }
      return try closed(try alternatives())
    }
    return try flagGroup()
  }

  private mutating func closed(_ node: PatternNode) throws(TokenizerError) -> PatternNode {
    guard skip(")") else { throw error("has a group that is not closed") }
    return node
  }

  /// `(?i)`, which holds to the end of the group around it, or `(?i:…)`.
  private mutating func flagGroup() throws(TokenizerError) -> PatternNode? {
    var isOn = true
    var changed = flags
    while true {
      switch try take() {
      case "i": changed.ignoresCase = isOn
      case "m", "s": changed.dotMatchesNewline = isOn
      case "x": changed.isExtended = isOn
      case "u": break
      case "-": isOn = false
      case ")":
        flags = changed
        // What follows belongs to the flags, alternatives included, as in Oniguruma.
        return try alternatives()
      case ":":
        let outer = flags
        flags = changed
        defer { flags = outer }
        return try closed(try alternatives())
      default: throw error("has a group of an unknown kind")
      }
    }
  }

  private mutating func behind(isNegated: Bool) throws(TokenizerError) -> PatternNode {
    guard let set = try closed(try alternatives()).singleScalar else {
      throw error("looks behind at more than one scalar")
    }
    return .follows(set, isNegated: isNegated)
  }

  /// An atomic group, where it is the same as possessive repetition of one scalar.
  private func atomic(_ node: PatternNode) throws(TokenizerError) -> PatternNode {
    if let set = node.singleScalar { return .scalar(set) }
    if case .repetition(let inner, let minimum, let maximum, .greedy) = node,
      inner.singleScalar != nil
    {
      return .repetition(inner, minimum: minimum, maximum: maximum, .possessive)
    }
    throw error("has an atomic group of more than the repetition of one scalar")
  }
}
