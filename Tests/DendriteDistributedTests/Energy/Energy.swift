// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport

/// log(eᵃ + eᵇ): how the energies of two sets of keys become that of both.
///
/// On duals this is the merge of two partial attentions: the value is the energy, the derivatives are the output.
func logAddExp<Number: Analytic>(_ left: Number, _ right: Number) -> Number {
  let (high, low) = left.primal >= right.primal ? (left, right) : (right, left)
  if low.primal == -.infinity { return high }
  return high + (Number(1) + (low - high).exponential).logarithm
}

/// log Σ eˣ in its stable form: the maximum is taken out, as a constant.
func logSumExp<Number: Analytic>(_ terms: [Number]) -> Number? {
  guard let highest = terms.map(\.primal).max() else { return nil }
  let shift = Number(highest)
  guard var sum = terms.first.map({ ($0 - shift).exponential }) else { return nil }
  for term in terms.dropFirst() { sum = sum + (term - shift).exponential }
  return shift + sum.logarithm
}

/// Queries, keys and values of several sequences and heads, and who may see whom.
struct AttentionProblem<Scalar: BinaryFloatingPoint & Analytic> {
  /// One query row of one head of one sequence.
  struct Row: Hashable {
    var batch: Int
    var head: Int
    var query: Int
  }

  var batchCount: Int
  var headCount: Int
  var kvHeadCount: Int
  var queryCount: Int
  var keyCount: Int
  var keyDim: Int
  var valueDim: Int
  var scale: Scalar
  /// Shape `[batch][head][query][keyDim]`.
  var queries: [Scalar]
  /// Shape `[batch][kvHead][key][keyDim]`.
  var keys: [Scalar]
  /// Shape `[batch][kvHead][key][valueDim]`.
  var values: [Scalar]
  /// Whether a query may see a key.
  var mask: @Sendable (_ query: Int, _ key: Int) -> Bool

  /// The shape of test V1 unless told otherwise: the last queries of a causal sequence, grouped heads, values wider than keys.
  init(
    batchCount: Int = 2, headCount: Int = 6, kvHeadCount: Int = 2, queryCount: Int = 5,
    keyCount: Int = 37, keyDim: Int = 16, valueDim: Int = 24, seed: Int,
    mask: (@Sendable (Int, Int) -> Bool)? = nil
  ) {
    self.batchCount = batchCount
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.queryCount = queryCount
    self.keyCount = keyCount
    self.keyDim = keyDim
    self.valueDim = valueDim
    scale = 1 / Scalar(Double(keyDim).squareRoot())
    var normal = NormalGenerator(seed: seed)
    func draw(_ count: Int) -> [Scalar] { (0..<count).map { _ in Scalar(normal.next()) } }
    queries = draw(batchCount * headCount * queryCount * keyDim)
    keys = draw(batchCount * kvHeadCount * keyCount * keyDim)
    values = draw(batchCount * kvHeadCount * keyCount * valueDim)
    let first = keyCount - queryCount
    self.mask = mask ?? { query, key in key <= first + query }
  }

  var rows: [Row] {
    (0..<batchCount).flatMap { batch in
      (0..<headCount).flatMap { head in
        (0..<queryCount).map { Row(batch: batch, head: head, query: $0) }
      }
    }
  }

  /// The keys that a row sees.
  func seen(by row: Row) -> [Int] { (0..<keyCount).filter { mask(row.query, $0) } }

  /// The head of the keys that a row's head belongs to.
  func group(of row: Row) -> Int { row.head / (headCount / kvHeadCount) }

  func score(_ row: Row, _ key: Int) -> Scalar {
    let query = ((row.batch * headCount + row.head) * queryCount + row.query) * keyDim
    let other = ((row.batch * kvHeadCount + group(of: row)) * keyCount + key) * keyDim
    var sum: Scalar = 0
    for channel in 0..<keyDim { sum += queries[query + channel] * keys[other + channel] }
    return sum * scale
  }

  func value(_ row: Row, _ key: Int) -> ArraySlice<Scalar> {
    let place = ((row.batch * kvHeadCount + group(of: row)) * keyCount + key) * valueDim
    return values[place..<place + valueDim]
  }

  /// The energy of a row in the field of a source: log Σ exp(s + ζ·v) over the keys that it sees; `nil` if it sees none.
  ///
  /// - Source: Tree Attention (arXiv:2408.04093) §4, with masks and groups of heads.
  func energy<Number: Analytic>(of row: Row, source: [Number]) -> Number? {
    logSumExp(
      seen(by: row).map { key in
        var term = Number(score(row, key).primal)
        for (component, value) in zip(source, value(row, key)) {
          term = term + component * Number(value.primal)
        }
        return term
      })
  }

  /// Softmax attention of a row as textbooks define it, in F64.
  func attention(of row: Row) -> [Double] {
    let keys = seen(by: row)
    let scores = keys.map { score(row, $0).primal }
    let highest = scores.max() ?? 0
    let weights = scores.map { ($0 - highest).exponential }
    let sum = weights.reduce(0, +)
    var output = [Double](repeating: 0, count: valueDim)
    for (key, weight) in zip(keys, weights) {
      for (channel, value) in value(row, key).enumerated() {
        output[channel] += weight / sum * value.primal
      }
    }
    return output
  }

  /// The same problem in another precision; exact if that is a wider one.
  func converted<Other>(to _: Other.Type) -> AttentionProblem<Other> {
    var other = AttentionProblem<Other>(
      batchCount: 0, headCount: headCount, kvHeadCount: kvHeadCount, queryCount: queryCount,
      keyCount: keyCount, keyDim: keyDim, valueDim: valueDim, seed: 0, mask: mask)
    other.batchCount = batchCount
    other.queries = queries.map { Other($0) }
    other.keys = keys.map { Other($0) }
    other.values = values.map { Other($0) }
    return other
  }
}
