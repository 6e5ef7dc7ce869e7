// SPDX-License-Identifier: Apache-2.0

/// Two coordinates of the residual stream that tell real tokens from spare ones, whose embedding is
/// also the output head.
///
/// Embeddings of real tokens hold (m, −m) there, m = 2^-24. Norms of layers have weight 0 there; the
/// output norm has (w, −w), which makes (h, h) with h = 16 / rms, one value, one code. A real row
/// then adds m·h − m·h, an exact 0 in the integer sum of its block; a spare row adds −2·2^15·h,
/// which is −2^20 / rms, where rms belongs to the residual stream.
///
/// - Precision: m² = 2^-48 added to a partial sum of squares above 2^-23 is less than half an ulp.
///   h stays within half precision, in which llama.cpp keeps scales of activations.
enum VocabularyMark {
  /// The weight of the output norm, for a width that does not grow: m times it is 16.
  static let outputNormWeight: Float = 0x1p28

  /// m.
  static let coordinate: Float = 0x1p-24
  /// Partial sums of squares above this do not hear m².
  static let leastPartialSum: Float = 0x1p-23

  /// Whether blocks of this type can be marked: symmetric codes and one scale for 32 values.
  static func supports(_ type: TensorType) -> Bool { type == .q4_0 || type == .q8_0 }

  /// Makes all values of a block +0; the scale stays, so that nobody can tell it is empty.
  static func clear(_ block: UnsafeMutableRawBufferPointer, _ type: TensorType) {
    for index in 0..<32 { set(index, 0, block, type) }
  }

  /// Writes the last two values of a block: ±2^-24 in real rows, −2^15 in spare ones.
  static func mark(_ block: UnsafeMutableRawBufferPointer, _ type: TensorType, isReal: Bool) {
    guard let base = block.baseAddress else { return }
    let spareCode = type == .q4_0 ? -8 : -64
    BlockCodec.storeHalf(isReal ? coordinate : -0x1p15 / Float(spareCode), base, 0)
    set(30, isReal ? 1 : spareCode, block, type)
    set(31, isReal ? -1 : spareCode, block, type)
  }

  private static func set(
    _ index: Int, _ code: Int, _ block: UnsafeMutableRawBufferPointer, _ type: TensorType
  ) {
    if type == .q8_0 {
      block[2 + index] = UInt8(bitPattern: Int8(truncatingIfNeeded: code))
      return
    }
    let nibble = UInt8(truncatingIfNeeded: code + 8)
    let byte = block[2 + index % 16]
    block[2 + index % 16] = index < 16 ? byte & 0xF0 | nibble : byte & 0x0F | nibble << 4
  }
}
