// SPDX-License-Identifier: Apache-2.0

/// A pattern as a list of instructions, each of which names those that follow it.
///
/// Every look-ahead is a program of its own in the same list, complete before the instruction that
/// asks for it.
struct PatternProgram: Sendable {
  /// One step of a match.
  enum Instruction: Sendable {
    /// Consumes one scalar of a set.
    case scalar(set: Int, next: Int)
    /// Goes on with the first if that leads to a match, else with the second.
    case split(Int, Int)
    /// Goes on where the program of a look-ahead can (or cannot) match from here.
    case ahead(start: Int, isNegated: Bool, next: Int)
    /// Goes on where a condition on the scalar before holds.
    case behind(condition: Int, next: Int)
    /// The end of the pattern, or of a look-ahead.
    case match
  }

  /// A condition on the scalar before.
  struct Behind: Hashable, Sendable {
    var set: Int
    var holdsAtStart: Bool
  }

  /// Most instructions; a published pattern has fewer than two hundred.
  private static let largestProgram = 4096

  private(set) var instructions: [Instruction] = []
  /// The instructions of each program, in order of completion; the last is the pattern's own.
  private(set) var programs: [[Int]] = []
  private(set) var sets: [ScalarSet] = []
  private(set) var conditions: [Behind] = []
  /// Where the pattern begins.
  private(set) var start = 0

  private var setNumbers: [ScalarSet: Int] = [:]
  private var current: [Int] = []
  let sourceName: String

  /// Translates a pattern.
  ///
  /// - Throws: `unsupportedPattern` where counted repetition makes it too large.
  init(_ node: PatternNode, source: String) throws(TokenizerError) {
    sourceName = source
    let match = try append(.match)
    start = try emit(node, then: match)
    programs.append(current)
    setNumbers = [:]
  }

  private mutating func append(_ instruction: Instruction) throws(TokenizerError) -> Int {
    guard instructions.count < Self.largestProgram else {
      throw Self.tooLarge(sourceName, "\(Self.largestProgram) instructions")
    }
    instructions.append(instruction)
    current.append(instructions.count - 1)
    return instructions.count - 1
  }

  /// The error of a pattern that needs more than its share.
  static func tooLarge(_ source: String, _ limit: String) -> TokenizerError {
    TokenizerError(
      .unsupportedPattern,
      "a pattern needs more than \(limit), expected fewer\nit begins "
        + quoted(String(source.prefix(200))),
      remedy: "use a tokenizer with a published pattern; those stay far below the limit")
  }

  private mutating func number(of set: ScalarSet) -> Int {
    if let number = setNumbers[set] { return number }
    sets.append(set)
    setNumbers[set] = sets.count - 1
    return sets.count - 1
  }

  // MARK: Translation, from the end to the beginning

  private mutating func emit(
    _ node: PatternNode, then next: Int
  ) throws(TokenizerError) -> Int {
    switch node {
    case .empty: return next
    case .scalar(let set): return try append(.scalar(set: number(of: set), next: next))
    case .sequence(let nodes):
      var next = next
      for node in nodes.reversed() { next = try emit(node, then: next) }
      return next
    case .alternatives(let nodes):
      var result: Int?
      for node in nodes.reversed() {
        let branch = try emit(node, then: next)
        result = if let other = result { try append(.split(branch, other)) } else { branch }
      }
      return result ?? next
    case .repetition(let node, let minimum, let maximum, let greed):
      var entry = try emitOptionalPart(node, minimum, maximum, greed, then: next)
      for _ in 0..<minimum { entry = try emit(node, then: entry) }
      return entry
    case .ahead(let node, let isNegated):
      let outer = current
      current = []
      let match = try append(.match)
      let start = try emit(node, then: match)
      programs.append(current)
      current = outer
      return try append(.ahead(start: start, isNegated: isNegated, next: next))
    case .behind(let set, let holdsAtStart):
      let condition = Behind(set: number(of: set), holdsAtStart: holdsAtStart)
      let number = conditions.firstIndex(of: condition) ?? conditions.count
      if number == conditions.count { conditions.append(condition) }
      return try append(.behind(condition: number, next: next))
    }
  }

  /// What a repetition may match beyond its minimum.
  private mutating func emitOptionalPart(
    _ node: PatternNode, _ minimum: Int, _ maximum: Int?, _ greed: PatternNode.Greed,
    then next: Int
  ) throws(TokenizerError) -> Int {
    if let maximum, maximum <= minimum { return next }
    var exit = next
    if greed == .possessive {
      // Taking all there is means to stop where nothing is left to take.
      exit = try emit(.ahead(node, isNegated: true), then: next)
    }
    guard let maximum else {
      let loop = try append(.split(exit, exit))
      let body = try emit(node, then: loop)
      instructions[loop] = greed == .lazy ? .split(exit, body) : .split(body, exit)
      return loop
    }
    var entry = next
    for _ in minimum..<maximum {
      let body = try emit(node, then: entry)
      entry = try append(greed == .lazy ? .split(exit, body) : .split(body, exit))
    }
    return entry
  }
}
