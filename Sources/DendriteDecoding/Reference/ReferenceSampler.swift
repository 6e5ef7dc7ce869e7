// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// The specification of ``Sampler``: every step in full, written for reading.
///
/// It sorts the whole vocabulary and computes every token's noise. The fast sampler must return the
/// same id for every row; test `the fast sampler chooses what the reference chooses`.
package struct ReferenceSampler {
  package let settings: SamplerSettings
  package let seed: UInt64

  package init(_ settings: SamplerSettings, seed: UInt64) {
    self.settings = settings
    self.seed = seed
  }

  /// A token that may still be chosen.
  package struct Candidate {
    package var id: Int
    package var logit: Float
    /// exp2F((l − l_max) · log₂ e).
    package var weight: Double
  }

  /// The tokens that pass all filters, most probable first, ties by the lowest id.
  package func candidates(_ logits: [Float], history: [Int]) -> [Candidate] {
    let scores = adjusted(logits, history: history)
    let maximum = scores.max() ?? 0
    let all = scores.indices.map { id in
      Candidate(
        id: id, logit: scores[id],
        weight: Double(ExactMath.exp2((scores[id] - maximum) * SoftmaxWeights.log2E)))
    }
    var kept = all.sorted { ($0.logit, $1.id) > ($1.logit, $0.id) }
    if let topK = settings.topK {
      kept = Array(kept.prefix(topK))
    }
    if let topP = settings.topP {
      let total = settings.topK == nil ? sumByLanes(all) : kept.reduce(0) { $0 + $1.weight }
      var sum = 0.0
      var nucleus = 0
      while nucleus < kept.count {
        sum += kept[nucleus].weight
        nucleus += 1
        if sum >= topP * total { break }
      }
      kept = Array(kept.prefix(nucleus))
    }
    if let minP = settings.minP, minP.isNormal {
      kept = kept.filter { Double($0.logit) - Double(maximum) >= ExactMath.log(minP) }
    }
    return kept
  }

  /// The token that follows the history, and its log-probability before any change.
  package func sample(_ logits: [Float], history: [Int], position: Int) -> SampledToken {
    let id = chosen(logits, history: history, position: position)
    let maximum = logits.max() ?? 0
    let sum = sumByLanes(
      logits.indices.map { id in
        Candidate(
          id: id, logit: logits[id],
          weight: Double(ExactMath.exp2((logits[id] - maximum) * SoftmaxWeights.log2E)))
      })
    let logProbability = Double(logits[id]) - Double(maximum) - ExactMath.log(sum)
    return SampledToken(id: id, logProbability: Float(logProbability))
  }

  private func chosen(_ logits: [Float], history: [Int], position: Int) -> Int {
    guard settings.temperature > 0 else {
      let scores = adjusted(logits, history: history)
      return scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
    }
    let noise = PositionNoise(seed: seed, choice: settings.choice)
    let candidates = candidates(logits, history: history)
    let maximum = Double(candidates[0].logit)
    let sums = candidates.map { candidate in
      (Double(candidate.logit) - maximum) / settings.temperature
        + Double(noise.gumbel(position: UInt32(position), id: candidate.id))
    }
    var best = 0
    for index in candidates.indices {
      let isTie = sums[index] == sums[best] && candidates[index].id < candidates[best].id
      if sums[index] > sums[best] || isTie { best = index }
    }
    return candidates[best].id
  }

  /// Scores after bias and penalties.
  private func adjusted(_ logits: [Float], history: [Int]) -> [Float] {
    var scores = logits
    for (id, bias) in settings.logitBias { scores[id] += bias }
    guard !settings.penalties.areNeutral else { return scores }
    let window =
      switch settings.penalties.window {
      case .last(let count): history.suffix(count)
      case .all: history[...]
      }
    for id in Set(window) where scores.indices.contains(id) {
      let count = window.count { $0 == id }
      let l = Double(scores[id])
      let repeated = l > 0 ? l / settings.penalties.repetition : l * settings.penalties.repetition
      let taken = Double(count) * settings.penalties.frequency + settings.penalties.presence
      scores[id] = Float(repeated - taken)
    }
    return scores
  }

  /// Weights in eight lanes by id.
  private func sumByLanes(_ candidates: [Candidate]) -> Double {
    var lanes = [Double](repeating: 0, count: 8)
    for candidate in candidates { lanes[candidate.id % 8] += candidate.weight }
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
      + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
  }
}
