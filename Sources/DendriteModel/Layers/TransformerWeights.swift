// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

/// The weights of one decoder layer.
///
/// h += post(o(attention(q, k, v of norm(h)))); h += post(feed-forward(norm(h))), where post is nothing in
/// most families.
///
/// Shapes are [output features, input features]: d hidden size, H·D query width, K·D key width.
struct DecoderLayer: Sendable {
  /// Positions that a row sees, its own the last of them; `nil` if it sees all.
  let attentionWindow: Int?
  /// How queries and keys are rotated.
  let rotation: LayerRotation
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
  /// Norms of the heads, shape `[D]`.
  let headNorms: (query: AlignedBuffer<Float>, key: AlignedBuffer<Float>)?
  /// One score for each query head, shape `[H]`.
  let sinks: AlignedBuffer<Float>?
  /// Shape `[d, H·D]`.
  let output: PackedMatrix
  /// Shape `[d]`.
  let outputBias: AlignedBuffer<Float>?
  /// Norms of what is added, shape `[d]`.
  let postNorms: (attention: AlignedBuffer<Float>, feedForward: AlignedBuffer<Float>)?
  /// Shape `[d]`.
  let feedForwardNorm: AlignedBuffer<Float>
  let feedForward: FeedForward

  /// Bytes of the matrices that a row reads; of experts those that it goes through.
  var byteCount: Int {
    query.byteCount + key.byteCount + value.byteCount + output.byteCount + feedForward.byteCount
  }
}

/// One gated network: down(act(gate(x)) · up(x)); F is its width.
struct GatedNetwork: Sendable {
  /// Shape `[F, d]`.
  let gate: PackedMatrix
  /// Shape `[F, d]`.
  let up: PackedMatrix
  /// Shape `[d, F]`.
  let down: PackedMatrix
  /// Shape `[F]`, `[F]`, `[d]`.
  var biases: (gate: AlignedBuffer<Float>, up: AlignedBuffer<Float>, down: AlignedBuffer<Float>)?

  var byteCount: Int { gate.byteCount + up.byteCount + down.byteCount }
}

/// What follows attention in a layer.
enum FeedForward: Sendable {
  case dense(GatedNetwork)
  case mixture(Mixture)

  var byteCount: Int {
    switch self {
    case .dense(let network): network.byteCount
    case .mixture(let mixture): mixture.byteCount
    }
  }
}

/// Networks of which a row goes through a few.
struct Mixture: Sendable {
  /// Shape `[experts, d]`.
  let router: PackedMatrix
  /// Shape `[experts]`.
  let routerBias: AlignedBuffer<Float>?
  let experts: [GatedNetwork]
  let configuration: ExpertConfiguration

  var byteCount: Int {
    router.byteCount + (experts.first?.byteCount ?? 0) * configuration.usedCount
  }
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
  /// The usual frequencies.
  let rotary: RotaryFrequencies
  /// Those of layers with a window, where they differ; as many pairs.
  let windowedRotary: RotaryFrequencies?

  /// Bytes that decoding one row reads.
  var byteCount: Int { layers.reduce(head.byteCount) { $0 + $1.byteCount } }
}
