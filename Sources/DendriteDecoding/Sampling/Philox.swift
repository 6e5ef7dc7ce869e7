// SPDX-License-Identifier: Apache-2.0

/// Philox4x32-10: a random function of a counter and a key, without state.
///
/// Ten rounds, each of two 32 × 32 → 64 bit products, an exclusive or and a permutation:
///
///     (c0, c1, c2, c3) ← (hi(M1·c2) ⊕ c1 ⊕ k0, lo(M1·c2), hi(M0·c0) ⊕ c3 ⊕ k1, lo(M0·c0))
///     (k0, k1) ← (k0 + W0, k1 + W1)      between rounds
///
/// Any word of any stream is computed directly, so nothing has to be drawn in order.
///
/// - Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"; test
///   `the published known answers come out`.
package enum Philox {
  package typealias Counter = (UInt32, UInt32, UInt32, UInt32)
  package typealias Key = (UInt32, UInt32)

  /// The four words that belong to a counter under a key.
  @inline(__always)
  package static func block(_ counter: Counter, key: Key) -> Counter {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for round in 0..<10 {
      if round > 0 {
        k0 &+= 0x9E37_79B9  // golden ratio
        k1 &+= 0xBB67_AE85  // √3 − 1
      }
      let first = UInt64(c0) &* 0xD251_1F53
      let second = UInt64(c2) &* 0xCD9E_8D57
      c0 = UInt32(truncatingIfNeeded: second >> 32) ^ c1 ^ k0
      c1 = UInt32(truncatingIfNeeded: second)
      c2 = UInt32(truncatingIfNeeded: first >> 32) ^ c3 ^ k1
      c3 = UInt32(truncatingIfNeeded: first)
    }
    return (c0, c1, c2, c3)
  }
}
