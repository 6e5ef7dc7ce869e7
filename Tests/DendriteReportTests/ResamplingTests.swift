// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import DendriteTestSupport
import Testing

@Suite struct ResamplingTests {
  @Test func `the value is the sum of one list by that of the other`() throws {
    let estimate = try #require(Statistics.ratioOfSums([1, 2, 9], to: [1, 1, 1]))
    #expect(estimate.value == 4)
    let interval = try #require(estimate.interval)
    #expect(interval.lower >= 1 && interval.upper <= 9 && interval.lower < interval.upper)
    #expect(interval.confidence == 0.95)
  }

  @Test func `what all pairs agree on has an interval without width`() {
    let load = (1...20).map(Double.init)
    let estimate = Statistics.ratioOfSums(load.map { $0 * 3 }, to: load.map { $0 * 2 })
    #expect(
      estimate?.interval.map { abs($0.lower - 1.5) < 1e-9 && abs($0.upper - 1.5) < 1e-9 } == true)
  }

  @Test func `a pair alone has no interval, and none at all no value`() {
    #expect(Statistics.ratioOfSums([3], to: [2]) == Estimate(value: 1.5))
    #expect(Statistics.ratioOfSums([], to: []) == nil)
    #expect(Statistics.ratioOfSums([1], to: [0]) == nil)
    #expect(Statistics.ratioOfSums([1, .nan], to: [2, 1]) == Estimate(value: 0.5))
  }

  @Test func `the same samples give the same interval`() {
    let samples = (0..<30).map { Double($0 % 7) + 1 }
    let ones = samples.map { _ in 1.0 }
    #expect(
      Statistics.ratioOfSums(samples, to: ones) == Statistics.ratioOfSums(samples, to: ones))
  }

  @Test func `the interval holds the true mean about as often as it says`() {
    var generator = SeededGenerator(seed: 5)
    var held = 0
    for _ in 0..<500 {
      let samples = (0..<40).map { _ in Double.random(in: 0..<1, using: &generator) }
      let interval = Statistics.ratioOfSums(
        samples, to: samples.map { _ in 1 }, resamples: 400)?.interval
      if let interval, interval.lower <= 0.5, interval.upper >= 0.5 { held += 1 }
    }
    // 95 % of 500 is 475; percentile intervals of 40 samples hold a little less, about 93 %.
    #expect((445...490).contains(held), "\(held)")
  }
}
