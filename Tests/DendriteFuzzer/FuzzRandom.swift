// SPDX-License-Identifier: Apache-2.0

/// A small generator: one seed, one case.
///
/// - Source: Steele, Lea & Flood 2014, SplitMix64.
struct FuzzRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// A number in `0..<bound`; 0 for an empty range.
  mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

  /// True once in `times` draws.
  mutating func once(in times: Int) -> Bool { below(times) == 0 }

  /// An element; `nil` of nothing.
  mutating func element<C: RandomAccessCollection>(of items: C) -> C.Element? {
    guard !items.isEmpty else { return nil }
    return items[items.index(items.startIndex, offsetBy: below(items.count))]
  }

  /// A number of the kind that breaks parsers.
  mutating func interestingNumber() -> UInt64 {
    let numbers: [UInt64] = [
      0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1 << 15, (1 << 16) - 1,
      1 << 20, (1 << 24) + 1, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40,
      1 << 61, 1 << 62, (1 << 63) - 1, 1 << 63, .max - 31, .max,
    ]
    return once(in: 4) ? next() >> UInt64(below(64)) : numbers[below(numbers.count)]
  }
}
