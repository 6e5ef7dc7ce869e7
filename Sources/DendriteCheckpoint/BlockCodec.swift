// SPDX-License-Identifier: Apache-2.0

/// Decodes and encodes the blocks that tensors are stored in: the plain, readable reference.
///
/// One function per type, written from the layout in ggml `src/ggml-common.h` and the row
/// functions of `src/ggml-quants.c`. Not for speed: the kernels of DendriteCompute decode their own
/// packing and are tested against this.
public enum BlockCodec {
  /// Decodes whole blocks to Float32.
  ///
  /// - Shapes: `bytes` holds n blocks of `type`; `values` has n × `type.blockLength` elements.
  /// - Precondition: the counts agree and `type` holds floats (no I8, I16, I32, I64).
  /// - Precision: every product is rounded once to Float32, as the reference decoder does.
  public static func dequantize(
    _ type: TensorType, from bytes: UnsafeRawBufferPointer,
    into values: UnsafeMutableBufferPointer<Float>
  ) {
    let blocks = values.count / type.blockLength
    precondition(
      blocks * type.blockLength == values.count && blocks * type.blockBytes == bytes.count,
      "\(bytes.count) bytes of \(type) do not decode to \(values.count) values")
    guard blocks > 0, let source = bytes.baseAddress, let target = values.baseAddress else {
      return
    }
    let decode = decoder(of: type)
    for block in 0..<blocks {
      decode(source + block * type.blockBytes, target + block * type.blockLength)
    }
  }

  /// Decodes one block at an address that need not be aligned.
  typealias Decoder = (UnsafeRawPointer, UnsafeMutablePointer<Float>) -> Void

  private static func decoder(of type: TensorType) -> Decoder {
    switch type {
    case .f32: decodeF32
    case .f16: decodeF16
    case .bf16: decodeBF16
    case .f64: decodeF64
    case .q4_0: decodeQ4_0
    case .q4_1: decodeQ4_1
    case .q5_0: decodeQ5_0
    case .q5_1: decodeQ5_1
    case .q8_0: decodeQ8_0
    case .q2_K: decodeQ2_K
    case .q3_K: decodeQ3_K
    case .q4_K: decodeQ4_K
    case .q5_K: decodeQ5_K
    case .q6_K: decodeQ6_K
    case .iq4_nl: decodeIQ4_NL
    case .iq4_xs: decodeIQ4_XS
    case .mxfp4: decodeMXFP4
    case .f8_e4m3: { $1[0] = HalfPrecision.float(e4m3: UInt8(byte($0, 0))) }
    case .f8_e5m2: { $1[0] = HalfPrecision.float(UInt16(byte($0, 0)) << 8) }
    case .i8, .i16, .i32, .i64, .u8: preconditionFailure("\(type) holds integers, not weights")
    }
  }
}

// MARK: - Loads

extension BlockCodec {
  /// The byte at `offset`.
  static func byte(_ block: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(block.load(fromByteOffset: offset, as: UInt8.self))
  }

  /// The signed byte at `offset`.
  static func signedByte(_ block: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(block.load(fromByteOffset: offset, as: Int8.self))
  }

  /// The half-precision number at `offset`, widened.
  static func half(_ block: UnsafeRawPointer, _ offset: Int) -> Float {
    HalfPrecision.float(
      UInt16(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  }
}
