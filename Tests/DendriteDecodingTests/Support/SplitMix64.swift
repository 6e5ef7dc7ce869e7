// SPDX-License-Identifier: Apache-2.0

/// A small generator whose stream is fixed by its seed, for test inputs.
///
/// - Source: Steele, Lea & Flood 2014.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// About normal, mean 0, deviation 1: four uniforms of 16 bits, centred and scaled.
  mutating func normal() -> Float {
    let bits = next()
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)
    return (Float(sum) / 65_536 - 2) * 1.732_050_8
  }

  /// A row of scores as models give them: most in the middle, a few far above.
  mutating func logits(count: Int, spread: Float = 3) -> [Float] {
    (0..<count).map { _ in normal() * spread + (next() % 64 == 0 ? 8 : 0) }
  }
}
