// SPDX-License-Identifier: Apache-2.0

/// The families of transformers that this package runs.
public enum Architecture: String, Sendable, Hashable, CaseIterable {
  /// Llama 1 to 3.x and all that share its graph: Mistral, TinyLlama, SmolLM2.
  case llama
  /// Qwen 2 and 2.5: biases on q, k and v.
  case qwen2
}

/// How rotary angles are scaled beyond the trained context.
///
/// Llama 3's scaling is not here: files carry it as divisors in the tensor `rope_freqs`.
public enum RopeScaling: Sendable, Hashable {
  case none
  /// Every angle is divided by `factor`.
  case linear(factor: Double)
}

/// A transformer's sizes and constants, range-checked.
///
/// Products of any two sizes fit `Int` with room to spare, so that shapes can be computed without
/// further checks.
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

  /// Describes a model; checks nothing.
  ///
  /// Files are checked by `GGUFFile.modelConfiguration()`.
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
  }

  /// Weights in all tensors of the model.
  public var parameterCount: Int {
    TensorName.all(in: self).reduce(0) { $0 + $1.expectedShape(in: self).shape.reduce(1, *) }
  }
}
