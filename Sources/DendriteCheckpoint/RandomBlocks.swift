// SPDX-License-Identifier: Apache-2.0

/// Fills tensors with random blocks of any type, valid and of plausible size, without quantising.
///
/// Each block is a function of the seed and of its index alone, so a tensor can be filled in pieces
/// and any order. Values are roughly uniform around 0 with a standard deviation near `deviation`.
package struct RandomBlocks: Sendable {
  let type: TensorType
  let seed: UInt64
  let deviation: Float

  package init(_ type: TensorType, seed: UInt64, deviation: Float = 0.02) {
    self.type = type
    self.seed = seed
    self.deviation = deviation
  }

  /// Fills whole blocks; the first has index `byteOffset / type.blockBytes`.
  package func fill(_ bytes: UnsafeMutableRawBufferPointer, byteOffset: Int) {
    guard let base = bytes.baseAddress else { return }
    let first = byteOffset / type.blockBytes
    let count = bytes.count / type.blockBytes
    switch type {
    case .f32, .f16, .bf16, .f64, .f8_e4m3, .f8_e5m2: fillFloats(base, first: first, count: count)
    default:
      let scales = scaleTable()
      for index in 0..<count {
        var random = SplitMix64(seed: seed, block: first + index)
        fillBlock(base + index * type.blockBytes, &random, scales)
      }
    }
  }
}

// MARK: - Kinds of blocks

extension RandomBlocks {
  /// Uniform in ±√3 · deviation.
  private func fillFloats(_ base: UnsafeMutableRawPointer, first: Int, count: Int) {
    let step = deviation * 1.7320508 * 0x1p-31
    for index in 0..<count {
      // One draw serves two neighbours, whichever piece they are in.
      let draw = SplitMix64.draw(seed: seed, counter: UInt64((first + index) / 2))
      let half = Int32(truncatingIfNeeded: (first + index) % 2 == 0 ? draw : draw >> 32)
      let value = Float(half) * step
      switch type {
      case .f16: BlockCodec.storeHalf(value, base, 2 * index)
      case .bf16: BlockCodec.storeInteger(HalfPrecision.brainBits(value), base, 2 * index)
      case .f64: BlockCodec.storeInteger(Double(value).bitPattern, base, 8 * index)
      // The upper byte of a half; as E4M3 it is another number, below 2.
      case .f8_e4m3, .f8_e5m2:
        BlockCodec.storeInteger(UInt8(HalfPrecision.bits(value) >> 8), base, index)
      default: BlockCodec.storeInteger(value.bitPattern, base, 4 * index)
      }
    }
  }

  private func fillBlock(
    _ block: UnsafeMutableRawPointer, _ random: inout SplitMix64, _ scales: [UInt16]
  ) {
    random.fill(block, type.blockBytes)
    let d = scales[Int(random.next() >> 56)]
    switch type {
    case .q4_0, .q5_0, .iq4_nl:
      BlockCodec.storeInteger(d, block, 0)
    case .q8_0:
      BlockCodec.storeInteger(d, block, 0)
      for j in 2..<34 where block.load(fromByteOffset: j, as: Int8.self) == -128 {
        block.storeBytes(of: -127, toByteOffset: j, as: Int8.self)
      }
    case .q4_1, .q5_1:
      // The minimum that centres the values: −(levels / 2) · d.
      BlockCodec.storeInteger(d, block, 0)
      let half: Float = type == .q4_1 ? -7.5 : -15.5
      BlockCodec.storeHalf(half * HalfPrecision.float(d), block, 2)
    case .mxfp4:
      block.storeBytes(of: UInt8(truncatingIfNeeded: d), as: UInt8.self)
    case .q2_K:
      // The same rounded scale and minimum for a group, and dmin = 1.5 · d, centre its values.
      for i in 0..<16 {
        let scale = block.load(fromByteOffset: i, as: UInt8.self) & 7 | 8
        block.storeBytes(of: scale | scale << 4, toByteOffset: i, as: UInt8.self)
      }
      BlockCodec.storeInteger(d, block, 80)
      BlockCodec.storeHalf(1.5 * HalfPrecision.float(d), block, 82)
    case .q3_K:
      // Rounded scales 32 … 63 less 32: top two bits are 2 or 3.
      for i in 8..<12 {
        let bits = block.load(fromByteOffset: 96 + i, as: UInt8.self) | 0b1010_1010
        block.storeBytes(of: bits, toByteOffset: 96 + i, as: UInt8.self)
      }
      BlockCodec.storeInteger(d, block, 108)
    case .q4_K, .q5_K:
      let middle: Float = type == .q4_K ? 7.5 : 15.5
      let bits = random.next()
      (block + 4).initializeMemory(as: UInt8.self, repeating: 0, count: 12)
      for group in 0..<8 {
        let scale = Int(bits >> (8 * UInt64(group)) & 31) + 32
        BlockCodec.storeScaleAndMinimum(scale, scale, group, block + 4)
      }
      BlockCodec.storeInteger(d, block, 0)
      BlockCodec.storeHalf(middle * HalfPrecision.float(d), block, 2)
    case .q6_K:
      for i in 192..<208 {
        let bits = block.load(fromByteOffset: i, as: UInt8.self)
        let scale = Int8(bits & 63) + 64
        block.storeBytes(of: bits & 64 == 0 ? scale : -scale, toByteOffset: i, as: Int8.self)
      }
      BlockCodec.storeInteger(d, block, 208)
    case .iq4_xs:
      BlockCodec.storeInteger(d, block, 0)
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64, .f8_e4m3, .f8_e5m2, .u8:
      break
    }
  }

  /// 256 scales within a factor of two, such that values have the deviation; MXFP4: exponents.
  private func scaleTable() -> [UInt16] {
    // The standard deviation of a block's values at scale 1, by uniform codes and the mean scale.
    let unit: Float =
      switch type {
      case .q4_0, .q4_1: 4.6
      case .q5_0, .q5_1: 9.2
      case .q8_0: 73.6
      case .iq4_nl: 70
      case .q2_K: 11.5 * 1.1
      case .q3_K: 16 * 2.3
      case .q4_K: 47.5 * 4.6
      case .q5_K: 47.5 * 9.2
      case .q6_K: 95 * 18.5
      case .iq4_xs: 18.5 * 70
      default: 1
      }
    return (0..<256).map { index in
      if type == .mxfp4 { return UInt16(119 + index % 2) }
      let spread = 0.6667 + Float(index) / 256 * 0.6667
      return HalfPrecision.bits(deviation / unit * spread)
    }
  }
}

/// SplitMix64 read at any position: draw k of a stream is a function of seed and k.
///
/// - Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
struct SplitMix64 {
  private var state: UInt64

  /// A stream of its own for each block.
  init(seed: UInt64, block: Int) {
    state = SplitMix64.draw(seed: seed, counter: UInt64(bitPattern: Int64(block)))
  }

  /// The next draw.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SplitMix64.mix(state)
  }

  /// Fills bytes.
  mutating func fill(_ bytes: UnsafeMutableRawPointer, _ count: Int) {
    var offset = 0
    while offset + 8 <= count {
      bytes.storeBytes(of: next().littleEndian, toByteOffset: offset, as: UInt64.self)
      offset += 8
    }
    var rest = next()
    while offset < count {
      bytes.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: offset, as: UInt8.self)
      rest >>= 8
      offset += 1
    }
  }

  /// Draw `counter` of the stream of `seed`.
  static func draw(seed: UInt64, counter: UInt64) -> UInt64 {
    mix(seed &+ (counter &+ 1) &* 0x9E37_79B9_7F4A_7C15)
  }

  private static func mix(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
