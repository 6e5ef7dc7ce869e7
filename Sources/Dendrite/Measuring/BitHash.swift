// SPDX-License-Identifier: Apache-2.0

/// A fingerprint of bits: equal for equal bits on every machine, different for others except by a
/// chance of 2⁻⁶⁴.
///
/// Not for secrets. `+0` and `-0` differ here, and so do NaNs: promise 2 speaks of bits, not values.
package struct BitHash: Sendable, Hashable {
  /// The fingerprint.
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// The fingerprint of nothing.
  package init() {}

  /// The fingerprint of the bits of a row.
  package init(_ floats: UnsafeBufferPointer<Float>) {
    for float in floats { combine(float.bitPattern) }
  }

  /// Adds 32 bits.
  @inline(__always)
  package mutating func combine(_ word: UInt32) {
    value = (value ^ UInt64(word)) &* 0x9e37_79b9_7f4a_7c15
    value ^= value >> 29
  }

  /// Sixteen hexadecimal digits.
  package var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
