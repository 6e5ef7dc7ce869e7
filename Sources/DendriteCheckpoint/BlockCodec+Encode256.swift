// SPDX-License-Identifier: Apache-2.0

// Encoders of blocks of 256 values. Each group's scale comes from its extremes and is then rounded
// to a multiple of the block's scale; values are quantised against the rounded scales.

extension BlockCodec {
  /// Scales and minima of groups, rounded: x ≈ d · scale · q − dmin · minimum.
  private struct AffineScales {
    var d: Float
    var dmin: Float
    var scales: [Int]
    var minima: [Int]

    /// Fits the groups; `levels` is the largest q, `most` the largest rounded scale and minimum.
    init(_ x: UnsafePointer<Float>, groupLength: Int, levels: Int, most: Int) {
      let fits = (0..<256 / groupLength).map { group -> (scale: Float, minimum: Float) in
        let (low, high) = bounds(x + group * groupLength, groupLength)
        let minimum = max(0, -low)
        return (max(0, high + minimum) / Float(levels), minimum)
      }
      let largestScale = fits.reduce(0) { max($0, $1.scale) }
      let largestMinimum = fits.reduce(0) { max($0, $1.minimum) }
      d = HalfPrecision.float(HalfPrecision.bits(largestScale / Float(most)))
      dmin = HalfPrecision.float(HalfPrecision.bits(largestMinimum / Float(most)))
      let (id, idmin) = (inverse(d), inverse(dmin))
      scales = fits.map { nearest($0.scale * id, 0...most) }
      minima = fits.map { nearest($0.minimum * idmin, 0...most) }
    }

    func quantum(_ value: Float, group: Int, levels: Int) -> Int {
      let shifted = value + dmin * Float(minima[group])
      return nearest(shifted * inverse(d * Float(scales[group])), 0...levels)
    }
  }

  /// Signed scales of groups, rounded: x ≈ d · scale · q, where q's lowest value is `lowest`.
  private struct SymmetricScales {
    var d: Float
    var scales: [Int]

    init(_ x: UnsafePointer<Float>, groupLength: Int, lowest: Int, range: ClosedRange<Int>) {
      let fits = (0..<256 / groupLength).map { group in
        extreme(x + group * groupLength, groupLength) / Float(lowest)
      }
      let largest = fits.withUnsafeBufferPointer { fits in
        fits.baseAddress.map { extreme($0, fits.count) } ?? 0
      }
      d = HalfPrecision.float(HalfPrecision.bits(largest / Float(range.lowerBound)))
      let id = inverse(d)
      scales = fits.map { nearest($0 * id, range) }
    }
  }

  static func encodeQ2_K(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let fit = AffineScales(x, groupLength: 16, levels: 3, most: 15)
    storeHalf(fit.d, block, 80)
    storeHalf(fit.dmin, block, 82)
    for i in 0..<16 {
      merge(fit.scales[i] | fit.minima[i] << 4, block, i)
      let (h, s, g) = (i / 8, i / 2 % 4 * 2, i % 2)
      for l in 0..<16 {
        let q = fit.quantum(x[16 * i + l], group: i, levels: 3)
        merge(q << s, block, 16 + 32 * h + 16 * g + l)
      }
    }
  }

  static func encodeQ3_K(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let fit = SymmetricScales(x, groupLength: 16, lowest: -4, range: -32...31)
    storeHalf(fit.d, block, 108)
    for i in 0..<16 {
      let stored = fit.scales[i] + 32
      merge(i < 8 ? stored & 15 : (stored & 15) << 4, block, 96 + i % 8)
      merge((stored >> 4) << (2 * (i / 4)), block, 96 + 8 + i % 4)
      let id = inverse(fit.d * Float(fit.scales[i]))
      let (h, s, g) = (i / 8, i / 2 % 4 * 2, i % 2)
      for l in 0..<16 {
        let q = nearest(x[16 * i + l] * id, -4...3) + 4
        merge((q & 3) << s, block, 32 + 32 * h + 16 * g + l)
        merge((q >> 2) << (4 * h + s / 2), block, 16 * g + l)
      }
    }
  }

  static func encodeQ4_K(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let fit = AffineScales(x, groupLength: 32, levels: 15, most: 63)
    storeHalf(fit.d, block, 0)
    storeHalf(fit.dmin, block, 2)
    for group in 0..<8 {
      storeScaleAndMinimum(fit.scales[group], fit.minima[group], group, block + 4)
      for l in 0..<32 {
        let q = fit.quantum(x[32 * group + l], group: group, levels: 15)
        merge(q << (4 * (group % 2)), block, 16 + 32 * (group / 2) + l)
      }
    }
  }

  static func encodeQ5_K(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let fit = AffineScales(x, groupLength: 32, levels: 31, most: 63)
    storeHalf(fit.d, block, 0)
    storeHalf(fit.dmin, block, 2)
    for group in 0..<8 {
      storeScaleAndMinimum(fit.scales[group], fit.minima[group], group, block + 4)
      for l in 0..<32 {
        let q = fit.quantum(x[32 * group + l], group: group, levels: 31)
        merge((q & 15) << (4 * (group % 2)), block, 48 + 32 * (group / 2) + l)
        merge((q >> 4) << group, block, 16 + l)
      }
    }
  }

  static func encodeQ6_K(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let fit = SymmetricScales(x, groupLength: 16, lowest: -32, range: -128...127)
    storeHalf(fit.d, block, 208)
    for group in 0..<16 {
      merge(fit.scales[group], block, 192 + group)
      let id = inverse(fit.d * Float(fit.scales[group]))
      for k in 0..<16 {
        let q = nearest(x[16 * group + k] * id, -32...31) + 32
        let (h, quarter, l) = (group / 8, group / 2 % 4, 16 * (group % 2) + k)
        merge((q & 15) << (4 * (quarter >> 1)), block, 64 * h + 32 * (quarter & 1) + l)
        merge((q >> 4) << (2 * quarter), block, 128 + 32 * h + l)
      }
    }
  }

  static func encodeIQ4_XS(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let fit = SymmetricScales(
      x, groupLength: 32, lowest: nonlinearLevels[0], range: -32...31)
    storeHalf(fit.d, block, 0)
    for b in 0..<8 {
      let stored = fit.scales[b] + 32
      merge((stored & 15) << (4 * (b & 1)), block, 4 + b / 2)
      merge((stored >> 4) << (2 * (b & 3)), block, 2 + b / 4)
      let id = inverse(fit.d * Float(fit.scales[b]))
      for j in 0..<16 {
        let low = nearestLevel(x[32 * b + j] * id, nonlinearLevels)
        let high = nearestLevel(x[32 * b + j + 16] * id, nonlinearLevels)
        merge(low | high << 4, block, 8 + 16 * b + j)
      }
    }
  }

  /// Stores the six-bit scale and minimum of sub-block `j` into the zeroed 12 bytes of Q4_K, Q5_K.
  static func storeScaleAndMinimum(
    _ scale: Int, _ minimum: Int, _ j: Int, _ scales: UnsafeMutableRawPointer
  ) {
    if j < 4 {
      merge(scale, scales, j)
      merge(minimum, scales, j + 4)
    } else {
      merge(scale & 15 | (minimum & 15) << 4, scales, j + 4)
      merge((scale >> 4) << 6, scales, j - 4)
      merge((minimum >> 4) << 6, scales, j)
    }
  }
}
