// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDecoding
import DendriteTestSupport
import Testing

@Suite struct SamplerTests {
  /// Settings that between them take every path of the sampler.
  static let settings: [SamplerSettings] = [
    .greedy,
    .pure(temperature: 1),
    .pure(temperature: 0.05),
    .pure(temperature: 30),
    SamplerSettings(),
    SamplerSettings(temperature: 1, topK: 1, topP: nil, minP: nil),
    SamplerSettings(temperature: 1.3, topK: 7, topP: nil, minP: nil),
    SamplerSettings(temperature: 2, topK: 5_000, topP: nil, minP: nil),
    SamplerSettings(temperature: 1, topK: nil, topP: 0.9, minP: nil),
    SamplerSettings(temperature: 1, topK: nil, topP: 0.999_999, minP: nil),
    SamplerSettings(temperature: 1, topK: nil, topP: 1, minP: nil),
    SamplerSettings(temperature: 1, topK: nil, topP: 1e-9, minP: nil),
    SamplerSettings(temperature: 1.5, topK: nil, topP: nil, minP: 0.02),
    SamplerSettings(temperature: 1, topK: nil, topP: nil, minP: 1),
    SamplerSettings(temperature: 1, topK: 50, topP: 0.8, minP: 0.1),
    SamplerSettings(
      temperature: 0, topK: nil, topP: nil, minP: nil,
      penalties: Penalties(repetition: 1.3, presence: 0.5, frequency: 0.2, window: .last(16)),
      logitBias: [0: 3, 2: -5]),
    SamplerSettings(
      temperature: 0.9, topK: nil, topP: 0.95, minP: 0.01,
      penalties: Penalties(repetition: 1.1, frequency: 0.3, window: .all),
      logitBias: [1: -.infinity, 2: 4], choice: 3),
  ]

  @Test(.tags(.sameText), arguments: settings.indices, [1, 2, 3, 8, 61, 603])
  func `the fast sampler chooses what the reference chooses`(
    setting: Int, vocabularySize: Int
  ) throws {
    for seed in UInt64(0)..<8 {
      var random = SeededGenerator(seed: Int(seed) * 1_000_003 + vocabularySize)
      var logits = random.logits(count: vocabularySize)
      if seed % 3 == 1 { logits = logits.map { ($0 * 2).rounded() / 2 } }  // many ties
      if seed % 6 == 5 { logits = logits.map { _ in 0 } }  // nothing but ties
      let history = (0..<40).map { _ in Int(random.next() % UInt64(vocabularySize)) }
      var settings = Self.settings[setting]
      settings.seed = random.next()
      settings.logitBias = settings.logitBias.filter { $0.key < vocabularySize }
      if vocabularySize <= 3 { settings.logitBias[1] = nil }
      var sampler = try Sampler(settings, vocabularySize: vocabularySize)
      let reference = ReferenceSampler(settings, seed: sampler.seed)
      for position in [40, 70_000] {
        let fast = logits.withUnsafeBufferPointer {
          sampler.sample($0, history: history, position: position)
        }
        let plain = reference.sample(logits, history: history, position: position)
        #expect(fast == plain, "setting \(setting) seed \(seed) position \(position)")
      }
    }
  }

  @Test(.tags(.sameText), arguments: [UInt64(1), 2, 3])
  func `noise left out over a large vocabulary never changes the winner`(seed: UInt64) throws {
    var random = SeededGenerator(seed: Int(seed))
    let logits = random.logits(count: 9_001, spread: Float(seed))
    for temperature in [0.3, 1, 4] {
      var sampler = try Sampler(.pure(temperature: temperature, seed: seed), vocabularySize: 9_001)
      let noise = PositionNoise(seed: seed, choice: 0)
      let maximum = Double(try #require(logits.max()))
      for position in [0, 17] {
        let id = logits.withUnsafeBufferPointer {
          sampler.sample($0, history: [], position: position).id
        }
        let sums = logits.indices.map {
          (Double(logits[$0]) - maximum) / temperature
            + Double(noise.gumbel(position: UInt32(position), id: $0))
        }
        #expect(id == sums.firstIndex(of: sums.max() ?? 0))
      }
    }
  }

  @Test func `asked twice the sampler answers the same`() throws {
    var random = SeededGenerator(seed: 9)
    let rows = (0..<20).map { _ in random.logits(count: 300) }
    var sampler = try Sampler(SamplerSettings(seed: 4), vocabularySize: 300)
    func ids(_ order: some Sequence<Int>) -> [Int: Int] {
      var ids: [Int: Int] = [:]
      for index in order {
        ids[index] = rows[index].withUnsafeBufferPointer {
          sampler.sample($0, history: [], position: index).id
        }
      }
      return ids
    }
    #expect(ids(rows.indices) == ids(rows.indices.reversed()))
  }

  @Test func `greedy takes the lowest id among equals`() throws {
    var sampler = try Sampler(.greedy, vocabularySize: 12)
    let logits: [Float] = [-1, 0, 2, 1, 2, 2, -0.0, 0, 1, 2, 0, 2]
    let token = logits.withUnsafeBufferPointer { sampler.sample($0, history: [], position: 0) }
    #expect(token.id == 2)
  }

  @Test func `the log-probability is the model's own, whatever the filters`() throws {
    var random = SeededGenerator(seed: 3)
    let logits = random.logits(count: 777)
    let maximum = try #require(logits.max())
    let sum = logits.reduce(0) { $0 + ExactMath.exp(Double($1 - maximum)) }
    for setting in Self.settings {
      var settings = setting
      settings.seed = 11
      var sampler = try Sampler(settings, vocabularySize: 777)
      let token = logits.withUnsafeBufferPointer {
        sampler.sample($0, history: [1, 2, 3], position: 3)
      }
      let expected = Double(logits[token.id] - maximum) - ExactMath.log(sum)
      #expect(abs(Double(token.logProbability) - expected) < 2e-6)
    }
  }

  @Test func `rows that no model returns do not trap`() throws {
    let rows: [[Float]] = [
      [Float](repeating: .nan, count: 40),
      [Float](repeating: -.infinity, count: 40),
      [Float](repeating: .infinity, count: 40),
      (0..<40).map { $0 == 3 ? .nan : Float($0) },
      (0..<40).map { $0 % 2 == 0 ? .nan : -.infinity },
      (0..<40).map { $0 == 3 ? .greatestFiniteMagnitude : -.greatestFiniteMagnitude },
    ]
    for setting in Self.settings {
      var sampler = try Sampler(setting, vocabularySize: 40)
      for row in rows {
        let token = row.withUnsafeBufferPointer {
          sampler.sample($0, history: [-5, 3, 99, Int.max], position: 4)
        }
        #expect((0..<40).contains(token.id))
        #expect(!(row[3].isNaN && row[4] == 4) || token.id != 3)
      }
    }
  }

  @Test func `a forbidden token never comes`() throws {
    let settings = SamplerSettings(
      temperature: 5, topK: nil, topP: nil, minP: nil, logitBias: [1: -.infinity], seed: 1)
    var sampler = try Sampler(settings, vocabularySize: 3)
    let logits: [Float] = [0, 20, 0]
    for position in 0..<500 {
      let token = logits.withUnsafeBufferPointer {
        sampler.sample($0, history: [], position: position)
      }
      #expect(token.id != 1)
    }
  }

  @Test func `a seed that is not given is drawn and reported`() throws {
    let first = try Sampler(SamplerSettings(), vocabularySize: 4)
    let second = try Sampler(SamplerSettings(), vocabularySize: 4)
    #expect(first.seed != second.seed)
    #expect(try Sampler(SamplerSettings(seed: 42), vocabularySize: 4).seed == 42)
  }
}
