// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

/// Why a reply ended.
public enum FinishReason: Sendable, Hashable {
  /// The model produced a token that ends a text or a turn.
  case stop(token: Int)
  /// A stop string appeared.
  case stopString(String)
  /// The reply reached its longest length.
  case length
  /// The context holds no further token.
  case contextFull
  /// The task was cancelled, or nobody listened any more.
  case cancelled
}

/// What a reply cost, and everything needed to get it again.
public struct GenerationStatistics: Sendable, Hashable {
  /// Tokens of the prompt.
  public var promptTokens: Int
  /// Tokens of the prompt that were in the cache already.
  public var reusedTokens = 0
  /// Tokens of the reply, a token that ended it included.
  public var generatedTokens = 0
  /// Passes behind the prompt: each gave one token, and one more for each accepted guess.
  public var decodePasses = 0
  /// Guesses that were checked.
  public var draftedTokens = 0
  /// Guesses that the model confirmed and that are part of the reply.
  public var acceptedTokens = 0
  /// Time in passes behind the prompt.
  public var verifyTime: Duration = .zero
  /// Time that the model waited for guesses.
  public var draftTime: Duration = .zero
  /// A pass of one row, if one was timed.
  public var plainPassTime: Duration?
  /// What the drafters did.
  public var drafter = DrafterReport()
  /// From the request to the first token.
  public var timeToFirstToken: Duration?
  /// Time in passes over the prompt.
  public var prefillTime: Duration = .zero
  /// From the first token to the last.
  public var decodeTime: Duration = .zero
  /// The seed of the noise, given or drawn.
  public var seed: UInt64
  /// The kernels that ran; the text does not depend on them.
  public var kernelVariant: String
  /// How keys and values were stored; the text depends on it.
  public var cacheType: CacheType
  /// Why the reply ended; `nil` while it goes on.
  public var finishReason: FinishReason?

  package init(promptTokens: Int, seed: UInt64, kernelVariant: String, cacheType: CacheType) {
    self.promptTokens = promptTokens
    self.seed = seed
    self.kernelVariant = kernelVariant
    self.cacheType = cacheType
  }

  /// Prompt tokens per second, reused ones not counted; `nil` if nothing was timed.
  public var prefillRate: Double? {
    Self.rate(promptTokens - reusedTokens, in: prefillTime)
  }

  /// Tokens per second behind the first; `nil` if there was no second one.
  public var decodeRate: Double? {
    Self.rate(generatedTokens - 1, in: decodeTime)
  }

  /// The time that plain passes would have taken over that of drafts and checks; `nil` if no plain pass was timed.
  ///
  /// What a token costs besides, its text for example, is the same both ways and left out.
  public var speedOverPlain: Double? {
    let spent = verifyTime + draftTime
    guard let plainPassTime, spent > .zero else { return nil }
    return Double(decodePasses + acceptedTokens) * (plainPassTime / spent)
  }

  /// Tokens a pass gave on average; `nil` if nothing was guessed.
  public var meanAcceptanceLength: Double? {
    guard draftedTokens > 0, decodePasses > 0 else { return nil }
    return Double(decodePasses + acceptedTokens) / Double(decodePasses)
  }

  private static func rate(_ count: Int, in time: Duration) -> Double? {
    let seconds = time / .seconds(1)
    return count > 0 && seconds > 0 ? Double(count) / seconds : nil
  }
}

extension GenerationStatistics: CustomStringConvertible {
  /// One line, as in `42 tokens, 61.3 tok/s; prompt 9, 210 tok/s; seed 7; avx2; f16 cache`.
  public var description: String {
    var text = "\(generatedTokens) tokens"
    if let decodeRate { text += ", \(Self.short(decodeRate)) tok/s" }
    text += "; prompt \(promptTokens)"
    if reusedTokens > 0 { text += " (\(reusedTokens) reused)" }
    if let prefillRate { text += ", \(Self.short(prefillRate)) tok/s" }
    text += "; seed \(seed)"
    if !kernelVariant.isEmpty { text += "; \(kernelVariant)" }
    return text + "; \(cacheType.rawValue) cache"
  }

  /// One decimal below 100, none above.
  private static func short(_ rate: Double) -> String {
    if rate >= 100 { return "\(Int(min(rate.rounded(), 1e15)))" }
    return "\((rate * 10).rounded() / 10)"
  }
}
