// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport

extension SeededGenerator {
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
