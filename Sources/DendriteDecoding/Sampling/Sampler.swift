// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// Chooses tokens from scores: a function of scores, history and position, and of nothing else.
///
/// Asked twice about the same row the sampler answers the same, in whatever order rows come; so a
/// drafter, a verifier and plain decoding agree by construction. The steps and their formulas:
///
/// 1. Bias and penalties change scores: l ← l + bias, then ``Penalties``.
/// 2. Top-k keeps the k best, ties by the lowest id.
/// 3. Top-p keeps the shortest prefix of the ranking with Σ weight ≥ p · Z, in Double, where
///    weight = exp2F((l − l_max) · log₂ e) and Z sums the survivors of step 2 in ranking order, or,
///    where step 2 is off, all tokens as `SoftmaxWeights.sum` does.
/// 4. Min-p keeps l − l_max ≥ ln(minP), in Double.
/// 5. The token is the argmax over the survivors of (l − l_max) / temperature + g, in Double, where
///    g is the noise of (seed, choice, position, id); ties by the lowest id. (The normaliser of the
///    filtered distribution is the same for all and left out.) At temperature 0 it is the argmax
///    of l.
///
/// - Complexity: about 1 ns per token of the vocabulary; all memory is reserved by `init`.
/// - Edge cases: NaN never wins; a row without any finite score gives id 0. Models throw before.
/// - Source: ARCHITECTURE.md, promise 1; coupling by shared noise: Daliri, Musco, Suresh 2024
///   (arXiv:2408.07978). `ReferenceSampler` is the same without the haste.
public struct Sampler: Sendable {
  /// The settings, checked.
  public let settings: SamplerSettings
  /// The seed in use: the one of the settings, or the one that was drawn.
  public let seed: UInt64
  /// How many scores a row has.
  public let vocabularySize: Int
  /// The settings with the seed in use: another sampler with these chooses the same.
  package var settingsInUse: SamplerSettings {
    var settings = settings
    settings.seed = seed
    return settings
  }

  private let noise: PositionNoise
  private let bias: [(id: Int, value: Float)]
  /// ln(minP), or −∞.
  private let minimumDeficit: Double
  /// Scores after bias and penalties, `[vocabularySize]`; empty if neither is asked for.
  private var adjusted: [Float]
  private var occurrences: Occurrences
  private var ranking: CandidateRanking

  /// Checks the settings and reserves all memory.
  ///
  /// - Throws: `badSetting`.
  public init(_ settings: SamplerSettings, vocabularySize: Int) throws(DecodingError) {
    precondition(vocabularySize > 0, "a vocabulary of \(vocabularySize) tokens")
    try settings.validate(vocabularySize: vocabularySize)
    self.settings = settings
    self.vocabularySize = vocabularySize
    seed = settings.seed ?? UInt64.random(in: .min ... .max)
    noise = PositionNoise(seed: seed, choice: settings.choice)
    bias = settings.logitBias.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    if let minP = settings.minP, minP.isNormal {
      minimumDeficit = ExactMath.log(minP)
    } else {
      minimumDeficit = -.infinity
    }
    let penalises = !settings.penalties.areNeutral
    adjusted = bias.isEmpty && !penalises ? [] : [Float](repeating: 0, count: vocabularySize)
    occurrences = Occurrences(vocabularySize: penalises ? vocabularySize : 0)
    ranking = CandidateRanking(
      capacity: Self.rankingCapacity(settings, vocabularySize), vocabularySize: vocabularySize)
  }

  /// Chooses the token that follows a history.
  ///
  /// - Parameters:
  ///   - logits: `[vocabularySize]`, scores before softmax.
  ///   - history: the tokens before the new one; read only if penalties are on.
  ///   - position: the new token's place in the history, which keys the noise.
  /// - Returns: the token and its log-probability.
  public mutating func sample(
    _ logits: UnsafeBufferPointer<Float>, history: some BidirectionalCollection<Int>, position: Int
  ) -> SampledToken {
    precondition(
      logits.count == vocabularySize, "\(logits.count) logits, expected \(vocabularySize)")
    let maximum = SoftmaxWeights.maximum(of: logits)
    let id: Int
    if adjusted.isEmpty {
      id = choose(from: logits, maximum: maximum, position: position)
    } else {
      adjust(logits, history: history)
      id = withAdjusted { sampler, logits in
        sampler.choose(
          from: logits, maximum: SoftmaxWeights.maximum(of: logits), position: position)
      }
    }
    let sum = SoftmaxWeights.sum(of: logits, maximum: maximum.value)
    return SampledToken(
      id: id,
      logProbability: Self.logProbability(of: logits[id], maximum: maximum.value, sum: sum))
  }

  /// The tokens that come nearest to being chosen, best first; the first is what `sample` chooses.
  ///
  /// For whoever prepares for several outcomes. Tokens that the filters leave out are not among them.
  ///
  /// - Parameters:
  ///   - logits: `[vocabularySize]`, or the first of them; those that are missing cannot be chosen.
  ///   - history: the tokens before the new one; read only if penalties are on.
  ///   - position: the new token's place in the history, which keys the noise.
  ///   - count: how many are wanted.
  ///   - candidates: overwritten.
  package mutating func rankCandidates(
    _ logits: UnsafeBufferPointer<Float>, history: some BidirectionalCollection<Int>,
    position: Int, count: Int, into candidates: inout [Candidate]
  ) {
    candidates.removeAll(keepingCapacity: true)
    guard count > 0, !logits.isEmpty, logits.count <= vocabularySize else { return }
    if adjusted.isEmpty {
      front(count, of: logits, position: position, into: &candidates)
    } else {
      adjust(logits, history: history)
      let known = logits.count
      withAdjusted { sampler, logits in
        sampler.front(
          count, of: UnsafeBufferPointer(rebasing: logits[..<known]), position: position,
          into: &candidates)
      }
    }
  }

  private mutating func front(
    _ count: Int, of logits: UnsafeBufferPointer<Float>, position: Int,
    into candidates: inout [Candidate]
  ) {
    let maximum = SoftmaxWeights.maximum(of: logits).value
    guard maximum.isFinite else { return }
    guard settings.temperature > 0 else {
      var best = CandidateRanking(capacity: min(count, logits.count), vocabularySize: logits.count)
      best.select(min(count, logits.count), of: logits)
      for rank in 0..<best.count {
        candidates.append(
          Candidate(
            id: best.id(at: rank), score: Double(best.logit(at: rank)) - Double(maximum)))
      }
      return
    }
    let race = GumbelRace(
      noise: noise, position: UInt32(truncatingIfNeeded: position),
      temperature: settings.temperature, maximum: maximum)
    guard settings.topK != nil || settings.topP != nil else {
      return race.front(count, of: logits, minimum: minimumDeficit, into: &candidates)
    }
    rank(logits, maximum: maximum)
    race.front(count, of: ranking, minimum: minimumDeficit, into: &candidates)
  }

  // MARK: Steps

  /// Fills `adjusted` with biased and penalised scores.
  private mutating func adjust(
    _ logits: UnsafeBufferPointer<Float>, history: some BidirectionalCollection<Int>
  ) {
    let bias = bias
    let penalties = settings.penalties
    adjusted.withUnsafeMutableBufferPointer { adjusted in
      _ = adjusted.update(fromContentsOf: logits)
      for (id, value) in bias where id < logits.count { adjusted[id] += value }
      occurrences.forEach(in: history, window: penalties.window) { id, count in
        adjusted[id] = penalties.apply(to: adjusted[id], count: count)
      }
    }
  }

  /// Runs a step over `adjusted`, which moves out of the sampler meanwhile instead of being copied.
  private mutating func withAdjusted<Result>(
    _ body: (inout Sampler, UnsafeBufferPointer<Float>) -> Result
  ) -> Result {
    var scores: [Float] = []
    swap(&scores, &adjusted)
    defer { swap(&scores, &adjusted) }
    return scores.withUnsafeBufferPointer { body(&self, $0) }
  }

  private mutating func choose(
    from logits: UnsafeBufferPointer<Float>, maximum: (value: Float, index: Int), position: Int
  ) -> Int {
    guard settings.temperature > 0 else { return max(0, maximum.index) }
    let maximum = maximum.value
    let race = GumbelRace(
      noise: noise, position: UInt32(truncatingIfNeeded: position),
      temperature: settings.temperature, maximum: maximum)
    guard settings.topK != nil || settings.topP != nil else {
      return race.winner(of: logits, minimum: minimumDeficit)
    }
    rank(logits, maximum: maximum)
    return race.winner(of: ranking, minimum: minimumDeficit)
  }

  /// Top-k and top-p: leaves the survivors in `ranking`.
  private mutating func rank(_ logits: UnsafeBufferPointer<Float>, maximum: Float) {
    if let topK = settings.topK {
      ranking.select(min(topK, logits.count), of: logits)
      guard let topP = settings.topP, topP < 1 else { return }
      var total = 0.0
      for rank in 0..<ranking.count {
        total += Double(SoftmaxWeights.weight(ranking.logit(at: rank), maximum: maximum))
      }
      if let nucleus = nucleus(reaching: topP * total, maximum: maximum) {
        ranking.truncate(to: nucleus)
      }
    } else if let topP = settings.topP {
      let target = topP * SoftmaxWeights.sum(of: logits, maximum: maximum)
      // Nuclei are small as a rule: rank a few, and more only if they do not suffice.
      var count = 32
      while true {
        ranking.select(min(count, logits.count), of: logits)
        if let nucleus = nucleus(reaching: target, maximum: maximum) {
          return ranking.truncate(to: nucleus)
        }
        guard count < logits.count else { return }
        count = count < CandidateRanking.longestHeap ? count * 8 : logits.count
      }
    }
  }

  /// The length of the shortest prefix of the ranking whose weights reach `target`.
  private func nucleus(reaching target: Double, maximum: Float) -> Int? {
    var sum = 0.0
    for rank in 0..<ranking.count {
      sum += Double(SoftmaxWeights.weight(ranking.logit(at: rank), maximum: maximum))
      if sum >= target { return rank + 1 }
    }
    return nil
  }

  /// log p = l − l_max − log Z.
  package static func logProbability(of logit: Float, maximum: Float, sum: Double) -> Float {
    guard sum.isNormal, sum > 0 else { return .nan }
    return Float(Double(logit) - Double(maximum) - ExactMath.log(sum))
  }

  private static func rankingCapacity(_ settings: SamplerSettings, _ vocabularySize: Int) -> Int {
    guard settings.temperature > 0 else { return 0 }
    if let topK = settings.topK { return min(topK, vocabularySize) }
    return settings.topP == nil ? 0 : vocabularySize
  }
}
