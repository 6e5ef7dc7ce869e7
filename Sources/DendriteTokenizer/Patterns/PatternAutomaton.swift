// SPDX-License-Identifier: Apache-2.0

/// What a pattern's matcher walks through: two tables that decide every match in linear time.
///
/// Read from its end, a text leads through *states*: a state is the set of instructions from which
/// the rest of the text can be matched. Read from its beginning, each choice between alternatives is
/// then decided at once: the preferred one that can lead to a match. So matches are those of a
/// backtracking engine, first alternative first, but no scalar is ever read a second time. Look-ahead
/// of any length is decided on the way back.
///
/// - Source: Frisch & Cardelli 2004, "Greedy regular expression matching", for the two passes.
struct PatternAutomaton: Sendable {
  /// Most states, and most entries of either table.
  private static let mostStates = 4096
  private static let mostEntries = 1 << 22
  /// Bounds the time of construction; a published pattern takes some hundred thousand steps.
  private static let mostSteps = 30_000_000

  /// Entry of `choices`: no match from here.
  static let noMatch: UInt16 = .max
  /// Entry of `choices`: a match ends here.
  static let matchEnds: UInt16 = .max - 1

  let classes: ScalarClasses
  /// Kinds of scalars that look-behind tells apart; 1 where the pattern does not look behind.
  let kindCount: Int
  /// The kind of each class.
  let kinds: [UInt8]
  /// The kind of the beginning of the text.
  let startKind: UInt8
  /// State after the end of the text, by the kind of the last scalar.
  private(set) var endStates: [UInt16] = []
  /// Next state, by state and symbol; a symbol is class × kind of the scalar before.
  private(set) var transitions: [UInt16] = []
  let symbolCount: Int
  /// Which scalar instruction is next, by entry point and state; or `noMatch` or `matchEnds`.
  ///
  /// Entry 0 is the beginning of the pattern, entry i + 1 is what follows scalar instruction i.
  private(set) var choices: [UInt16] = []
  private(set) var stateCount = 0

  init(_ program: PatternProgram, source: String) throws(TokenizerError) {
    guard let classes = ScalarClasses(program.sets) else {
      throw PatternProgram.tooLarge(source, "255 classes of scalars")
    }
    self.classes = classes
    var signatures: [[Bool]] = [program.conditions.map(\.holdsAtStart)]
    var kinds: [UInt8] = []
    for membership in classes.membership {
      let signature = program.conditions.map { membership[$0.set] }
      let number = signatures.firstIndex(of: signature) ?? signatures.count
      if number == signatures.count { signatures.append(signature) }
      guard number < 255 else { throw PatternProgram.tooLarge(source, "255 kinds of look-behind") }
      kinds.append(UInt8(number))
    }
    self.kinds = kinds
    startKind = 0
    kindCount = signatures.count
    symbolCount = classes.count * kindCount
    var builder = StateBuilder(
      program: program, classes: classes, signatures: signatures, source: source)
    try explore(&builder)
    try decide(program, builder.states)
    stateCount = builder.states.count
  }

  /// Finds all states and where symbols lead.
  private mutating func explore(_ builder: inout StateBuilder) throws(TokenizerError) {
    for kind in 0..<kindCount {
      endStates.append(try builder.state(before: nil, scalar: nil, kind: kind))
    }
    var state = 0
    while state < builder.states.count {
      guard builder.states.count <= Self.mostStates,
        builder.states.count * symbolCount <= Self.mostEntries, builder.steps <= Self.mostSteps
      else { throw PatternProgram.tooLarge(builder.source, "\(Self.mostStates) states") }
      for kind in 0..<kindCount {
        for scalar in 0..<classes.count {
          transitions.append(try builder.state(before: state, scalar: scalar, kind: kind))
        }
      }
      state += 1
    }
  }

  /// Decides every choice in every state.
  private mutating func decide(
    _ program: PatternProgram, _ states: [[UInt64]]
  ) throws(TokenizerError) {
    var entries = [program.start]
    var scalarNumbers = [UInt16](repeating: 0, count: program.instructions.count)
    for (index, instruction) in program.instructions.enumerated() {
      guard case .scalar(_, let next) = instruction else { continue }
      scalarNumbers[index] = UInt16(entries.count - 1)
      entries.append(next)
    }
    guard entries.count * states.count <= Self.mostEntries else {
      throw PatternProgram.tooLarge(program.sourceName, "\(Self.mostEntries) decisions")
    }
    choices.reserveCapacity(entries.count * states.count)
    var visited = [Int](repeating: -1, count: program.instructions.count)
    var stack: [Int] = []
    for (round, entry) in entries.enumerated() {
      for (number, state) in states.enumerated() {
        let mark = round * states.count + number
        stack.removeAll(keepingCapacity: true)
        stack.append(entry)
        var choice = Self.noMatch
        while let index = stack.popLast() {
          guard state[index / 64] >> UInt64(index % 64) & 1 == 1, visited[index] != mark else {
            continue
          }
          visited[index] = mark
          switch program.instructions[index] {
          case .scalar: choice = scalarNumbers[index]
          case .match: choice = Self.matchEnds
          case .split(let first, let second): stack.append(contentsOf: [second, first])
          case .ahead(_, _, let next), .behind(_, let next): stack.append(next)
          }
          if choice != Self.noMatch { break }
        }
        choices.append(choice)
      }
    }
  }
}

/// Finds states: sets of instructions, as bits.
private struct StateBuilder {
  let program: PatternProgram
  let classes: ScalarClasses
  let signatures: [[Bool]]
  let source: String
  private(set) var states: [[UInt64]] = []
  private(set) var steps = 0
  private var numbers: [[UInt64]: UInt16] = [:]

  init(
    program: PatternProgram, classes: ScalarClasses, signatures: [[Bool]], source: String
  ) {
    self.program = program
    self.classes = classes
    self.signatures = signatures
    self.source = source
  }

  /// The state at a place, from the one behind the scalar there and from the scalar before.
  ///
  /// - Parameters:
  ///   - later: the state behind the scalar; nil at the end of the text.
  ///   - scalar: the class of the scalar.
  ///   - kind: the kind of the scalar before.
  /// - Returns: the number of the state, new or old.
  /// - Throws: `unsupportedPattern` where there are too many.
  mutating func state(
    before later: Int?, scalar: Int?, kind: Int
  ) throws(TokenizerError) -> UInt16 {
    let words = (program.instructions.count + 63) / 64
    var bits = [UInt64](repeating: 0, count: words)
    let after = later.map { states[$0] } ?? bits
    func has(_ bits: [UInt64], _ index: Int) -> Bool {
      bits[index / 64] >> UInt64(index % 64) & 1 == 1
    }
    for members in program.programs {
      var isChanging = true
      while isChanging {
        isChanging = false
        steps += members.count
        for index in members where !has(bits, index) {
          let holds =
            switch program.instructions[index] {
            case .match: true
            case .scalar(let set, let next):
              scalar.map { classes.membership[$0][set] && has(after, next) } ?? false
            case .split(let first, let second): has(bits, first) || has(bits, second)
            case .ahead(let start, let isNegated, let next):
              has(bits, start) != isNegated && has(bits, next)
            case .behind(let condition, let next):
              signatures[kind][condition] && has(bits, next)
            }
          if holds {
            bits[index / 64] |= 1 << UInt64(index % 64)
            isChanging = true
          }
        }
      }
    }
    if let number = numbers[bits] { return number }
    guard states.count < Int(UInt16.max) - 2 else {
      throw PatternProgram.tooLarge(source, "\(UInt16.max) states")
    }
    numbers[bits] = UInt16(states.count)
    states.append(bits)
    return UInt16(states.count - 1)
  }
}
