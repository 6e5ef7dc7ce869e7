// SPDX-License-Identifier: Apache-2.0

// Types with blocks of 256 values: the K types and IQ4_XS. `d` and `dmin` are half-precision.

extension BlockCodec {
  /// scales[16] @0, qs[64] @16, d @80, dmin @82.
  ///
  /// Halves h, shifts s and groups g follow each other; the scale's index advances with each
  /// group of 16 values: y = d · low(scale) · q − dmin · high(scale).
  static func decodeQ2_K(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 80)
    let dmin = half(block, 82)
    var i = 0
    for h in 0..<2 {
      for s in [0, 2, 4, 6] {
        for g in 0..<2 {
          let scale = byte(block, i)
          let step = d * Float(scale & 15)
          let minimum = dmin * Float(scale >> 4)
          for l in 0..<16 {
            let q = byte(block, 16 + 32 * h + 16 * g + l) >> s & 3
            y[16 * i + l] = step * Float(q) - minimum
          }
          i += 1
        }
      }
    }
  }

  /// hmask[32] @0, qs[64] @32, scales[12] @96, d @108; order of values as in Q2_K.
  ///
  /// A clear bit in hmask subtracts 4: y = d · (scale − 32) · q.
  static func decodeQ3_K(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 108)
    var i = 0
    for h in 0..<2 {
      for s in [0, 2, 4, 6] {
        for g in 0..<2 {
          let step = d * Float(scaleQ3_K(block + 96, i) - 32)
          for l in 0..<16 {
            let low = byte(block, 32 + 32 * h + 16 * g + l) >> s & 3
            let isHigh = byte(block, 16 * g + l) >> (4 * h + s / 2) & 1 == 1
            y[16 * i + l] = step * Float(low - (isHigh ? 0 : 4))
          }
          i += 1
        }
      }
    }
  }

  /// d @0, dmin @2, scales[12] @4, qs[128] @16; y = d · scale · q − dmin · minimum.
  static func decodeQ4_K(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    let dmin = half(block, 2)
    for c in 0..<4 {
      for upper in 0..<2 {
        let (scale, minimum) = scaleAndMinimum(block + 4, 2 * c + upper)
        let step = d * Float(scale)
        let offset = dmin * Float(minimum)
        for l in 0..<32 {
          let q = byte(block, 16 + 32 * c + l) >> (4 * upper) & 15
          y[64 * c + 32 * upper + l] = step * Float(q) - offset
        }
      }
    }
  }

  /// d @0, dmin @2, scales[12] @4, qh[32] @16, qs[128] @48; as Q4_K with a fifth bit.
  static func decodeQ5_K(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    let dmin = half(block, 2)
    for c in 0..<4 {
      for upper in 0..<2 {
        let (scale, minimum) = scaleAndMinimum(block + 4, 2 * c + upper)
        let step = d * Float(scale)
        let offset = dmin * Float(minimum)
        for l in 0..<32 {
          let low = byte(block, 48 + 32 * c + l) >> (4 * upper) & 15
          let fifth = byte(block, 16 + l) >> (2 * c + upper) & 1
          y[64 * c + 32 * upper + l] = step * Float(low | fifth << 4) - offset
        }
      }
    }
  }

  /// ql[128] @0, qh[64] @128, signed scales[16] @192, d @208; y = d · scale · (q − 32).
  static func decodeQ6_K(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 208)
    for h in 0..<2 {
      for quarter in 0..<4 {
        for l in 0..<32 {
          let scale = signedByte(block, 192 + 8 * h + 2 * quarter + l / 16)
          let low = byte(block, 64 * h + 32 * (quarter & 1) + l) >> (4 * (quarter >> 1)) & 15
          let high = byte(block, 128 + 32 * h + l) >> (2 * quarter) & 3
          y[128 * h + 32 * quarter + l] = d * Float(scale) * Float((low | high << 4) - 32)
        }
      }
    }
  }

  /// d @0, scales_h u16 @2, scales_l[4] @4, qs[128] @8; y = d · (scale − 32) · levels[q].
  static func decodeIQ4_XS(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    let highScales = byte(block, 2) | byte(block, 3) << 8
    for b in 0..<8 {
      let low = byte(block, 4 + b / 2) >> (4 * (b & 1)) & 15
      let scale = low | (highScales >> (2 * b) & 3) << 4
      let step = d * Float(scale - 32)
      for j in 0..<16 {
        let pair = byte(block, 8 + 16 * b + j)
        y[32 * b + j] = step * Float(nonlinearLevels[pair & 15])
        y[32 * b + j + 16] = step * Float(nonlinearLevels[pair >> 4])
      }
    }
  }

  /// The six-bit scale and minimum of sub-block `j` of eight, from the 12 bytes of Q4_K and Q5_K.
  static func scaleAndMinimum(_ scales: UnsafeRawPointer, _ j: Int) -> (scale: Int, minimum: Int) {
    guard j >= 4 else { return (byte(scales, j) & 63, byte(scales, j + 4) & 63) }
    return (
      byte(scales, j + 4) & 15 | (byte(scales, j - 4) >> 6) << 4,
      byte(scales, j + 4) >> 4 | (byte(scales, j) >> 6) << 4
    )
  }

  /// The six-bit scale `k` of sixteen, from the 12 bytes of Q3_K.
  private static func scaleQ3_K(_ scales: UnsafeRawPointer, _ k: Int) -> Int {
    let low = k < 8 ? byte(scales, k) & 15 : byte(scales, k - 8) >> 4
    let high = byte(scales, 8 + (k & 3)) >> (2 * (k >> 2)) & 3
    return low | high << 4
  }
}
