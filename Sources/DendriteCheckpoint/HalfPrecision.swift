// SPDX-License-Identifier: Apache-2.0

/// Conversions between Float32 and the two formats of 16 bits, by their bits.
///
/// `Float16` does not exist on every platform that Swift runs on; these functions do.
public enum HalfPrecision {
  /// Widens an IEEE binary16 number; exact, NaN stays NaN.
  public static func float(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits) & 0x3FF
    switch exponent {
    case 0:  // zero or subnormal: fraction · 2^-24
      let magnitude = Float(fraction) * 0x1p-24
      return Float(bitPattern: magnitude.bitPattern | sign)
    case 31:
      return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
      return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// Rounds to IEEE binary16, to nearest, ties to even; overflow gives infinity, NaN stays NaN.
  public static func bits(_ value: Float) -> UInt16 {
    let pattern = value.bitPattern
    let sign = UInt16(pattern >> 16) & 0x8000
    let magnitude = pattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 | UInt16(magnitude >> 13 & 0x3FF) }
    if magnitude >= 0x4780_0000 { return sign | 0x7C00 }  // 2^16 and above, and infinity
    if magnitude < 0x3880_0000 {  // below 2^-14: a multiple of 2^-24
      let steps = Float(bitPattern: magnitude) * 0x1p24
      return sign | UInt16(steps.rounded(.toNearestOrEven))
    }
    let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1)
    return sign | UInt16((rounded - 0x3800_0000) >> 13)
  }

  /// Widens a float of eight bits with four for the exponent; exact.
  ///
  /// There are no infinities: with all bits but the sign set it is NaN.
  ///
  /// - Source: Micikevicius et al. 2022 (arXiv:2209.05433).
  public static func float(e4m3 bits: UInt8) -> Float {
    let sign: Float = bits & 0x80 == 0 ? 1 : -1
    let exponent = Int(bits >> 3 & 0xF)
    let fraction = Float(bits & 7)
    if bits & 0x7F == 0x7F { return .nan }
    if exponent == 0 { return sign * (fraction * 0x1p-9) }
    return sign * (1 + fraction / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
  }

  /// Widens a bfloat16 number; exact.
  public static func float(brain bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// Rounds to bfloat16, to nearest, ties to even; NaN stays NaN and becomes quiet.
  public static func brainBits(_ value: Float) -> UInt16 {
    let pattern = value.bitPattern
    if pattern & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(pattern >> 16) | 0x40 }
    return UInt16((pattern + 0x7FFF + (pattern >> 16 & 1)) >> 16)
  }
}
