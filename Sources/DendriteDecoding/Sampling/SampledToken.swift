// SPDX-License-Identifier: Apache-2.0

/// A token that a sampler chose, and how likely the model found it.
public struct SampledToken: Sendable, Hashable {
  /// The token's id in the vocabulary.
  public var id: Int
  /// log p of the token under the model's own distribution (natural logarithm).
  ///
  /// That is before bias, penalties, filters and temperature.
  public var logProbability: Float

  /// A token and its log-probability.
  public init(id: Int, logProbability: Float) {
    self.id = id
    self.logProbability = logProbability
  }
}
