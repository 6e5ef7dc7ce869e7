// SPDX-License-Identifier: Apache-2.0

/// Finds the token with the largest (l − l_max) / temperature + noise.
///
/// Over a whole vocabulary most of the work is noise for tokens that cannot win. Let B be the best
/// sum so far and d = B − (l − l_max) / temperature what a token's noise must reach. Two tests
/// leave it out, and both only when its sum is certainly below B, so the winner is the same:
///
/// 1. No noise exceeds `PositionNoise.upperBound`: skip if d is larger.
/// 2. The noise comes from u = 1 − (m + ½) · 2⁻²³ with an integer m. Since −log u ≥ 1 − u, noise of
///    at least d needs (m + ½) · 2⁻²³ ≤ e^−d; with e = ⌊d · log₂ e − 0.001⌋ it needs m < 2^(23 − e).
///    So an integer test leaves about one token in 2^e, and only those cost two logarithms.
package struct GumbelRace {
  private let noise: PositionNoise
  private let position: UInt32
  private let temperature: Double
  /// log₂ e / temperature.
  private let halvingsPerLogit: Double
  /// l_max.
  private let maximum: Double

  package init(noise: PositionNoise, position: UInt32, temperature: Double, maximum: Float) {
    self.noise = noise
    self.position = position
    self.temperature = temperature
    self.halvingsPerLogit = 1.4426950408889634 / temperature
    self.maximum = Double(maximum)
  }

  /// The winner among ranked candidates with l − l_max ≥ `minimum`.
  package func winner(of ranking: CandidateRanking, minimum: Double) -> Int {
    var lead = Lead()
    for rank in 0..<ranking.count {
      let deficit = Double(ranking.logit(at: rank)) - maximum
      // In descending order nothing after the first that is too small can pass.
      if rank > 0, !(deficit >= minimum) { break }
      let id = ranking.id(at: rank)
      lead.offer(id, sum(deficit, noise.gumbel(position: position, id: id)))
    }
    return lead.id
  }

  /// The winner among all tokens with l − l_max ≥ `minimum`.
  ///
  /// - Shapes: `logits` is `[vocabularySize]`.
  package func winner(of logits: UnsafeBufferPointer<Float>, minimum: Double) -> Int {
    var lead = Lead()
    guard let favourite = logits.firstIndex(of: Float(maximum)) else { return lead.id }
    lead.offer(favourite, sum(0, noise.gumbel(position: position, id: favourite)))

    // Four ids share a block of noise; the tests take the best score and the best noise of the four.
    let whole = logits.count & ~3
    for first in stride(from: 0, to: whole, by: 4) {
      let best = max(
        max(logits[first], logits[first + 1]), max(logits[first + 2], logits[first + 3]))
      let deficit = Double(best) - maximum
      let halvings = halvings(deficit, lead)
      guard halvings < 24, deficit >= minimum else { continue }
      let words = noise.words(position: position, group: UInt32(truncatingIfNeeded: first >> 2))
      let level = max(max(words.0, words.1), max(words.2, words.3)) >> 9
      guard mayReach(halvings, level) else { continue }
      offer(first, logits, words.0, minimum, to: &lead)
      offer(first + 1, logits, words.1, minimum, to: &lead)
      offer(first + 2, logits, words.2, minimum, to: &lead)
      offer(first + 3, logits, words.3, minimum, to: &lead)
    }
    for id in whole..<logits.count where Double(logits[id]) - maximum >= minimum {
      let deficit = Double(logits[id]) - maximum
      lead.offer(id, sum(deficit, noise.gumbel(position: position, id: id)))
    }
    return lead.id
  }

  /// The `count` best among ranked candidates with l − l_max ≥ `minimum`, best first.
  package func front(
    _ count: Int, of ranking: CandidateRanking, minimum: Double, into front: inout [Candidate]
  ) {
    front.removeAll(keepingCapacity: true)
    for rank in 0..<ranking.count {
      let deficit = Double(ranking.logit(at: rank)) - maximum
      if rank > 0, !(deficit >= minimum) { break }
      let id = ranking.id(at: rank)
      Self.offer(
        Candidate(id: id, score: sum(deficit, noise.gumbel(position: position, id: id))),
        to: &front, count)
    }
  }

  /// The `count` best among all tokens with l − l_max ≥ `minimum`, best first; ties by the lowest id.
  ///
  /// The winner is `winner(of:minimum:)`; the same tests spare most of the noise.
  package func front(
    _ count: Int, of logits: UnsafeBufferPointer<Float>, minimum: Double,
    into front: inout [Candidate]
  ) {
    front.removeAll(keepingCapacity: true)
    guard count > 0 else { return }
    var last = Lead()
    for first in stride(from: 0, to: logits.count, by: 4) {
      let end = min(first + 4, logits.count)
      var best = logits[first]
      for id in first + 1..<max(end, first + 1) { best = max(best, logits[id]) }
      let deficit = Double(best) - maximum
      guard deficit >= minimum, halvings(deficit, last) < 24 else { continue }
      let words = noise.words(position: position, group: UInt32(truncatingIfNeeded: first >> 2))
      for id in first..<end {
        let deficit = Double(logits[id]) - maximum
        let word =
          switch id & 3 {
          case 0: words.0
          case 1: words.1
          case 2: words.2
          default: words.3
          }
        let level = word >> 9
        guard deficit >= minimum, mayReach(halvings(deficit, last), level) else { continue }
        Self.offer(
          Candidate(id: id, score: sum(deficit, PositionNoise.gumbel(level: level))), to: &front,
          count)
        if front.count == count { last.sum = front[count - 1].score }
      }
    }
  }

  private static func offer(_ candidate: Candidate, to front: inout [Candidate], _ count: Int) {
    guard !candidate.score.isNaN else { return }
    var place = front.count
    while place > 0, front[place - 1] < candidate { place -= 1 }
    guard place < count else { return }
    front.insert(candidate, at: place)
    if front.count > count { front.removeLast() }
  }

  /// Lets a token race if its own score and noise pass the tests.
  private func offer(
    _ id: Int, _ logits: UnsafeBufferPointer<Float>, _ word: UInt32, _ minimum: Double,
    to lead: inout Lead
  ) {
    let deficit = Double(logits[id]) - maximum
    let level = word >> 9
    guard deficit >= minimum, mayReach(halvings(deficit, lead), level) else { return }
    lead.offer(id, sum(deficit, PositionNoise.gumbel(level: level)))
  }

  @inline(__always)
  private func sum(_ deficit: Double, _ noise: Float) -> Double {
    deficit / temperature + Double(noise)
  }

  /// d · log₂ e − 0.001; above 24 is past the noise's upper bound (16.636 · log₂ e = 24.0006).
  @inline(__always)
  private func halvings(_ deficit: Double, _ lead: Lead) -> Double {
    lead.sum * 1.4426950408889634 - deficit * halvingsPerLogit - 0.001
  }

  /// Test 2.
  @inline(__always)
  private func mayReach(_ halvings: Double, _ level: UInt32) -> Bool {
    guard halvings >= 1 else { return true }
    guard halvings < 24 else { return false }
    let distance = 0x7f_ffff - level  // m
    return distance >> (23 - UInt32(halvings)) == 0
  }

  /// The best sum so far; ties go to the lowest id.
  private struct Lead {
    var id = 0
    var sum = -Double.infinity

    @inline(__always)
    mutating func offer(_ candidate: Int, _ value: Double) {
      guard value > sum || (value == sum && candidate < id) else { return }
      id = candidate
      sum = value
    }
  }
}

/// A token in the race for a place.
package struct Candidate: Sendable, Hashable, Comparable {
  package var id: Int
  /// (l − l_max) / temperature plus noise; at temperature 0 just l − l_max.
  package var score: Double

  package init(id: Int, score: Double) {
    self.id = id
    self.score = score
  }

  /// Worse: a smaller score, or the same and a larger id.
  package static func < (a: Candidate, b: Candidate) -> Bool {
    a.score < b.score || (a.score == b.score && a.id > b.id)
  }
}
