// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Testing

/// Attention is the gradient of an energy: checked by machines that know how to differentiate and nothing of attention.
@Suite struct EnergyGradientTests {
  /// The gradient of the sum of all energies at ζ = 0, by one run of a tape.
  private func gradient<Scalar>(of problem: AttentionProblem<Scalar>) throws -> [Scalar] {
    let tape = Tape<Scalar>()
    let rows = problem.rows
    let source = rows.map { _ in
      (0..<problem.valueDim).map { _ in tape.variable(Scalar(0.0)) }
    }
    var total = Recorded<Scalar>(0)
    for (row, source) in zip(rows, source) {
      total = total + (try #require(problem.energy(of: row, source: source)))
    }
    let derivatives = tape.derivatives(of: total)
    return source.joined().map { derivatives[$0.index ?? 0] }
  }

  private func attention<Scalar>(of problem: AttentionProblem<Scalar>) -> [Double] {
    problem.rows.flatMap { problem.attention(of: $0) }
  }

  private func difference<Scalar: Analytic>(_ left: [Scalar], _ right: [Double]) -> Double {
    zip(left, right).reduce(left.count == right.count ? 0 : .infinity) {
      max($0, abs($1.0.primal - $1.1))
    }
  }

  @Test(arguments: 1...3)
  func `V1: one backward run gives causal attention of grouped heads, in F64 within 1e-12`(
    seed: Int
  ) throws {
    let problem = AttentionProblem<Double>(seed: seed)
    #expect(try difference(gradient(of: problem), attention(of: problem)) <= 1e-12)
  }

  @Test(arguments: 1...3)
  func `V1: the same in F32 within 2e-6`(seed: Int) throws {
    let problem = AttentionProblem<Double>(seed: seed).converted(to: Float.self)
    let reference = attention(of: problem.converted(to: Double.self))
    #expect(try difference(gradient(of: problem), reference) <= 2e-6)
  }

  /// A row sees its ancestors in a random tree of drafts, and the context before it.
  private static func treeMask(seed: Int, context: Int, nodes: Int) -> [[Bool]] {
    var generator = SeededGenerator(seed: seed)
    var seen: [[Bool]] = []
    for node in 0..<nodes {
      var row = (0..<context + nodes).map { $0 < context }
      if node > 0 { row = seen[generator.below(node)] }
      row[context + node] = true
      seen.append(row)
    }
    return seen
  }

  @Test(arguments: ["causal", "window", "tree", "one key"])
  func `a mask only leaves terms of the energy out`(kind: String) throws {
    let tree = Self.treeMask(seed: 9, context: 20, nodes: 9)
    let masks: [String: @Sendable (Int, Int) -> Bool] = [
      "causal": { query, key in key <= 20 + query },
      "window": { query, key in (query + 13...query + 20).contains(key) },
      "tree": { query, key in tree[query][key] }, "one key": { query, key in key == 3 * query },
    ]
    let problem = AttentionProblem<Double>(
      batchCount: 1, headCount: 4, kvHeadCount: 2, queryCount: 9, keyCount: 29, keyDim: 8,
      valueDim: 8, seed: 4, mask: masks[kind])
    #expect(try difference(gradient(of: problem), attention(of: problem)) <= 1e-12)
  }

  @Test(arguments: [1, 2, 3, 6])
  func `any grouping of heads is an index of the energy, nothing else`(kvHeads: Int) throws {
    let problem = AttentionProblem<Double>(batchCount: 1, kvHeadCount: kvHeads, seed: 5)
    #expect(try difference(gradient(of: problem), attention(of: problem)) <= 1e-12)
  }

  @Test func `a row that may see nothing has no energy`() {
    let problem = AttentionProblem<Double>(seed: 1, mask: { query, _ in query != 2 })
    let source = [Double](repeating: 0, count: problem.valueDim)
    for row in problem.rows {
      #expect((problem.energy(of: row, source: source) == nil) == (row.query == 2))
    }
  }

  @Test func `V2: central differences agree within 1e-7 in F64`() throws {
    let problem = AttentionProblem<Double>(seed: 6)
    let error = try differenceQuotientError(of: problem, step: 1e-4)
    #expect(error <= 1e-7)
  }

  @Test func `V2: central differences agree within 5e-3 in F32`() throws {
    let problem = AttentionProblem<Double>(seed: 6).converted(to: Float.self)
    let error = try differenceQuotientError(of: problem, step: 1e-2)
    #expect(error <= 5e-3)
  }

  /// The largest error of twenty random components, by differences of the sum of all energies.
  private func differenceQuotientError<Scalar>(
    of problem: AttentionProblem<Scalar>, step: Double
  ) throws -> Double {
    let rows = problem.rows
    let zero = [Scalar](repeating: 0, count: problem.valueDim)
    let energies = try rows.map { try #require(problem.energy(of: $0, source: zero)) }
    var generator = SeededGenerator(seed: 7)
    var worst = 0.0
    for _ in 0..<20 {
      let chosen = generator.below(rows.count)
      let component = generator.below(problem.valueDim)
      func total(_ shift: Double) throws -> Scalar {
        var source = zero
        source[component] = Scalar(shift)
        var sum: Scalar = 0
        for index in rows.indices {
          sum +=
            index == chosen
            ? try #require(problem.energy(of: rows[index], source: source)) : energies[index]
        }
        return sum
      }
      let quotient = try (total(step) - total(-step)).primal / (2 * step)
      worst = max(worst, abs(quotient - problem.attention(of: rows[chosen])[component]))
    }
    return worst
  }

  @Test(arguments: 1...2)
  func `V3: the second derivative is the covariance of the values, within 1e-12`(
    seed: Int
  ) throws {
    let problem = AttentionProblem<Double>(seed: seed)
    let row = problem.rows[seed * 17]
    let count = problem.valueDim
    typealias Second = Dual<Dual<Double>>
    let source = (0..<count).map {
      Second.variable(Dual.variable(0, $0, of: count), $0, of: count)
    }
    let energy = try #require(problem.energy(of: row, source: source))
    let hessian = energy.gradient.map(\.gradient)

    let keys = problem.seen(by: row)
    let scores = keys.map { problem.score(row, $0) }
    let highest = scores.max() ?? 0
    let weights = scores.map { ($0 - highest).exponential }
    let sum = weights.reduce(0, +)
    let mean = problem.attention(of: row)
    var worst = 0.0
    for i in 0..<count {
      for j in 0..<count {
        var covariance = -mean[i] * mean[j]
        for (key, weight) in zip(keys, weights) {
          let value = Array(problem.value(row, key))
          covariance += weight / sum * value[i] * value[j]
        }
        worst = max(worst, abs(hessian[i][j] - covariance))
      }
    }
    #expect(worst <= 1e-12)
  }

  @Test(arguments: [-1000.0, -37, -0.5, 0.5, 37, 1000])
  func `V5: a constant added to all scores moves the energy by itself and attention not at all`(
    constant: Double
  ) {
    // Multiples of 2⁻⁹ below 64: adding the constant is exact.
    var generator = SeededGenerator(seed: 8)
    let scores = (0..<50).map { _ in Double(generator.below(65_536) - 32_768) / 512 }
    let values = (0..<50).map { _ in Double(generator.below(2000) - 1000) / 250 }
    func energy(_ shift: Double) -> Dual<Double>? {
      logSumExp(zip(scores, values).map { Dual($0 + shift, gradient: [$1]) })
    }
    guard let plain = energy(0), let shifted = energy(constant) else {
      Issue.record("no energy")
      return
    }
    #expect(abs(shifted.value - plain.value - constant) <= 2 * max(plain.value, constant).ulp)
    #expect(abs(shifted.gradient[0] - plain.gradient[0]) <= 1e-12)
  }

  @Test func `where values are keys, the source and the query pull alike`() throws {
    // The case of modern Hopfield networks: one more tape, which differentiates by the query.
    let problem = AttentionProblem<Double>(
      batchCount: 1, headCount: 1, kvHeadCount: 1, queryCount: 1, keyCount: 20, keyDim: 6,
      valueDim: 6, seed: 10)
    let tape = Tape<Double>()
    let query = problem.queries.map { tape.variable($0 * problem.scale) }
    let scores = (0..<problem.keyCount).map { key in
      (0..<6).reduce(Recorded<Double>(0)) {
        $0 + query[$1] * Recorded(problem.keys[key * 6 + $1])
      }
    }
    let derivatives = tape.derivatives(of: try #require(logSumExp(scores)))
    var same = problem
    same.values = problem.keys
    let attention = same.attention(of: .init(batch: 0, head: 0, query: 0))
    #expect(difference(query.map { derivatives[$0.index ?? 0] }, attention) <= 1e-12)
  }
}
