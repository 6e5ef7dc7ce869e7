// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Testing

@Suite struct BlockEncodingTests {
  /// x[i] = 4 · (((2654435761·i + 12345) mod 2^32) / 2^32 − 0.5), rounded to Float32 before the 4.
  static func values(_ count: Int) -> [Float] {
    (0..<count).map { i in
      let draw = UInt32(truncatingIfNeeded: 2_654_435_761 &* UInt64(i) &+ 12345)
      return Float(Double(draw) / 4_294_967_296 - 0.5) * 4
    }
  }

  /// The first 32 values, encoded by the `gguf` Python package 0.19.0 (`quants.quantize`).
  static let references: [(type: TensorType, hex: String)] = [
    (.q4_0, "0034E08A24CE68F1AB35DF7913BD57F19A34"),
    (.q4_1, "2D3400C0E08924BD67F19B35DE7913BC56E18A24"),
    (.q5_0, "00304A4B6B69C004488BCFF3377ABEE2266AADE11559"),
    (.q5_1, "0B3000C04A4B6B69C004478BBFF3367AAEE22669ADD11559"),
    (.q8_0, "0824811EBD5AF99835D47110AF4CEB8A27C66302A13EDD7A19B855F4922FCE6B0AA9"),
    (
      .bf16,
      "00C0F23E87BFB53FE4BDD2BF553F32BFE33F7F3EA4BF993FABBEEEBF1C3F6BBFC73FD83CC0BF783F0FBFF53F"
        + "C63E92BFAA3F49BEDDBF3F3F48BFD93F283EAFBF"
    ),
  ]

  @Test(arguments: references)
  func `types without a search encode to the reference's bytes`(type: TensorType, hex: String) {
    let digits = "0123456789ABCDEF".map { String($0) }
    let bytes = encode(type, Self.values(32))
    #expect(bytes.map { digits[Int($0 >> 4)] + digits[Int($0 & 15)] }.joined() == hex)
  }

  /// The error's root mean square over that of the values, at most, for values uniform in ±2: what
  /// a step of the type's width over each group's range gives, and a little more.
  static let bounds: [(type: TensorType, relativeError: Double)] = [
    (.f32, 0), (.f16, 4e-4), (.bf16, 3e-3), (.q8_0, 0.005),
    (.q5_0, 0.035), (.q5_1, 0.035), (.q4_0, 0.075), (.q4_1, 0.07), (.iq4_nl, 0.11),
    (.mxfp4, 0.20), (.q6_K, 0.02), (.q5_K, 0.04), (.q4_K, 0.075), (.q3_K, 0.16), (.q2_K, 0.35),
    (.iq4_xs, 0.11),
  ]

  @Test(arguments: bounds)
  func `what is encoded decodes to nearly the same values`(type: TensorType, bound: Double) {
    for scale: Float in [1, 0.01] {
      let values = Self.values(1024).map { $0 * scale }
      let decoded = decode(type, encode(type, values))
      let error = zip(values, decoded).reduce(0) {
        $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
      }
      let power = values.reduce(0) { $0 + Double($1) * Double($1) }
      let relative = (error / power).squareRoot()
      #expect(relative <= bound, "\(type) at scale \(scale)")
    }
  }

  @Test(arguments: TensorType.allCases.filter { BlockCodec.canQuantize(to: $0) })
  func `zeros and constants survive, and nothing traps on what is no number`(type: TensorType) {
    let count = 2 * type.blockLength
    let zeros = decode(type, encode(type, [Float](repeating: 0, count: count)))
    #expect(zeros.allSatisfy { $0 == 0 })
    let constant: [Float] = decode(type, encode(type, [Float](repeating: -0.5, count: count)))
    #expect(constant.allSatisfy { abs($0 + 0.5) < 0.02 })
    let oddities: [Float] = [
      .nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ]
    for odd in oddities {
      var values = Self.values(count)
      values[0] = odd
      _ = decode(type, encode(type, values))
      _ = decode(type, encode(type, [Float](repeating: odd, count: count)))
    }
  }

  @Test func `integer types, F64 and floats of eight bits are not encoded`() {
    let types = TensorType.allCases.filter { !BlockCodec.canQuantize(to: $0) }
    #expect(types == [.i8, .i16, .i32, .i64, .f64, .f8_e4m3, .f8_e5m2, .u8])
  }
}

/// Encodes whole blocks.
func encode(_ type: TensorType, _ values: [Float]) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xAA, count: values.count / type.blockLength * type.blockBytes)
  bytes.withUnsafeMutableBytes { bytes in
    values.withUnsafeBufferPointer { BlockCodec.quantize(type, from: $0, into: bytes) }
  }
  return bytes
}
