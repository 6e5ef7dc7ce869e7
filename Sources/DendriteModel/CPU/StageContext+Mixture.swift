// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

/// Scratch memory of a mixture of experts; n is the capacity of the pass.
final class MixtureBuffers {
  /// Scores of the router, `[n, scoreStride]`.
  let scores: AlignedBuffer<Float>
  let scoreStride: Int
  /// Weights by expert, 0 for those that a row does not go through, `[n, scoreStride]`.
  let shares: AlignedBuffer<Float>
  /// What the expert whose turn it is gives to its rows, `[n, d]`.
  let output: AlignedBuffer<Float>

  init(
    capacity: Int, hiddenSize: Int, experts: ExpertConfiguration
  ) throws(ComputeError) {
    scoreStride = (experts.count + 15) / 16 * 16
    scores = try AlignedBuffer(zeroed: capacity * scoreStride)
    shares = try AlignedBuffer(zeroed: capacity * scoreStride)
    output = try AlignedBuffer(zeroed: capacity * hiddenSize)
  }
}

extension StageContext {
  /// A softmax over the scores of a row, of which the largest are kept; ties go to the lowest index.
  ///
  /// Weights are summed in ascending order of experts: all of them, or those that are kept where they are
  /// made to add up to 1. A score that is NaN is never chosen, and a row without choices becomes NaN.
  func chooseExperts(_ row: Int) {
    guard let own = buffers.mixture, case .mixture(let mixture) = weights.feedForward else {
      return
    }
    let experts = mixture.configuration
    let scores = own.scores.base + row * own.scoreStride
    let shares = own.shares.base + row * own.scoreStride
    if let bias = mixture.routerBias { kernels.add(scores, bias.base, count: experts.count) }
    var largest = -Float.infinity
    for expert in 0..<experts.count { largest = max(largest, scores[expert]) }
    var sum: Float = 0
    for expert in 0..<experts.count {
      shares[expert] = 0
      scores[expert] = ExactMath.exp2((scores[expert] - largest) * 1.442695)
      sum += scores[expert]
    }
    var kept: Float = 0
    for _ in 0..<experts.usedCount {
      var best = -1
      for expert in 0..<experts.count
      where shares[expert] == 0 && scores[expert] > (best < 0 ? 0 : scores[best]) { best = expert }
      guard best >= 0 else { break }
      shares[best] = scores[best]
    }
    for expert in 0..<experts.count { kept += shares[expert] }
    let total = experts.normalizesWeights ? kept : sum
    for expert in 0..<experts.count where shares[expert] > 0 { shares[expert] /= total }
    let delta = buffers.delta.base + row * model.hiddenSize
    for i in 0..<model.hiddenSize { delta[i] = kept > 0 && sum.isFinite ? 0 : .nan }
  }

  /// Lists the rows that go through an expert.
  ///
  /// - Returns: their number.
  func gather(expert: Int) -> Int {
    guard let own = buffers.mixture else { return 0 }
    self.expert = expert
    members.removeAll(keepingCapacity: true)
    for row in 0..<plan.rows.count where own.shares.base[row * own.scoreStride + expert] > 0 {
      members.append(row)
    }
    return members.count
  }

  /// The input of one of the expert's rows.
  func prepareMember(_ member: Int) {
    guard let (weights, rows) = network else { return }
    prepare(
      buffers.narrow, row: member, from: buffers.normed.base + members[member] * model.hiddenSize,
      columns: model.hiddenSize, for: weights.gate, weights.up, rows: rows)
  }

  /// Adds what the expert gives to one of its rows, by its weight.
  func addMember(_ member: Int) {
    guard let own = buffers.mixture else { return }
    let row = members[member]
    let share = own.shares.base[row * own.scoreStride + expert]
    let source = own.output.base + member * model.hiddenSize
    if let bias = network?.weights.biases?.down {
      kernels.add(source, bias.base, count: model.hiddenSize)
    }
    let delta = buffers.delta.base + row * model.hiddenSize
    for i in 0..<model.hiddenSize { delta[i] += share * source[i] }
  }
}
