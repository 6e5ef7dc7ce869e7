// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Testing

/// The policy on machines whose costs are known: simulated, so that the answer can be computed.
@Suite struct DraftLengthPolicyTests {
  /// What a pass of so many rows costs.
  enum Machine: String, CaseIterable, Sendable {
    case memoryBound, twoRegimes, arithmeticBound, steep

    func cost(_ rows: Int) -> Double {
      let more = Double(rows - 1)
      return switch self {
      case .memoryBound: 1 + 0.02 * more
      case .twoRegimes: 1 + 0.05 * more + 0.2 * max(0, more - 7)
      case .arithmeticBound: 1 + 0.55 * more
      case .steep: 1 + 1.1 * more
      }
    }
  }

  private struct Outcome {
    var tokens = 0.0
    var time = 0.0
    var rate: Double { tokens / time }
  }

  /// Rounds of a reply in which each guess is right with a chance.
  private func simulate(
    _ machine: Machine, chance: Double, rounds: Int, seed: Int, fixed: Int? = nil,
    noise: Double = 0.1
  ) -> Outcome {
    var policy = DraftLengthPolicy(longest: 24)
    var random = SeededGenerator(seed: seed)
    var outcome = Outcome()
    for _ in 0..<rounds {
      let length = fixed ?? policy.draftLength(atMost: 24)
      var accepted = 0
      while accepted < max(length, 8), Double(random.below(1_000)) < chance * 1_000 {
        accepted += 1
      }
      let time =
        machine.cost(length + 1) * (1 + noise * (Double(random.below(2_000)) / 1_000 - 1))
      policy.observe(rows: length + 1, seconds: time)
      // Where nothing is staked a shadow of eight shows the same.
      let made = length > 0 ? length : 8
      policy.observe(accepted: min(accepted, made), of: made)
      outcome.tokens += Double(min(accepted, length) + 1)
      outcome.time += time
    }
    return outcome
  }

  @Test(arguments: Machine.allCases, [0.0, 0.05, 0.3, 0.6, 0.9, 0.99])
  func `it comes near the best fixed length and stays above plain decoding`(
    machine: Machine, chance: Double
  ) {
    for seed in 1...3 {
      let automatic = simulate(machine, chance: chance, rounds: 600, seed: seed).rate
      let plain = simulate(machine, chance: chance, rounds: 600, seed: seed, fixed: 0).rate
      var best = 0.0
      for length in 0...24 {
        best = max(
          best, simulate(machine, chance: chance, rounds: 600, seed: seed, fixed: length).rate)
      }
      #expect(automatic >= 0.95 * plain, "\(machine), \(chance): \(automatic) of \(plain)")
      #expect(automatic >= 0.85 * best, "\(machine), \(chance): \(automatic) of \(best)")
    }
  }

  @Test func `nothing is staked before a plain pass was seen`() {
    var policy = DraftLengthPolicy()
    policy.observe(accepted: 8, of: 8)
    #expect(policy.draftLength(atMost: 8) == 0)
    policy.observe(rows: 1, seconds: 0.01)
    #expect(policy.draftLength(atMost: 8) > 0)
    #expect(policy.draftLength(atMost: 0) == 0)
    #expect(policy.draftLength(atMost: 1) == 1)
  }

  @Test func `a text that changes its kind changes the length`() {
    var policy = DraftLengthPolicy(longest: 24)
    for rows in 1...25 {
      policy.observe(rows: rows, seconds: Machine.twoRegimes.cost(rows))
    }
    for _ in 0..<60 { policy.observe(accepted: 0, of: 8) }
    #expect(policy.draftLength(atMost: 24) == 0)
    for _ in 0..<60 { policy.observe(accepted: 24, of: 24) }
    #expect(policy.draftLength(atMost: 24) == 7)
    for _ in 0..<60 { policy.observe(accepted: 0, of: 8) }
    #expect(policy.draftLength(atMost: 24) == 0)
  }

  @Test func `a first pass that was interrupted does not end guessing`() {
    var policy = DraftLengthPolicy(longest: 24)
    policy.observe(rows: 1, seconds: 1)
    policy.observe(rows: 2, seconds: 1_000)
    #expect(policy.cost(rows: 2) < 4)
    for _ in 0..<30 {
      policy.observe(accepted: 8, of: 8)
      policy.observe(rows: 2, seconds: 1.05)
    }
    #expect(policy.draftLength(atMost: 24) > 0)
  }

  @Test func `costs between measured ones lie on the line, and one slow pass is not believed`() {
    var policy = DraftLengthPolicy(longest: 24)
    policy.observe(rows: 1, seconds: 1)
    policy.observe(rows: 5, seconds: 3)
    #expect(policy.cost(rows: 3) == 2)
    #expect(policy.cost(rows: 9) == 5)
    policy.observe(rows: 1, seconds: 1_000)
    #expect(policy.cost(rows: 1) == 1.25)
    policy.observe(rows: 30, seconds: 1)
    policy.observe(rows: 0, seconds: 1)
    policy.observe(rows: 2, seconds: 0)
    #expect(policy.cost(rows: 5) == 3)
  }
}
