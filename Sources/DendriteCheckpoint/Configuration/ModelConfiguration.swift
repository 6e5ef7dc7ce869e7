// SPDX-License-Identifier: Apache-2.0

/// The families of transformers that this package runs; raw values are `general.architecture` in GGUF.
public enum Architecture: String, Sendable, Hashable, CaseIterable {
  /// Llama 1 to 3.x and all that share its graph: Mistral, Mixtral, TinyLlama, SmolLM2.
  case llama
  /// Qwen 2 and 2.5: biases on q, k and v.
  case qwen2
  /// Qwen 3: norms of the heads of q and k.
  case qwen3
  /// Qwen 3 with a mixture of experts.
  case qwen3moe
  /// Gemma 2: soft caps, a window in every second layer.
  case gemma2
  /// Gemma 3, text: norms of the heads, a window in five layers of six.
  case gemma3
  /// Phi 3 and 4 (mini): fused matrices.
  case phi3
  /// SmolLM 3: no rotation in every fourth layer.
  case smollm3
  /// gpt-oss: attention sinks, experts with biases, in MXFP4.
  case gptOSS = "gpt-oss"
}

/// How rotary angles are scaled beyond the trained context; the arithmetic is in `RotaryFrequencies`.
///
/// GGUF files carry Llama 3's scaling as divisors in the tensor `rope_freqs` instead.
public enum RopeScaling: Sendable, Hashable {
  case none
  /// Every angle is divided by `factor`.
  case linear(factor: Double)
  /// Long waves are divided by `factor`, short ones kept, those between blended.
  case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Double)
  /// As `llama3`, by another rule, and cosines and sines are enlarged.
  case yarn(YarnScaling)
  /// One divisor for each pair, and cosines and sines multiplied by `magnitude`.
  case divisors([Double], magnitude: Double)
}

/// YaRN's scaling of rotary angles.
///
/// - Source: Peng et al. 2023 (arXiv:2309.00071).
public struct YarnScaling: Sendable, Hashable {
  /// Divisor of the longest waves.
  public var factor: Double
  /// The context that the frequencies were trained for.
  public var originalContext: Double
  /// Waves that turn more often than this in the original context are kept.
  public var fastTurns = 32.0
  /// Waves that turn less often than this are divided.
  public var slowTurns = 1.0
  /// What cosines and sines are multiplied by.
  public var magnitude: Double
  /// Whether the pairs between which is blended are whole numbers.
  public var roundsPairs = true
}

/// What stands between the gate and its product with the upper half of a feed-forward network.
public enum Activation: String, Sendable, Hashable {
  /// x / (1 + e^−x).
  case silu
  /// GELU in the form with tanh.
  case geluTanh
  /// gpt-oss's own: x / (1 + e^(−1.702 x)) times up + 1, both cut off at 7.
  case clampedSiLU
}

/// The feed-forward networks of a mixture of experts.
public struct ExpertConfiguration: Sendable, Hashable {
  /// Experts of a layer.
  public var count: Int
  /// Experts that a row goes through.
  public var usedCount: Int
  /// Width of one expert.
  public var feedForwardSize: Int
  /// Whether the weights of the chosen experts are made to add up to 1.
  public var normalizesWeights: Bool
  /// How a file holds the experts of a layer.
  public var layout: ExpertLayout
  /// Whether router and experts have biases.
  public var hasBiases = false
}

/// How a file holds the experts of a layer.
public enum ExpertLayout: Sendable, Hashable {
  /// Three matrices for each expert.
  case separate
  /// Three tensors, the experts one behind the other.
  case stacked
  /// Two tensors whose columns are output features; those of gate and up take turns.
  case transposed
  /// As `transposed`, but rows are output features, in blocks of 32 numbers of four bits beside their exponents.
  case blocks
}

/// A transformer's sizes and constants, range-checked.
///
/// Products of any two sizes fit `Int` with room to spare, so that shapes can be computed without
/// further checks. Together with the table of `TensorName` it says all about a model's graph: what
/// loads and runs a model asks for nothing else.
public struct ModelConfiguration: Sendable, Hashable {
  /// The family.
  public var architecture: Architecture
  /// The name that the file gives its model; may be empty.
  public var name: String
  /// Rows of the embedding and of the output.
  public var vocabularySize: Int
  /// Positions the model was trained for.
  public var contextLength: Int
  /// A row sees itself and the `slidingWindow - 1` positions before it; `nil` if it sees all.
  public var slidingWindow: Int?
  /// Width of the residual stream.
  public var hiddenSize: Int
  /// Transformer blocks.
  public var layerCount: Int
  /// Width of the feed-forward network.
  public var feedForwardSize: Int
  /// Query heads.
  public var headCount: Int
  /// Key/value heads; divides `headCount`.
  public var kvHeadCount: Int
  /// Width of one head.
  public var headDim: Int
  /// Dimensions of each head that rotate; even, at most `headDim`.
  public var ropeDimensionCount: Int
  /// The base of rotary frequencies (theta).
  public var ropeBase: Double
  /// Scaling of rotary angles.
  public var ropeScaling: RopeScaling
  /// Added to the mean square in RMS norms.
  public var rmsNormEpsilon: Float
  /// Whether the output is the embedding, because `output.weight` is absent.
  public var isOutputTied: Bool
  /// Whether q, k and v have biases.
  public var hasQKVBias: Bool
  /// Whether the tensor `rope_freqs` divides the rotary angles.
  public var hasRopeFrequencies: Bool

  /// The layers that the window narrows; empty if it narrows all.
  public var windowedLayers: [Bool] = []
  /// The layers whose queries and keys are not rotated; empty if all are.
  public var unrotatedLayers: [Bool] = []
  /// The base of rotary frequencies in layers with a window, without scaling; `nil` if it is that of all.
  public var windowedRopeBase: Double?
  /// Whether rotary pairs are (2i, 2i+1), as llama's GGUF files have them, or (i, i + pairs).
  public var rotatesInterleaved: Bool
  /// What scores are multiplied by; `nil` for 1/√headDim.
  public var attentionScale: Double?
  /// Scores s become cap · tanh(s / cap).
  public var attentionSoftCap: Double?
  /// Logits x become cap · tanh(x / cap).
  public var outputSoftCap: Double?
  /// What embeddings are multiplied by.
  public var embeddingScale: Double?
  /// What the file's norm weights lack: 1 where it stores w for a factor of 1 + w.
  public var normOffset: Float = 0
  /// The activation of the feed-forward network.
  public var activation = Activation.silu
  /// Whether the heads of queries and keys go through RMS norms before they are rotated.
  public var hasQKNorm = false
  /// Whether what attention and feed-forward network add goes through RMS norms of its own.
  public var hasPostNorms = false
  /// Whether the output of attention has a bias.
  public var hasOutputBias = false
  /// Whether each query head has a sink: a score that takes its share of the attention and gives nothing.
  public var hasSinks = false
  /// Whether q, k and v are one tensor, rows of q first.
  public var isQKVFused = false
  /// Whether gate and up are one tensor, rows of the gate first.
  public var isGateUpFused = false
  /// The experts in place of one feed-forward network.
  public var experts: ExpertConfiguration?

  /// Describes a model; checks nothing.
  ///
  /// Files are checked by `ModelSource.modelConfiguration()`.
  public init(
    architecture: Architecture,
    name: String = "",
    vocabularySize: Int,
    contextLength: Int,
    slidingWindow: Int? = nil,
    hiddenSize: Int,
    layerCount: Int,
    feedForwardSize: Int,
    headCount: Int,
    kvHeadCount: Int,
    headDim: Int,
    ropeDimensionCount: Int? = nil,
    ropeBase: Double = 10_000,
    ropeScaling: RopeScaling = .none,
    rmsNormEpsilon: Float = 1e-5,
    isOutputTied: Bool = false,
    hasQKVBias: Bool = false,
    hasRopeFrequencies: Bool = false
  ) {
    self.architecture = architecture
    self.name = name
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.slidingWindow = slidingWindow
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.feedForwardSize = feedForwardSize
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
    self.ropeDimensionCount = ropeDimensionCount ?? headDim
    self.ropeBase = ropeBase
    self.ropeScaling = ropeScaling
    self.rmsNormEpsilon = rmsNormEpsilon
    self.isOutputTied = isOutputTied
    self.hasQKVBias = hasQKVBias
    self.hasRopeFrequencies = hasRopeFrequencies
    rotatesInterleaved = architecture.storesPairsInterleaved
  }

  /// Weights in all tensors of the model.
  public var parameterCount: Int {
    TensorName.all(in: self).reduce(0) { $0 + $1.expectedShape(in: self).shape.reduce(1, *) }
  }

  /// Positions that a row sees in a layer, its own the last of them; `nil` if it sees all.
  public func window(ofLayer layer: Int) -> Int? {
    guard let slidingWindow else { return nil }
    return windowedLayers.isEmpty || windowedLayers[layer] ? slidingWindow : nil
  }

  /// The angular speeds that a layer rotates by.
  public func rotation(ofLayer layer: Int) -> LayerRotation {
    if !unrotatedLayers.isEmpty, unrotatedLayers[layer] { return .none }
    return windowedRopeBase != nil && window(ofLayer: layer) != nil ? .windowed : .usual
  }
}

/// How a layer rotates queries and keys.
public enum LayerRotation: Sendable, Hashable {
  /// By `ropeBase` and `ropeScaling`.
  case usual
  /// By `windowedRopeBase`, unscaled.
  case windowed
  /// Not at all.
  case none
}

extension Architecture {
  /// Whether GGUF files of the family store the rows of q and k so that rotary pairs are neighbours.
  ///
  /// - Source: llama.cpp `src/llama-model.cpp`, `llama_model_rope_type`.
  public var storesPairsInterleaved: Bool { self == .llama || self == .smollm3 }
}
