// SPDX-License-Identifier: Apache-2.0

/// How a tensor's values are stored: the ggml types that this package reads.
///
/// A tensor is a sequence of blocks along its rows; a block holds `blockLength` values in
/// `blockBytes` bytes. Raw values are the type ids of GGUF files; types that only safetensors files have
/// stand above them.
///
/// - Source: ggml `include/ggml.h` (ids) and `src/ggml-common.h` (block sizes).
public enum TensorType: UInt32, Sendable, CaseIterable, CustomStringConvertible {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case iq4_nl = 20
  case iq4_xs = 23
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case bf16 = 30
  case mxfp4 = 39
  /// Eight bits, four of them for the exponent; in safetensors files only.
  case f8_e4m3 = 0x10000
  /// Eight bits, five of them for the exponent; in safetensors files only.
  case f8_e5m2 = 0x10001
  /// Bytes; in safetensors files only.
  case u8 = 0x10002

  /// Values in one block.
  public var blockLength: Int {
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64, .f8_e4m3, .f8_e5m2, .u8: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4: 32
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_xs: 256
    }
  }

  /// Bytes in one block.
  public var blockBytes: Int {
    switch self {
    case .i8, .f8_e4m3, .f8_e5m2, .u8: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .mxfp4: 17
    case .q4_0, .iq4_nl: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q2_K: 84
    case .q3_K: 110
    case .iq4_xs: 136
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    }
  }

  /// The type's name as files and other tools spell it, for example `Q4_K`.
  public var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .q4_0: "Q4_0"
    case .q4_1: "Q4_1"
    case .q5_0: "Q5_0"
    case .q5_1: "Q5_1"
    case .q8_0: "Q8_0"
    case .q2_K: "Q2_K"
    case .q3_K: "Q3_K"
    case .q4_K: "Q4_K"
    case .q5_K: "Q5_K"
    case .q6_K: "Q6_K"
    case .iq4_nl: "IQ4_NL"
    case .iq4_xs: "IQ4_XS"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .f64: "F64"
    case .bf16: "BF16"
    case .mxfp4: "MXFP4"
    case .f8_e4m3: "F8_E4M3"
    case .f8_e5m2: "F8_E5M2"
    case .u8: "U8"
    }
  }

  /// The type's name.
  public var description: String { name }

  /// Whether values are integers, which carry ids or tables and never weights.
  public var isInteger: Bool {
    switch self {
    case .i8, .i16, .i32, .i64, .u8: true
    default: false
    }
  }

  /// Whether GGUF files have the type.
  public var isOfGGUF: Bool { rawValue < 0x10000 }

  /// Average bits of storage per value.
  public var bitsPerValue: Double { Double(blockBytes * 8) / Double(blockLength) }

  /// The type of this name, whatever the case of its letters.
  public init?(named name: String) {
    let wanted = name.uppercased()
    guard let type = TensorType.allCases.first(where: { $0.name == wanted && $0.isOfGGUF }) else {
      return nil
    }
    self = type
  }

  /// Bytes that `elements` values take.
  ///
  /// - Returns: `nil` if `elements` is negative, no whole number of blocks, or too large.
  public func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % blockLength == 0 else { return nil }
    let (bytes, overflow) = (elements / blockLength).multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }
}

extension TensorType {
  /// What is known about a type id that this package does not read, for messages.
  static func describeUnsupported(id: UInt32) -> String {
    switch id {
    case 4, 5, 31, 32, 33, 36, 37, 38: "the removed type \(id)"
    case 9: "Q8_1, a type of activations"
    case 15: "Q8_K, a type of activations"
    case 16: "IQ2_XXS"
    case 17: "IQ2_XS"
    case 18: "IQ3_XXS"
    case 19: "IQ1_S"
    case 21: "IQ3_S"
    case 22: "IQ2_S"
    case 29: "IQ1_M"
    case 34: "TQ1_0"
    case 35: "TQ2_0"
    case 40: "NVFP4"
    case 41: "Q1_0"
    case 42: "Q2_0"
    default: "the unknown type \(id)"
    }
  }

  /// Every readable type of weights, for messages.
  static var supportedNames: String {
    allCases.filter { !$0.isInteger && $0 != .f64 && $0.isOfGGUF }.map(\.name).joined(
      separator: " ")
  }
}
