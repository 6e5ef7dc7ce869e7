// SPDX-License-Identifier: Apache-2.0

/// A published model's sizes, without its weights: enough to make a file that costs as much to run.
public struct ModelShape: Sendable {
  /// Llama 3's scaling of rotary frequencies, stored in files as divisors.
  struct FrequencyScaling: Sendable {
    /// Divisor of the longest waves.
    let factor: Double
    /// Waves longer than the original context divided by this are divided by `factor`.
    var lowFactor = 1.0
    /// Waves shorter than the original context divided by this are left alone.
    var highFactor = 4.0
    /// The context the frequencies were trained for.
    var originalContext = 8192.0
  }

  /// The name to ask for, for example `llama-3.2-1b`.
  public let name: String
  /// Sizes and constants.
  public let configuration: ModelConfiguration
  let vocabulary: SyntheticVocabulary.Kind
  let frequencyScaling: FrequencyScaling?

  /// The shape of this name, whatever the case of its letters.
  public init?(named name: String) {
    guard let shape = ModelShape.all.first(where: { $0.name == name.lowercased() }) else {
      return nil
    }
    self = shape
  }

  /// Describes a shape of one's own, for tests and fuzzers.
  package init(
    _ name: String, _ configuration: ModelConfiguration, _ vocabulary: SyntheticVocabulary.Kind,
    frequencyFactor: Double? = nil
  ) {
    self.name = name
    self.configuration = configuration
    self.vocabulary = vocabulary
    frequencyScaling = frequencyFactor.map { FrequencyScaling(factor: $0) }
  }

  /// The divisors of the rotary angles, `[ropeDimensionCount / 2]`; `nil` without scaling.
  ///
  /// - Source: Llama 3.1's reference code, `apply_scaling`; constants from its config.json.
  public var ropeFrequencies: [Float]? {
    guard let scaling = frequencyScaling else { return nil }
    let dimensions = configuration.ropeDimensionCount
    return (0..<dimensions / 2).map { pair in
      let exponent = Double(2 * pair) / Double(dimensions)
      let wavelength = 2 * Double.pi * Mathematics.power(configuration.ropeBase, exponent)
      if wavelength < scaling.originalContext / scaling.highFactor { return 1 }
      if wavelength > scaling.originalContext / scaling.lowFactor { return Float(scaling.factor) }
      let smooth =
        (scaling.originalContext / wavelength - scaling.lowFactor)
        / (scaling.highFactor - scaling.lowFactor)
      return Float(1 / ((1 - smooth) / scaling.factor + smooth))
    }
  }
}

// MARK: - The table

extension ModelShape {
  /// Every shape that `init(named:)` knows; sizes from the models' config.json files.
  public static let all: [ModelShape] = [
    llama(
      "llama-3.2-1b", hidden: 2048, feedForward: 8192, layers: 16, heads: 32, kvHeads: 8,
      headDim: 64, tied: true, frequencyFactor: 32),
    llama(
      "llama-3.2-3b", hidden: 3072, feedForward: 8192, layers: 28, heads: 24, kvHeads: 8,
      headDim: 128, tied: true, frequencyFactor: 32),
    llama(
      "llama-3.1-8b", hidden: 4096, feedForward: 14336, layers: 32, heads: 32, kvHeads: 8,
      headDim: 128, tied: false, frequencyFactor: 8),
    qwen(
      "qwen2.5-0.5b", hidden: 896, feedForward: 4864, layers: 24, heads: 14, kvHeads: 2,
      headDim: 64),
    qwen(
      "qwen2.5-1.5b", hidden: 1536, feedForward: 8960, layers: 28, heads: 12, kvHeads: 2,
      headDim: 128),
    qwen(
      "qwen2.5-7b", hidden: 3584, feedForward: 18944, layers: 28, heads: 28, kvHeads: 4,
      headDim: 128, vocabulary: 152_064, tied: false),
    sentencePiece(
      "llama-2-7b", hidden: 4096, feedForward: 11008, layers: 32, heads: 32, kvHeads: 32,
      headDim: 128, context: 4096),
    sentencePiece(
      "tinyllama-1.1b", hidden: 2048, feedForward: 5632, layers: 22, heads: 32, kvHeads: 4,
      headDim: 64, context: 2048),
    smolLM(
      "smollm2-135m", hidden: 576, feedForward: 1536, layers: 30, heads: 9, kvHeads: 3),
    smolLM(
      "smollm2-360m", hidden: 960, feedForward: 2560, layers: 32, heads: 15, kvHeads: 5),
    tinyLlama, tinyQwen2, tinySentencePiece,
  ]

  /// A Llama of 1.5 million weights whose rows suit every type; for tests.
  public static let tinyLlama = ModelShape(
    "tiny-llama",
    ModelConfiguration(
      architecture: .llama, name: "tiny-llama", vocabularySize: 384, contextLength: 512,
      hiddenSize: 256, layerCount: 2, feedForwardSize: 512, headCount: 4, kvHeadCount: 2,
      headDim: 64, ropeBase: 500_000, hasRopeFrequencies: true),
    .llama3(firstSpecial: 374), frequencyFactor: 8)

  /// A Qwen 2 of 0.4 million weights with rows of 128, tied output and biases; for tests.
  public static let tinyQwen2 = ModelShape(
    "tiny-qwen2",
    ModelConfiguration(
      architecture: .qwen2, name: "tiny-qwen2", vocabularySize: 384, contextLength: 512,
      hiddenSize: 128, layerCount: 2, feedForwardSize: 256, headCount: 4, kvHeadCount: 2,
      headDim: 32, ropeBase: 1_000_000, rmsNormEpsilon: 1e-6, isOutputTied: true,
      hasQKVBias: true),
    .qwen2(firstSpecial: 379))

  /// A Llama of 0.2 million weights with a SentencePiece vocabulary; for tests.
  public static let tinySentencePiece = ModelShape(
    "tiny-llama2",
    ModelConfiguration(
      architecture: .llama, name: "tiny-llama2", vocabularySize: 512, contextLength: 256,
      hiddenSize: 64, layerCount: 2, feedForwardSize: 160, headCount: 4, kvHeadCount: 4,
      headDim: 16),
    .sentencePiece)

  private static func llama(
    _ name: String, hidden: Int, feedForward: Int, layers: Int, heads: Int, kvHeads: Int,
    headDim: Int, tied: Bool, frequencyFactor: Double
  ) -> ModelShape {
    ModelShape(
      name,
      ModelConfiguration(
        architecture: .llama, name: name, vocabularySize: 128_256, contextLength: 131_072,
        hiddenSize: hidden, layerCount: layers, feedForwardSize: feedForward, headCount: heads,
        kvHeadCount: kvHeads, headDim: headDim, ropeBase: 500_000, isOutputTied: tied,
        hasRopeFrequencies: true),
      .llama3(firstSpecial: 128_000), frequencyFactor: frequencyFactor)
  }

  private static func qwen(
    _ name: String, hidden: Int, feedForward: Int, layers: Int, heads: Int, kvHeads: Int,
    headDim: Int, vocabulary: Int = 151_936, tied: Bool = true
  ) -> ModelShape {
    ModelShape(
      name,
      ModelConfiguration(
        architecture: .qwen2, name: name, vocabularySize: vocabulary, contextLength: 32_768,
        hiddenSize: hidden, layerCount: layers, feedForwardSize: feedForward, headCount: heads,
        kvHeadCount: kvHeads, headDim: headDim, ropeBase: 1_000_000, rmsNormEpsilon: 1e-6,
        isOutputTied: tied, hasQKVBias: true),
      .qwen2(firstSpecial: 151_643))
  }

  private static func sentencePiece(
    _ name: String, hidden: Int, feedForward: Int, layers: Int, heads: Int, kvHeads: Int,
    headDim: Int, context: Int
  ) -> ModelShape {
    ModelShape(
      name,
      ModelConfiguration(
        architecture: .llama, name: name, vocabularySize: 32_000, contextLength: context,
        hiddenSize: hidden, layerCount: layers, feedForwardSize: feedForward, headCount: heads,
        kvHeadCount: kvHeads, headDim: headDim),
      .sentencePiece)
  }

  private static func smolLM(
    _ name: String, hidden: Int, feedForward: Int, layers: Int, heads: Int, kvHeads: Int
  ) -> ModelShape {
    ModelShape(
      name,
      ModelConfiguration(
        architecture: .llama, name: name, vocabularySize: 49_152, contextLength: 8192,
        hiddenSize: hidden, layerCount: layers, feedForwardSize: feedForward, headCount: heads,
        kvHeadCount: kvHeads, headDim: 64, ropeBase: 100_000, isOutputTied: true),
      .gpt2(firstSpecial: 49_135))
  }
}
