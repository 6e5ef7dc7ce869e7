// SPDX-License-Identifier: Apache-2.0

// Types without blocks and types with blocks of 32 values. `low` and `high` are the halves of a
// byte; low halves are the block's first 16 values, high halves its last 16.

extension BlockCodec {
  static func decodeF32(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    y[0] = Float(bitPattern: UInt32(littleEndian: block.loadUnaligned(as: UInt32.self)))
  }

  static func decodeF64(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    y[0] = Float(Double(bitPattern: UInt64(littleEndian: block.loadUnaligned(as: UInt64.self))))
  }

  static func decodeF16(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    y[0] = half(block, 0)
  }

  static func decodeBF16(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    y[0] = HalfPrecision.float(
      brain: UInt16(littleEndian: block.loadUnaligned(as: UInt16.self)))
  }

  /// d f16 @0, 16 bytes of halves @2; y = d · (q − 8).
  static func decodeQ4_0(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    for j in 0..<16 {
      let pair = byte(block, 2 + j)
      y[j] = d * Float((pair & 15) - 8)
      y[j + 16] = d * Float((pair >> 4) - 8)
    }
  }

  /// d f16 @0, m f16 @2, 16 bytes of halves @4; y = d · q + m.
  static func decodeQ4_1(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    let m = half(block, 2)
    for j in 0..<16 {
      let pair = byte(block, 4 + j)
      y[j] = d * Float(pair & 15) + m
      y[j + 16] = d * Float(pair >> 4) + m
    }
  }

  /// d f16 @0, fifth bits u32 @2, 16 bytes of halves @6; y = d · (q − 16).
  static func decodeQ5_0(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    let high = fifthBits(block, 2)
    for j in 0..<16 {
      let pair = byte(block, 6 + j)
      y[j] = d * Float((pair & 15 | (high >> j & 1) << 4) - 16)
      y[j + 16] = d * Float((pair >> 4 | (high >> (j + 16) & 1) << 4) - 16)
    }
  }

  /// d f16 @0, m f16 @2, fifth bits u32 @4, 16 bytes of halves @8; y = d · q + m.
  static func decodeQ5_1(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    let m = half(block, 2)
    let high = fifthBits(block, 4)
    for j in 0..<16 {
      let pair = byte(block, 8 + j)
      y[j] = d * Float(pair & 15 | (high >> j & 1) << 4) + m
      y[j + 16] = d * Float(pair >> 4 | (high >> (j + 16) & 1) << 4) + m
    }
  }

  /// d f16 @0, 32 signed bytes @2; y = d · q.
  static func decodeQ8_0(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    for j in 0..<32 { y[j] = d * Float(signedByte(block, 2 + j)) }
  }

  /// d f16 @0, 16 bytes of halves @2; y = d · levels[q].
  static func decodeIQ4_NL(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = half(block, 0)
    for j in 0..<16 {
      let pair = byte(block, 2 + j)
      y[j] = d * Float(nonlinearLevels[pair & 15])
      y[j + 16] = d * Float(nonlinearLevels[pair >> 4])
    }
  }

  /// Exponent u8 @0, 16 bytes of halves @1; y = 2^(e − 128) · levels[q], levels being doubled.
  static func decodeMXFP4(_ block: UnsafeRawPointer, _ y: UnsafeMutablePointer<Float>) {
    let d = powerOfTwo(byte(block, 0) - 128)
    for j in 0..<16 {
      let pair = byte(block, 1 + j)
      y[j] = d * Float(microscalingLevels[pair & 15])
      y[j + 16] = d * Float(microscalingLevels[pair >> 4])
    }
  }

  /// The 16 levels of IQ4_NL and IQ4_XS.
  static let nonlinearLevels = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]

  /// Twice the 16 values of E2M1, the elements of MXFP4.
  static let microscalingLevels = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  /// 2 to a power from −128 to 127; exact, the lowest two are subnormal.
  static func powerOfTwo(_ exponent: Int) -> Float {
    exponent >= -126
      ? Float(bitPattern: UInt32(exponent + 127) << 23)
      : Float(bitPattern: 1 << UInt32(exponent + 149))
  }

  private static func fifthBits(_ block: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(UInt32(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}
