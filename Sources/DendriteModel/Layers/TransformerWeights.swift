// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

/// The weights of one decoder layer.
///
/// h += o(attention(q, k, v of norm(h))); h += down(silu(gate(norm(h))) · up(norm(h))).
///
/// Shapes are [output features, input features]: d hidden size, H·D query width, K·D key width, F
/// feed-forward size.
struct DecoderLayer: Sendable {
  /// Positions that a row sees, its own the last of them; `nil` if it sees all.
  let attentionWindow: Int?
  /// Shape `[d]`.
  let attentionNorm: AlignedBuffer<Float>
  /// Shape `[H·D, d]`.
  let query: PackedMatrix
  /// Shape `[K·D, d]`.
  let key: PackedMatrix
  /// Shape `[K·D, d]`.
  let value: PackedMatrix
  /// Shape `[H·D]`, `[K·D]`, `[K·D]`.
  let biases: (query: AlignedBuffer<Float>, key: AlignedBuffer<Float>, value: AlignedBuffer<Float>)?
  /// Shape `[d, H·D]`.
  let output: PackedMatrix
  /// Shape `[d]`.
  let feedForwardNorm: AlignedBuffer<Float>
  /// Shape `[F, d]`.
  let gate: PackedMatrix
  /// Shape `[F, d]`.
  let up: PackedMatrix
  /// Shape `[d, F]`.
  let down: PackedMatrix
}

/// A whole decoder, ready to multiply.
struct TransformerWeights: Sendable {
  let configuration: ModelConfiguration
  /// `[vocabulary, d]`, as the file holds it: rows are decoded one by one.
  let embedding: TensorView
  let layers: [DecoderLayer]
  /// Shape `[d]`.
  let outputNorm: AlignedBuffer<Float>
  /// `[vocabulary, d]`; the embedding once more if the file ties them.
  let head: PackedMatrix
  let rotary: RotaryFrequencies
  /// Whether rotary pairs are (2i, 2i+1), as llama files have them, or (i, i + pairs).
  let rotatesInterleaved: Bool

  /// Bytes that decoding one row reads.
  var byteCount: Int {
    layers.reduce(head.byteCount) {
      $0 + $1.query.byteCount + $1.key.byteCount + $1.value.byteCount + $1.output.byteCount
        + $1.gate.byteCount + $1.up.byteCount + $1.down.byteCount
    }
  }
}
