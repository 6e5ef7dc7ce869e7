// SPDX-License-Identifier: Apache-2.0

extension BlockCodec {
  /// Whether `quantize` writes this type: all types of weights.
  public static func canQuantize(to type: TensorType) -> Bool { encoder(of: type) != nil }

  /// Encodes Float32 values as whole blocks.
  ///
  /// Types without a search (F32 to Q8_0) follow the reference rule bit for bit; K types, IQ4 and
  /// MXFP4 take scales from the extremes of each group, which is simple and less exact than the
  /// error-minimising search of llama.cpp's quantiser.
  ///
  /// - Shapes: `values` has n × `type.blockLength` elements, `bytes` room for n blocks.
  /// - Precondition: the counts agree and `canQuantize(to: type)`.
  /// - Edge cases: values that are not finite give blocks that decode to something; nothing traps.
  /// - Source: ggml `src/ggml-quants.c`, `quantize_row_*_ref`.
  public static func quantize(
    _ type: TensorType, from values: UnsafeBufferPointer<Float>,
    into bytes: UnsafeMutableRawBufferPointer
  ) {
    let blocks = values.count / type.blockLength
    precondition(
      blocks * type.blockLength == values.count && blocks * type.blockBytes == bytes.count,
      "\(values.count) values as \(type) do not take \(bytes.count) bytes")
    guard let encode = encoder(of: type) else {
      preconditionFailure("\(type) holds no weights")
    }
    guard blocks > 0, let source = values.baseAddress, let target = bytes.baseAddress else {
      return
    }
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    for block in 0..<blocks {
      encode(source + block * type.blockLength, target + block * type.blockBytes)
    }
  }

  /// Encodes one block into zeroed bytes.
  typealias Encoder = (UnsafePointer<Float>, UnsafeMutableRawPointer) -> Void

  private static func encoder(of type: TensorType) -> Encoder? {
    switch type {
    case .f32: { storeInteger($0[0].bitPattern, $1, 0) }
    case .f16: { storeHalf($0[0], $1, 0) }
    case .bf16: { storeInteger(HalfPrecision.brainBits($0[0]), $1, 0) }
    case .q4_0: encodeQ4_0
    case .q4_1: encodeQ4_1
    case .q5_0: encodeQ5_0
    case .q5_1: encodeQ5_1
    case .q8_0: encodeQ8_0
    case .q2_K: encodeQ2_K
    case .q3_K: encodeQ3_K
    case .q4_K: encodeQ4_K
    case .q5_K: encodeQ5_K
    case .q6_K: encodeQ6_K
    case .iq4_nl: encodeIQ4_NL
    case .iq4_xs: encodeIQ4_XS
    case .mxfp4: encodeMXFP4
    case .f64, .i8, .i16, .i32, .i64, .f8_e4m3, .f8_e5m2, .u8: nil
    }
  }
}

// MARK: - Stores and roundings

extension BlockCodec {
  static func storeHalf(_ value: Float, _ block: UnsafeMutableRawPointer, _ offset: Int) {
    storeInteger(HalfPrecision.bits(value), block, offset)
  }

  static func storeInteger(
    _ value: some FixedWidthInteger & BitwiseCopyable, _ block: UnsafeMutableRawPointer,
    _ offset: Int
  ) {
    block.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
  }

  /// Sets bits of a byte that was zero there.
  static func merge(_ bits: Int, _ block: UnsafeMutableRawPointer, _ offset: Int) {
    let old = block.load(fromByteOffset: offset, as: UInt8.self)
    block.storeBytes(
      of: old | UInt8(truncatingIfNeeded: bits), toByteOffset: offset, as: UInt8.self)
  }

  /// The value rounded down, kept in a range; NaN gives the range's lower end.
  static func floored(_ value: Float, _ range: ClosedRange<Int>) -> Int {
    guard value > Float(range.lowerBound) else { return range.lowerBound }
    return value >= Float(range.upperBound) ? range.upperBound : Int(value.rounded(.down))
  }

  /// The value rounded to nearest, ties away from zero, kept in a range.
  static func nearest(_ value: Float, _ range: ClosedRange<Int>) -> Int {
    floored(value.rounded(.toNearestOrAwayFromZero), range)
  }

  /// 1 / value, or 0 for 0.
  static func inverse(_ value: Float) -> Float { value == 0 ? 0 : 1 / value }

  /// The value of largest magnitude, with its sign; the first of equals.
  static func extreme(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var result: Float = 0
    for j in 0..<count where abs(x[j]) > abs(result) { result = x[j] }
    return result
  }

  /// The smallest and the largest value.
  static func bounds(_ x: UnsafePointer<Float>, _ count: Int) -> (low: Float, high: Float) {
    var low = x[0]
    var high = x[0]
    for j in 1..<count {
      if x[j] < low { low = x[j] }
      if x[j] > high { high = x[j] }
    }
    return (low, high)
  }

  /// The index of the level nearest to a value.
  static func nearestLevel(_ value: Float, _ levels: [Int]) -> Int {
    var best = 0
    var distance = Float.infinity
    for (index, level) in levels.enumerated() where abs(value - Float(level)) < distance {
      best = index
      distance = abs(value - Float(level))
    }
    return best
  }
}
