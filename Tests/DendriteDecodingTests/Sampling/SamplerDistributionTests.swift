// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite(.tags(.sameDistribution)) struct SamplerDistributionTests {
  static let settings: [SamplerSettings] = [
    .pure(temperature: 1),
    .pure(temperature: 0.5),
    .pure(temperature: 2.5),
    SamplerSettings(temperature: 1, topK: 8, topP: nil, minP: nil),
    SamplerSettings(temperature: 1, topK: nil, topP: 0.8, minP: nil),
    SamplerSettings(temperature: 0.7, topK: nil, topP: nil, minP: 0.1),
    SamplerSettings(),
  ]

  /// The law that the settings ask for, by the formulas of the documentation.
  static func law(_ settings: SamplerSettings, _ logits: [Float]) -> [Double] {
    var law = [Double](repeating: 0, count: logits.count)
    let candidates = ReferenceSampler(settings, seed: 0).candidates(logits, history: [])
    let maximum = Double(candidates[0].logit)
    let weights = candidates.map {
      ExactMath.exp((Double($0.logit) - maximum) / settings.temperature)
    }
    let sum = weights.reduce(0, +)
    for (candidate, weight) in zip(candidates, weights) { law[candidate.id] = weight / sum }
    return law
  }

  @Test(arguments: settings.indices, [UInt64(1), 20_261])
  func `frequencies over positions follow the exact law`(setting: Int, seed: UInt64) throws {
    var settings = Self.settings[setting]
    settings.seed = seed
    var random = SeededGenerator(seed: Int(seed))
    let logits = (0..<37).map { _ in random.normal() * 1.5 }
    var sampler = try Sampler(settings, vocabularySize: logits.count)
    var counts = [Int](repeating: 0, count: logits.count)
    for position in 0..<6_000 {
      let token = logits.withUnsafeBufferPointer {
        sampler.sample($0, history: [], position: position)
      }
      counts[token.id] += 1
    }
    let test = ChiSquare(observed: counts, probabilities: Self.law(settings, logits))
    #expect(test.impossible == 0)
    #expect(test.degreesOfFreedom >= 1)
    #expect(test.statistic < test.limit, "\(test.statistic) of \(test.degreesOfFreedom)")
  }

  @Test func `frequencies over choices follow the exact law`() throws {
    var random = SeededGenerator(seed: 8)
    let logits = (0..<20).map { _ in random.normal() }
    var counts = [Int](repeating: 0, count: logits.count)
    var settings = SamplerSettings.pure(temperature: 1, seed: 3)
    for choice in 0..<6_000 {
      settings.choice = UInt32(choice)
      var sampler = try Sampler(settings, vocabularySize: logits.count)
      let token = logits.withUnsafeBufferPointer { sampler.sample($0, history: [], position: 5) }
      counts[token.id] += 1
    }
    let test = ChiSquare(observed: counts, probabilities: Self.law(settings, logits))
    #expect(test.statistic < test.limit, "\(test.statistic) of \(test.degreesOfFreedom)")
  }

  @Test func `neighbouring positions are independent`() throws {
    let logits: [Float] = [0, 0, 0, 0]
    var sampler = try Sampler(.pure(temperature: 1, seed: 77), vocabularySize: 4)
    let ids = (0..<6_001).map { position in
      logits.withUnsafeBufferPointer { sampler.sample($0, history: [], position: position).id }
    }
    var pairs = [Int](repeating: 0, count: 16)
    for (first, second) in zip(ids, ids.dropFirst()) { pairs[first * 4 + second] += 1 }
    let law = [Double](repeating: 1 / 16, count: 16)
    let test = ChiSquare(observed: pairs, probabilities: law)
    #expect(test.statistic < test.limit)
  }

  @Test func `the test itself notices a wrong law`() throws {
    let logits: [Float] = [0, 0.1, 0.2, 0.3]
    var sampler = try Sampler(.pure(temperature: 1, seed: 2), vocabularySize: 4)
    var counts = [0, 0, 0, 0]
    for position in 0..<6_000 {
      counts[
        logits.withUnsafeBufferPointer { sampler.sample($0, history: [], position: position).id }] +=
        1
    }
    let test = ChiSquare(observed: counts, probabilities: [0.25, 0.25, 0.25, 0.25])
    #expect(test.statistic > test.limit)
  }
}
