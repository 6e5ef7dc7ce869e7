// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

/// Rule R by exact enumeration: all windows, all verdicts, with the chances of the code's own decisions.
@Suite(.tags(.sameDistribution)) struct RatioTestTests {
  /// How p and q are related.
  enum Pair: String, CaseIterable, Sendable {
    case dense, zerosInTarget, zerosInDrafter, zerosInBoth, equal, disjoint, greedyDrafter,
      greedyTarget
  }

  private func law(_ size: Int, _ random: inout SeededGenerator, zeros: Bool) -> [Double] {
    var weights = (0..<size).map { _ in Double(1 + random.below(1_000)) }
    if zeros {
      for token in weights.indices where random.below(2) == 0 { weights[token] = 0 }
      if weights.allSatisfy({ $0 == 0 }) { weights[random.below(size)] = 1 }
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// Laws p and q behind a path; functions of the path, so that enumeration may come to it from any side.
  private func laws(
    _ pair: Pair, _ size: Int, behind path: [Int], seed: Int
  ) -> (p: [Double], q: [Double]) {
    let key = path.reduce(seed) { $0 &* 1_000_003 &+ $1 &+ 1 }
    var random = SeededGenerator(seed: key)
    let zerosInP = pair == .zerosInTarget || pair == .zerosInBoth
    let zerosInQ = pair == .zerosInDrafter || pair == .zerosInBoth
    var p = law(size, &random, zeros: zerosInP)
    var q = law(size, &random, zeros: zerosInQ)
    switch pair {
    case .equal: q = p
    case .disjoint:
      let border = 1 + random.below(size - 1)
      for token in p.indices {
        if token < border { p[token] = 0 } else { q[token] = 0 }
      }
      let sums = (p.reduce(0, +), q.reduce(0, +))
      p = p.map { $0 / sums.0 }
      q = q.map { $0 / sums.1 }
    case .greedyDrafter: q = RatioTest.pointMass(random.below(size), vocabularySize: size)
    case .greedyTarget: p = RatioTest.pointMass(random.below(size), vocabularySize: size)
    default: break
    }
    return (p, q)
  }

  /// The chance that the code accepts, its decision being tried on both sides of the border.
  private func acceptance(_ p: Double, _ q: Double) -> Double {
    let chance = p > 0 ? min(1, p / q) : 0
    if chance > 0 { #expect(RatioTest.accepts(0, p: p, q: q)) }
    #expect(RatioTest.accepts(chance * (1 - 1e-12), p: p, q: q) == (chance > 0))
    if chance < 1 { #expect(!RatioTest.accepts(min(chance * (1 + 1e-12), 1), p: p, q: q)) }
    return chance
  }

  /// Adds the chances of all texts of `length` tokens that begin with a path, in rounds of windows of `chain` tokens.
  private func enumerate(
    _ pair: Pair, _ size: Int, chain: Int, length: Int, seed: Int, behind path: [Int],
    chance: Double, into texts: inout [[Int]: Double]
  ) throws {
    guard path.count < length else {
      texts[Array(path.prefix(length)), default: 0] += chance
      return
    }
    guard chance > 0 else { return }
    for code in 0..<(0..<chain).reduce(1, { product, _ in product * size }) {
      var rest = code
      let window = (0..<chain).map { _ in
        defer { rest /= size }
        return rest % size
      }
      let rows = (0...chain).map {
        laws(pair, size, behind: path + window.prefix($0), seed: seed)
      }
      let p = rows.map(\.p)
      let q = rows.dropLast().map(\.q)
      let drawn = zip(window, q).reduce(chance) { $0 * $1.1[$1.0] }
      guard drawn > 0 else { continue }
      var reached = drawn
      for row in 0...chain {
        let accept = row < chain ? acceptance(p[row][window[row]], q[row][window[row]]) : 0
        let ended = reached * (1 - accept)
        let next = row < chain ? RatioTest.residual(p[row], q[row]) ?? p[row] : p[row]
        for token in 0..<size where ended > 0 && next[token] > 0 {
          // The code comes to the same verdict with uniforms from the middle of what leads there.
          var rule = RatioTest(seed: 0)
          let before = next.prefix(token).reduce(0, +)
          let verdict = try rule.verify(window, target: p, drafter: q) { index, stream in
            guard stream == .accept else { return before + next[token] / 2 }
            let limit = acceptance(p[index][window[index]], q[index][window[index]])
            return index < row ? limit / 2 : (limit + 1) / 2
          }
          #expect(verdict == RatioTest.Verdict(accepted: row, next: token))
          try enumerate(
            pair, size, chain: chain, length: length, seed: seed,
            behind: path + window.prefix(row) + [token], chance: ended * next[token], into: &texts)
        }
        reached *= accept
      }
    }
  }

  @Test(arguments: Pair.allCases, [(2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (4, 1), (5, 1)])
  func `texts have the law of the target exactly`(pair: Pair, shape: (size: Int, chain: Int)) throws
  {
    for seed in 1...2 {
      let length = shape.size == 2 ? 3 : 2
      var texts: [[Int]: Double] = [:]
      try enumerate(
        pair, shape.size, chain: shape.chain, length: length, seed: seed, behind: [], chance: 1,
        into: &texts)
      var worst = abs(texts.values.reduce(0, +) - 1)
      for (text, chance) in texts {
        let want = text.indices.reduce(1.0) {
          $0 * laws(pair, shape.size, behind: Array(text[..<$1]), seed: seed).p[text[$1]]
        }
        worst = max(worst, abs(chance - want))
      }
      #expect(worst < 1e-12, "\(pair), \(shape), seed \(seed)")
    }
  }

  @Test(arguments: Pair.allCases, [(4, 3), (5, 2), (5, 3)])
  func `the first token behind a longer chain has the law of the target`(
    pair: Pair, shape: (size: Int, chain: Int)
  ) throws {
    var texts: [[Int]: Double] = [:]
    try enumerate(
      pair, shape.size, chain: shape.chain, length: 1, seed: 3, behind: [], chance: 1, into: &texts)
    let p = laws(pair, shape.size, behind: [], seed: 3).p
    for token in p.indices { #expect(abs(texts[[token], default: 0] - p[token]) < 1e-12) }
  }

  @Test(arguments: Pair.allCases)
  func `what is accepted and what replaces it make up the target's law`(pair: Pair) {
    for seed in 0..<60 {
      let size = 2 + seed % 4
      let (p, q) = laws(pair, size, behind: [seed], seed: 11)
      let accepted = zip(p, q).map { min($0, $1) }
      let rejected = 1 - accepted.reduce(0, +)
      let residual = RatioTest.residual(p, q)
      #expect((residual == nil) == (p == q))
      for token in 0..<size {
        let sum = accepted[token] + rejected * (residual?[token] ?? 0)
        #expect(abs(sum - p[token]) < 1e-15 * 8)
        #expect(
          abs(
            q[token] * (q[token] > 0 ? acceptance(p[token], q[token]) : 0)
              - accepted[token]) < 1e-15)
      }
    }
  }

  @Test(
    .tags(.slow),
    arguments: zip(
      [Pair.dense, .zerosInBoth, .disjoint, .greedyDrafter], [UInt64(1), 20_261, 3, .max]))
  func `frequencies follow the target's law`(pair: Pair, seed: UInt64) throws {
    let size = 4
    let chain = 2
    // Laws by path: a 1 and the tokens, as digits.
    let table = (0..<256).map { code in
      let digits = String(code, radix: size).dropFirst().map { $0.wholeNumberValue ?? 0 }
      return laws(pair, size, behind: digits, seed: 5)
    }
    var rule = RatioTest(seed: seed)
    var counts = [Int](repeating: 0, count: size * size)
    var position = 0
    for _ in 0..<100_000 {
      var text: [Int] = []
      // Texts of two tokens: one round, and another where the first token was rejected.
      while text.count < 2 {
        var window: [Int] = []
        var p: [[Double]] = []
        var q: [[Double]] = []
        for row in 0...chain {
          let laws = table[(text + window).reduce(1) { $0 * size + $1 }]
          p.append(laws.p)
          guard row < chain else { continue }
          q.append(laws.q)
          window.append(try rule.draft(from: laws.q, position: position + row))
        }
        let verdict = try rule.verify(window, target: p, drafter: q, position: position)
        text += window.prefix(verdict.accepted) + [verdict.next]
        position += chain + 1
      }
      counts[text[0] * size + text[1]] += 1
    }
    let law = (0..<size * size).map { code in
      table[1].p[code / size] * table[size + code / size].p[code % size]
    }
    let test = ChiSquare(observed: counts, probabilities: law)
    #expect(test.impossible == 0)
    #expect(test.degreesOfFreedom >= 1)
    #expect(test.statistic < test.limit, "\(test.statistic) of \(test.degreesOfFreedom)")
  }

  @Test func `uniforms are uniform, and streams and positions are independent`() {
    let rule = RatioTest(seed: 9)
    for stream in RatioTest.Stream.allCases {
      var cells = [Int](repeating: 0, count: 64)
      for position in 0..<40_000 {
        let u = rule.uniform(position: position, stream: stream)
        let other = rule.uniform(
          position: position + (stream == .draft ? 1 : 0),
          stream: stream == .accept ? .correction : .draft)
        #expect(u >= 0 && u < 1)
        if stream == .correction { continue }
        cells[Int(u * 8) * 8 + Int(other * 8)] += 1
      }
      guard stream != .correction else { continue }
      let test = ChiSquare(
        observed: cells, probabilities: [Double](repeating: 1 / 64, count: 64))
      #expect(test.statistic < test.limit)
    }
  }

  @Test func `where rounding leaves no residual the target is asked, and it is counted`() throws {
    let q = [0.25, 0.75]
    let p = q.map { $0 * (1 - 1e-9) }
    var rule = RatioTest(seed: 1)
    let verdict = try rule.verify([1], target: [p, p], drafter: [q]) { _, stream in
      stream == .accept ? 1 - 0x1p-53 : 0.1
    }
    #expect(verdict == RatioTest.Verdict(accepted: 0, next: 0))
    #expect(rule.emptyResiduals == 1)
    // Equal laws are always accepted, and a token without probability never is.
    #expect(RatioTest.accepts(1 - 0x1p-53, p: 0.3, q: 0.3))
    #expect(!RatioTest.accepts(0, p: 0, q: 0.3))
    #expect(!RatioTest.accepts(0.5, p: 0.25, q: 0.5))
    for u in [0, 0.3, 1 - 0x1p-53] { #expect(RatioTest.draw(from: [0, 1, 0], u) == 1) }
  }

  @Test(.tags(.badInput)) func `rows that do not fit or are no laws are refused`() {
    let law = [0.5, 0.5]
    let cases: [(window: [Int], p: [[Double]], q: [[Double]], code: DecodingError.Code)] = [
      ([0], [law], [law], .badSetting), ([0], [law, law], [], .badSetting),
      ([], [], [], .badSetting), ([0], [law, [1]], [law], .badSetting),
      ([0], [law, law], [[0.5, 0.6]], .badSetting), ([0], [law, [.nan, 1]], [law], .badSetting),
      ([0], [law, law], [[1.5, -0.5]], .badSetting), ([2], [law, law], [law], .badToken),
      ([-1], [law, law], [law], .badToken), ([0], [[], []], [[]], .badSetting),
    ]
    for (index, item) in cases.enumerated() {
      var rule = RatioTest(seed: 1)
      let error = #expect(throws: DecodingError.self) {
        try rule.verify(item.window, target: item.p, drafter: item.q, position: 0)
      }
      #expect(error?.code == item.code, "case \(index)")
    }
    #expect(throws: DecodingError.self) { try RatioTest(seed: 1).draft(from: [], position: 0) }
  }
}
