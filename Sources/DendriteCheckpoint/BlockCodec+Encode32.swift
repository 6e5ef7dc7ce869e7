// SPDX-License-Identifier: Apache-2.0

// Encoders of blocks of 32 values; layouts as in the decoders. Scales are stored in half precision
// but divided by in Float32, as the reference does.

extension BlockCodec {
  static func encodeQ4_0(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let d = extreme(x, 32) / -8
    let id = inverse(d)
    storeHalf(d, block, 0)
    for j in 0..<16 {
      let low = floored(x[j] * id + 8.5, 0...15)
      let high = floored(x[j + 16] * id + 8.5, 0...15)
      merge(low | high << 4, block, 2 + j)
    }
  }

  static func encodeQ4_1(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let (low, high) = bounds(x, 32)
    let d = (high - low) / 15
    let id = inverse(d)
    storeHalf(d, block, 0)
    storeHalf(low, block, 2)
    for j in 0..<16 {
      let first = floored((x[j] - low) * id + 0.5, 0...15)
      let second = floored((x[j + 16] - low) * id + 0.5, 0...15)
      merge(first | second << 4, block, 4 + j)
    }
  }

  static func encodeQ5_0(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let d = extreme(x, 32) / -16
    let id = inverse(d)
    storeHalf(d, block, 0)
    var fifth: UInt32 = 0
    for j in 0..<16 {
      let first = floored(x[j] * id + 16.5, 0...31)
      let second = floored(x[j + 16] * id + 16.5, 0...31)
      merge(first & 15 | (second & 15) << 4, block, 6 + j)
      fifth |= UInt32(first >> 4) << j | UInt32(second >> 4) << (j + 16)
    }
    storeInteger(fifth, block, 2)
  }

  static func encodeQ5_1(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let (low, high) = bounds(x, 32)
    let d = (high - low) / 31
    let id = inverse(d)
    storeHalf(d, block, 0)
    storeHalf(low, block, 2)
    var fifth: UInt32 = 0
    for j in 0..<16 {
      let first = floored((x[j] - low) * id + 0.5, 0...31)
      let second = floored((x[j + 16] - low) * id + 0.5, 0...31)
      merge(first & 15 | (second & 15) << 4, block, 8 + j)
      fifth |= UInt32(first >> 4) << j | UInt32(second >> 4) << (j + 16)
    }
    storeInteger(fifth, block, 4)
  }

  static func encodeQ8_0(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let d = abs(extreme(x, 32)) / 127
    let id = inverse(d)
    storeHalf(d, block, 0)
    for j in 0..<32 { merge(nearest(x[j] * id, -127...127), block, 2 + j) }
  }

  static func encodeIQ4_NL(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let d = extreme(x, 32) / Float(nonlinearLevels[0])
    let id = inverse(d)
    storeHalf(d, block, 0)
    for j in 0..<16 {
      let low = nearestLevel(x[j] * id, nonlinearLevels)
      let high = nearestLevel(x[j + 16] * id, nonlinearLevels)
      merge(low | high << 4, block, 2 + j)
    }
  }

  /// The exponent is the largest value's, less 2: the largest element is 6 = 1.5 · 2^2.
  static func encodeMXFP4(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
    let largest = abs(extreme(x, 32))
    let exponent = largest.isNormal ? Int(largest.exponent) - 2 + 127 : 0
    let e = min(max(exponent, 0), 254)
    merge(e, block, 0)
    let id = inverse(powerOfTwo(e - 128))
    for j in 0..<16 {
      let low = nearestLevel(x[j] * id, microscalingLevels)
      let high = nearestLevel(x[j + 16] * id, microscalingLevels)
      merge(low | high << 4, block, 1 + j)
    }
  }
}
