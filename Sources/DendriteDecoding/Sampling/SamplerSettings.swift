// SPDX-License-Identifier: Apache-2.0

/// How the next token is chosen from the model's scores.
///
/// The steps run in llama.cpp's order, and each is switched off by its neutral value or by `nil`:
///
///     logit bias → penalties → top-k → top-p → min-p → temperature → argmax with position noise
///
/// The default is llama.cpp's too (temperature 0.8, top-k 40, top-p 0.95, min-p 0.05), so that
/// texts can be compared. Settings are checked by ``validate(vocabularySize:)``, which every
/// consumer calls.
///
/// - Source: `common/sampling.cpp` and `src/llama-sampler.cpp` of llama.cpp.
public struct SamplerSettings: Sendable, Hashable {
  /// Divides the log-probabilities: p ∝ exp(logit / temperature).
  ///
  /// Zero takes the most probable token every time.
  public var temperature: Double
  /// Keeps the `topK` most probable tokens (ties: the lowest ids); `nil` keeps all.
  ///
  /// - Source: Fan et al. 2018 (arXiv:1805.04833).
  public var topK: Int?
  /// Keeps the smallest set of most probable tokens whose probabilities reach `topP`.
  ///
  /// - Source: Holtzman et al. 2019 (arXiv:1904.09751).
  public var topP: Double?
  /// Keeps tokens with p ≥ `minP` · p(best).
  ///
  /// - Source: Nguyen et al. 2024 (arXiv:2407.01082).
  public var minP: Double?
  /// What happens to tokens that occurred before.
  public var penalties: Penalties
  /// Added to single scores before anything else; −∞ forbids a token.
  public var logitBias: [Int: Float]
  /// The seed of the noise; `nil` draws one, which the statistics report.
  public var seed: UInt64?
  /// Tells several replies to the same prompt and seed apart.
  public var choice: UInt32

  /// Settings for sampling.
  public init(
    temperature: Double = 0.8, topK: Int? = 40, topP: Double? = 0.95, minP: Double? = 0.05,
    penalties: Penalties = .none, logitBias: [Int: Float] = [:], seed: UInt64? = nil,
    choice: UInt32 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.penalties = penalties
    self.logitBias = logitBias
    self.seed = seed
    self.choice = choice
  }

  /// The most probable token every time; no noise, no filters.
  public static let greedy = SamplerSettings(temperature: 0, topK: nil, topP: nil, minP: nil)

  /// The model's own distribution, unfiltered.
  public static func pure(temperature: Double = 1, seed: UInt64? = nil) -> SamplerSettings {
    SamplerSettings(temperature: temperature, topK: nil, topP: nil, minP: nil, seed: seed)
  }
}

/// What happens to the scores of tokens that occurred in the last tokens of the history.
///
/// For a token that occurs c > 0 times in the window (prompt and reply alike):
///
///     l ← l > 0 ? l / repetition : l · repetition
///     l ← l − (c · frequency + presence)
///
/// - Precision: Double, rounded to Float once.
/// - Source: repetition: Keskar et al. 2019 (arXiv:1909.05858), for negative scores as in
///   llama.cpp; presence and frequency: OpenAI's API.
public struct Penalties: Sendable, Hashable {
  /// How far back the penalties look.
  public enum Window: Sendable, Hashable {
    /// This many tokens.
    case last(Int)
    /// The whole history.
    case all
  }

  /// Divides positive and multiplies negative scores; 1 is neutral.
  public var repetition: Double
  /// Subtracted once; 0 is neutral.
  public var presence: Double
  /// Subtracted per occurrence; 0 is neutral.
  public var frequency: Double
  /// How far back to look.
  public var window: Window

  /// Penalties over a window.
  public init(
    repetition: Double = 1, presence: Double = 0, frequency: Double = 0,
    window: Window = .last(64)
  ) {
    self.repetition = repetition
    self.presence = presence
    self.frequency = frequency
    self.window = window
  }

  /// No penalties.
  public static let none = Penalties()

  /// Whether no score can change.
  package var areNeutral: Bool {
    (repetition == 1 && presence == 0 && frequency == 0) || window == .last(0)
  }
}
