// SPDX-License-Identifier: Apache-2.0

/// Token ids and choices from a seed, the same on every machine.
///
/// - Source: SplitMix64, Steele, Lea & Flood 2014 (doi:10.1145/2714064.2660195).
struct RandomTokens {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number in `0 ..< bound`.
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Ids of a vocabulary.
  mutating func ids(_ count: Int, vocabulary: Int) -> [Int] {
    (0..<count).map { _ in below(vocabulary) }
  }
}
