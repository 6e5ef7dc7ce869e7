// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import DendriteTestSupport
import Testing

@Suite struct StatisticsTests {
  @Test func `the median is the middle sample, or between the two middle ones`() {
    #expect(Statistics.median([3, 1, 2]) == 2)
    #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
    #expect(Statistics.median([7]) == 7)
    #expect(Statistics.median([]) == nil)
    #expect(Statistics.median([.nan, 5, .infinity]) == 5)
    #expect(
      Statistics.median([.greatestFiniteMagnitude, .greatestFiniteMagnitude])
        == .greatestFiniteMagnitude)
  }

  // From the table of binomial order statistics: n, rank from either end, coverage in percent.
  @Test(arguments: [
    (6, 1, 96.88), (10, 2, 97.85), (20, 6, 95.86), (30, 10, 95.72), (31, 10, 97.06),
  ])
  func `the interval has the ranks and the confidence of the binomial table`(
    count: Int, rank: Int, percent: Double
  ) throws {
    let samples = (1...count).map(Double.init).shuffled()
    let interval = try #require(Statistics.estimate(samples)?.interval)
    #expect(interval.lower == Double(rank))
    #expect(interval.upper == Double(count + 1 - rank))
    #expect(abs(interval.confidence * 100 - percent) < 0.01)
  }

  @Test func `too few samples give their range and say how little it is worth`() throws {
    let five = try #require(Statistics.estimate([5, 1, 4, 2, 3])?.interval)
    #expect(five == Interval(lower: 1, upper: 5, confidence: 0.9375))
    #expect(Statistics.estimate([2])?.interval == nil)
    #expect(Statistics.estimate([]) == nil)
  }

  @Test(arguments: [2_000, 100_001])
  func `many samples do not overflow the binomial terms`(count: Int) throws {
    let interval = try #require(Statistics.estimate((0..<count).map(Double.init))?.interval)
    // The normal approximation: half the count ± 1.96 · √n / 2.
    let half = 0.98 * Double(count).squareRoot()
    #expect(abs((interval.upper - interval.lower) / 2 - half) < 2)
    #expect(interval.confidence >= 0.95 && interval.confidence < 0.96)
  }

  @Test func `the interval holds the true median as often as it says`() {
    var generator = SeededGenerator(seed: 3)
    var held = 0
    for _ in 0..<2_000 {
      let samples = (0..<30).map { _ in
        let u = Double.random(in: 0..<1, using: &generator)
        return u * u * u  // skewed; its median is 1/8
      }
      if let interval = Statistics.estimate(samples)?.interval,
        interval.lower <= 0.125, interval.upper >= 0.125
      {
        held += 1
      }
    }
    #expect((1_880...1_950).contains(held))  // 95.7 % of 2,000, within four standard deviations
  }

  @Test func `a ratio of pairs cancels what both members met`() throws {
    let load = (0..<30).map { 1 + Double($0 % 7) }
    let ratio = try #require(
      Statistics.ratio(load.map { $0 * 3 }, to: load.map { $0 * 2 }))
    #expect(ratio.value == 1.5)
    #expect(ratio.interval?.lower == 1.5 && ratio.interval?.upper == 1.5)
    #expect(Statistics.ratio([1, 2, 3], to: [0, 1])?.value == 2)
  }

  @Test func `scaling keeps an interval's ends in order`() {
    let estimate = Estimate(value: 2, interval: Interval(lower: 1, upper: 3, confidence: 0.95))
    #expect(estimate.scaled(by: -2).interval == Interval(lower: -6, upper: -2, confidence: 0.95))
    #expect(estimate.scaled(by: 10).value == 20)
  }
}
