// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import Testing

/// Shares of hits and their intervals.
@Suite struct ShareTests {
  // Wilson's interval for single groups, from its closed form.
  @Test(arguments: [
    (5, 10, 0.2366, 0.7634), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662),
  ])
  func `trials of one group have Wilson's interval`(
    hits: Int, trials: Int, lower: Double, upper: Double
  ) throws {
    let share = try #require(Statistics.share([(hits: hits, trials: trials)]))
    let interval = try #require(share.interval)
    #expect(share.value == Double(hits) / Double(trials))
    #expect(abs(interval.lower - lower) < 1e-4 && abs(interval.upper - upper) < 1e-4)
    #expect(interval.confidence == 0.95)
  }

  @Test func `groups that are all alike or all different say less than independent trials`() throws
  {
    func width(_ groups: [(hits: Int, trials: Int)]) throws -> Double {
      let interval = try #require(Statistics.share(groups)?.interval)
      return interval.upper - interval.lower
    }
    let single = try width([(50, 100)])
    let even = try width(Array(repeating: (5, 10), count: 10))
    let apart = try width(
      Array(repeating: (10, 10), count: 5) + Array(repeating: (0, 10), count: 5))
    #expect(even == single)
    #expect(apart > 2.5 * single)
  }

  @Test func `without trials there is no share`() {
    #expect(Statistics.share([]) == nil)
    #expect(Statistics.share([(hits: 0, trials: 0)]) == nil)
    #expect(Statistics.share([(hits: 0, trials: 0), (hits: 1, trials: 2)])?.value == 0.5)
  }
}
