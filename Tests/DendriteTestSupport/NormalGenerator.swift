// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Standard normal numbers that follow from a seed.
public struct NormalGenerator: Sendable {
  private var generator: SeededGenerator
  private var spare: Double?

  /// A generator whose numbers follow from the seed.
  public init(seed: Int) { generator = SeededGenerator(seed: seed) }

  /// The next number, by the method of Box and Muller.
  public mutating func next() -> Double {
    if let number = spare {
      spare = nil
      return number
    }
    func uniform() -> Double { (Double(generator.next() >> 11) + 0.5) * 0x1p-53 }
    let radius = (-2 * log(uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }
}
