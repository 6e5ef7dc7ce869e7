// SPDX-License-Identifier: Apache-2.0

/// Rule R: a chain of drafted tokens is accepted by the ratio of the target's law to the drafter's.
///
/// For study, and nowhere a default: it accepts as often as any rule can, Σ min(p, q) a token, but its text depends on
/// the draft, where the text of promise 1 does not. Only the law of the text is the target's.
///
///     token w of row j is accepted if r · q_j(w) < p_j(w)        r uniform in [0, 1), stream 0
///     else the next token is drawn from max(p_j − q_j, 0)        normalised, stream 1
///     if all are accepted it is drawn from p_g                   stream 1
///
/// The window must have been drawn from the very laws q, with uniforms that are independent of those of the verdict
/// (stream 2 is). A token that was not drawn but chosen has the law ``pointMass(_:vocabularySize:)``.
///
/// - Shapes: a window of g tokens, q `[g][vocabularySize]`, p `[g + 1][vocabularySize]`.
/// - Edge cases: where rounding leaves no residual the token is drawn from p, and the event is counted.
/// - Precision: Double; uniforms have 53 bits.
/// - Source: Leviathan et al. 2023 (arXiv:2211.17192); Chen et al. 2023 (arXiv:2302.01318).
package struct RatioTest: Sendable {
  /// What a uniform is for.
  package enum Stream: UInt32, Sendable, CaseIterable {
    case accept = 0
    case correction = 1
    case draft = 2
  }

  /// How much of a window was accepted, and the token that follows it.
  package struct Verdict: Sendable, Hashable {
    package var accepted: Int
    /// A correction, or a bonus if all of the window was accepted.
    package var next: Int

    package init(accepted: Int, next: Int) {
      self.accepted = accepted
      self.next = next
    }
  }

  /// Where the uniforms come from.
  package let seed: UInt64
  /// How often a rejection left no residual.
  package private(set) var emptyResiduals = 0

  package init(seed: UInt64) { self.seed = seed }

  // MARK: Drawing and verifying

  /// The uniform of a position and a stream.
  ///
  /// The last word of the counter is 1, where the noise of positions has 0.
  package func uniform(position: Int, stream: Stream) -> Double {
    let words = Philox.block(
      (
        UInt32(truncatingIfNeeded: position), stream.rawValue,
        UInt32(truncatingIfNeeded: UInt64(bitPattern: Int64(position)) >> 32), 1
      ),
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
    return Double(UInt64(words.0) << 21 | UInt64(words.1) >> 11) * 0x1p-53
  }

  /// The drafter's token for a position.
  ///
  /// - Throws: `badSetting` if `q` is no law.
  package func draft(from q: [Double], position: Int) throws(DecodingError) -> Int {
    try Self.check(q, "q", vocabularySize: q.count)
    return Self.draw(from: q, uniform(position: position, stream: .draft))
  }

  /// Verifies a window whose first token has the given position.
  ///
  /// - Throws: `badSetting` if shapes do not fit or a row is no law; `badToken` if a token has no place in it.
  package mutating func verify(
    _ window: [Int], target p: [[Double]], drafter q: [[Double]], position: Int
  ) throws(DecodingError) -> Verdict {
    let uniforms = self
    return try verify(window, target: p, drafter: q) {
      uniforms.uniform(position: position &+ $0, stream: $1)
    }
  }

  /// Verifies a window with the uniforms of its rows.
  ///
  /// - Throws: `badSetting` if shapes do not fit or a row is no law; `badToken` if a token has no place in it.
  package mutating func verify(
    _ window: [Int], target p: [[Double]], drafter q: [[Double]],
    uniform: (_ row: Int, _ stream: Stream) -> Double
  ) throws(DecodingError) -> Verdict {
    try Self.check(window, p, q)
    for (row, token) in window.enumerated() {
      let r = uniform(row, .accept)
      if Self.accepts(r, p: p[row][token], q: q[row][token]) { continue }
      let residual = Self.residual(p[row], q[row])
      if residual == nil { emptyResiduals += 1 }
      let next = Self.draw(from: residual ?? p[row], uniform(row, .correction))
      return Verdict(accepted: row, next: next)
    }
    let next = Self.draw(from: p[window.count], uniform(window.count, .correction))
    return Verdict(accepted: window.count, next: next)
  }

  // MARK: The parts

  /// r < p / q without dividing; never a token that the target excludes.
  package static func accepts(_ r: Double, p: Double, q: Double) -> Bool { p > 0 && r * q < p }

  /// max(p − q, 0), normalised; `nil` if nothing is left.
  package static func residual(_ p: [Double], _ q: [Double]) -> [Double]? {
    let left = zip(p, q).map { max($0 - $1, 0) }
    let sum = left.reduce(0, +)
    return sum > 0 ? left.map { $0 / sum } : nil
  }

  /// The first token at which the running sum exceeds u times the whole.
  package static func draw(from law: [Double], _ u: Double) -> Int {
    let target = u * law.reduce(0, +)
    var sum = 0.0
    var last = 0
    for (token, weight) in law.enumerated() where weight > 0 {
      sum += weight
      last = token
      if sum > target { break }
    }
    return last
  }

  /// The law of a token that was chosen.
  package static func pointMass(_ token: Int, vocabularySize: Int) -> [Double] {
    (0..<vocabularySize).map { $0 == token ? 1 : 0 }
  }

  // MARK: Checks

  private static func check(
    _ window: [Int], _ p: [[Double]], _ q: [[Double]]
  ) throws(DecodingError) {
    guard q.count == window.count, p.count == window.count + 1, let size = p.first?.count else {
      throw DecodingError(
        .badSetting,
        "a window of \(window.count) tokens has \(p.count) rows of p and \(q.count) of q, expected "
          + "\(window.count + 1) and \(window.count)",
        remedy: "give a row of p for every token and one behind the last")
    }
    for row in p { try check(row, "p", vocabularySize: size) }
    for row in q { try check(row, "q", vocabularySize: size) }
    for token in window where !(0..<size).contains(token) {
      throw DecodingError(
        .badToken, "the window has id \(token), expected ids from 0 to \(size - 1)",
        remedy: "draw the window from q")
    }
  }

  private static func check(
    _ law: [Double], _ name: String, vocabularySize: Int
  ) throws(DecodingError) {
    let sum = law.reduce(0, +)
    guard law.count == vocabularySize, law.allSatisfy({ $0 >= 0 }), abs(sum - 1) <= 1e-6 else {
      throw DecodingError(
        .badSetting,
        "a row of \(name) has \(law.count) entries with the sum \(sum), expected "
          + "\(vocabularySize), none negative, with the sum 1",
        remedy: "normalise it in Double after temperature and filters")
    }
  }
}
