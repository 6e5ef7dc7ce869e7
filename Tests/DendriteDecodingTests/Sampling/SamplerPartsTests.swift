// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite struct SamplerPartsTests {
  @Test(arguments: [0, 1, 7, 8, 9, 31, 1_000])
  func `sum and maximum take every score once`(count: Int) {
    var random = SeededGenerator(seed: count)
    let logits = (0..<count).map { _ in random.normal() * 4 }
    let (maximum, index) = logits.withUnsafeBufferPointer { SoftmaxWeights.maximum(of: $0) }
    #expect(maximum == logits.max() ?? -.infinity)
    #expect(index == logits.firstIndex(of: maximum) ?? -1)
    let sum = logits.withUnsafeBufferPointer { SoftmaxWeights.sum(of: $0, maximum: maximum) }
    let plain = logits.reduce(0) { $0 + ExactMath.exp(Double($1) - Double(maximum)) }
    #expect(abs(sum - plain) <= 1e-5 * plain)
    var lanes = [Double](repeating: 0, count: 8)
    for (id, logit) in logits.enumerated() {
      lanes[id % 8] += Double(SoftmaxWeights.weight(logit, maximum: maximum))
    }
    let folded =
      ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
      + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    #expect(sum.bitPattern == folded.bitPattern)
    #expect(abs(Double(SoftmaxWeights.log2E) - 1.4426950408889634) < 6e-8)
  }

  @Test(arguments: [1, 2, 3, 10, 63, 64, 65, 500], [1, 2, 5, 33, 64, 500])
  func `a ranking is the front of a full sort`(vocabularySize: Int, count: Int) {
    var random = SeededGenerator(seed: vocabularySize * 1_000 + count)
    var ranking = CandidateRanking(capacity: count, vocabularySize: vocabularySize)
    for round in 0..<4 {
      var logits = random.logits(count: vocabularySize)
      if round == 1 { logits = logits.map { $0.rounded() } }
      if round == 2 { logits = logits.map { $0 < 0 ? -0.0 : 0 } }
      if round == 3 { logits = logits.map { $0 < 0 ? -.infinity : $0 } }
      logits.withUnsafeBufferPointer { ranking.select(count, of: $0) }
      let sorted = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }
      let front = Array(sorted.prefix(count))
      #expect((0..<ranking.count).map { ranking.id(at: $0) } == front)
      #expect((0..<ranking.count).map { ranking.logit(at: $0) } == front.map { logits[$0] })
    }
  }

  @Test func `penalties follow their formula`() {
    let penalties = Penalties(repetition: 2, presence: 0.5, frequency: 0.25)
    #expect(penalties.apply(to: 3, count: 0) == 3)
    #expect(penalties.apply(to: 3, count: 2) == 0.5)  // 3 / 2 − (2 · 0.25 + 0.5)
    #expect(penalties.apply(to: -3, count: 1) == -6.75)  // −3 · 2 − (1 · 0.25 + 0.5)
  }

  @Test func `only the window is penalised`() throws {
    var settings = SamplerSettings.greedy
    settings.penalties = Penalties(presence: 10, window: .last(2))
    var sampler = try Sampler(settings, vocabularySize: 4)
    let logits: [Float] = [5, 4, 3, 2]
    func best(after history: [Int]) -> Int {
      logits.withUnsafeBufferPointer {
        sampler.sample($0, history: history, position: history.count).id
      }
    }
    #expect(best(after: []) == 0)
    #expect(best(after: [0]) == 1)
    #expect(best(after: [0, 1]) == 2)
    #expect(best(after: [0, 1, 2]) == 0)
    #expect(best(after: [0, 3, 3]) == 0)
  }
}
