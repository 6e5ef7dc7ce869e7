// SPDX-License-Identifier: Apache-2.0
package import DendriteModel

/// What a benchmark measures, and how often.
package struct BenchmarkSettings: Sendable, Hashable {
  /// A group of measurements.
  package enum Topic: String, Sendable, Hashable, CaseIterable {
    /// One row behind a context: the speed of generation.
    case decode
    /// A prompt into an empty cache.
    case prefill
    /// Several rows with logits in one pass: what checking drafts costs.
    case verify
    /// Choosing a token from a row of scores, greedy and sampled.
    case sample
    /// Fork and join of the pool's threads.
    case pool
  }

  /// What to measure.
  package var topics: Set<Topic>
  /// Interleaved repetitions that count; one more, the first, is dropped.
  package var repetitions: Int
  /// The least time of one sample, in seconds; quick work is repeated until it is reached.
  package var sampleSeconds: Double
  /// Lengths of prompts, in tokens.
  package var promptLengths: [Int]
  /// Rows of a verifying pass.
  package var verifyRows: [Int]
  /// Tokens in the cache before decoding and verifying.
  package var contextLength: Int
  /// How keys and values are stored.
  package var cacheType: CacheType
  /// The seed of the tokens; speed does not depend on it.
  package var seed: UInt64

  /// Thirty samples of 200 ms each, unless said otherwise.
  package init(
    topics: Set<Topic> = Set(Topic.allCases), repetitions: Int = 30, sampleSeconds: Double = 0.2,
    promptLengths: [Int] = [512], verifyRows: [Int] = [2, 4, 8, 16, 32], contextLength: Int = 512,
    cacheType: CacheType = .f16, seed: UInt64 = 1
  ) {
    self.topics = topics
    self.repetitions = repetitions
    self.sampleSeconds = sampleSeconds
    self.promptLengths = promptLengths
    self.verifyRows = verifyRows
    self.contextLength = contextLength
    self.cacheType = cacheType
    self.seed = seed
  }

  /// Tokens that the cache of the context must hold.
  var historyCapacity: Int {
    contextLength + max(verifyRows.max() ?? 0, Benchmark.decodedBetweenTruncations)
  }

  /// The longest history that the topics need, in tokens.
  package var longestHistory: Int {
    var longest = 0
    if topics.contains(.prefill) { longest = promptLengths.max() ?? 0 }
    if !topics.isDisjoint(with: [.decode, .sample]) { longest = max(longest, contextLength + 1) }
    if topics.contains(.verify) {
      longest = max(longest, contextLength + (verifyRows.max() ?? 1))
    }
    return longest
  }
}
