// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

/// A history of tokens and the cache that holds their keys and values, kept in step.
///
/// Not thread-safe: a context belongs to the one thread that calls its model. The cache is given
/// back when the context goes.
public final class DecodingContext {
  /// The model whose cache this is.
  public let model: any CausalModel
  /// Tokens of prompt and reply together.
  public let capacity: Int
  /// How keys and values are stored.
  public let cacheType: CacheType
  /// The tokens in the cache, in order.
  public private(set) var tokens: [Int] = []

  private let cache: CacheHandle
  private let release: @Sendable (CacheHandle) -> Void
  private var batch = RowBatch()

  /// Reserves a cache.
  ///
  /// - Throws: `badSetting`; `model` if there is not enough memory.
  public convenience init(
    model: any CausalModel, settings: ContextSettings = ContextSettings()
  ) throws(DecodingError) {
    try self.init(model: model, settings: settings) { model.release($0) }
  }

  /// Reserves a cache that is given back through `release`, which may be called on any thread.
  package init(
    model: any CausalModel, settings: ContextSettings,
    release: @escaping @Sendable (CacheHandle) -> Void
  ) throws(DecodingError) {
    capacity = try settings.capacity(for: model.description)
    cacheType = settings.cacheType
    self.model = model
    self.release = release
    do {
      cache = try model.makeCache(capacity: capacity, type: settings.cacheType)
    } catch {
      throw DecodingError(error)
    }
    tokens.reserveCapacity(capacity)
  }

  deinit { release(cache) }

  /// Keeps what the cache has in common with a new prompt and forgets the rest.
  ///
  /// - Returns: how many tokens of the prompt are in the cache: at most all but the last, whose
  ///   scores are needed.
  package func keepCommonPrefix(with prompt: [Int]) throws(DecodingError) -> Int {
    let limit = min(tokens.count, prompt.count - 1)
    var common = 0
    while common < limit, tokens[common] == prompt[common] { common += 1 }
    try truncate(to: common)
    return tokens.count
  }

  /// Forgets the tokens from `length` on; a cache with a window may forget more than it is asked to.
  package func truncate(to length: Int) throws(DecodingError) {
    var length = length
    do {
      while case .mustPrefill(let position) = try model.truncate(cache, to: length) {
        guard position < length else { break }
        length = position
      }
    } catch {
      throw DecodingError(error)
    }
    tokens.removeSubrange(length...)
  }

  /// Feeds a token and guesses of what follows, and keeps the guesses that come true.
  ///
  /// - Parameters:
  ///   - pending: the token that follows the history.
  ///   - draft: guesses of the tokens after it.
  ///   - choose: called with the scores and the history behind each row, in order, until a choice differs from
  ///     the guess, and once more if none does.
  /// - Returns: how many guesses were right; they and `pending` are history now.
  /// - Throws: `model`; then the history is as before.
  package func verify(
    _ pending: Int, draft: [Int], choose: (UnsafeBufferPointer<Float>, [Int]) -> Int
  ) throws(DecodingError) -> Int {
    let known = tokens.count
    do throws(ModelError) {
      var checked = draft.count
      var pass: Pass
      do throws(ModelError) {
        pass = try submit(pending, draft)
      } catch {
        // A guess that the model cannot compute must not end a reply that would never have said it.
        guard checked > 0 else { throw error }
        try model.discard(cache)
        checked = 0
        pass = try submit(pending, [])
      }
      tokens.append(pending)
      var accepted = 0
      while true {
        let choice = try pass.withLogits(ofRow: accepted) { choose($0, tokens) }
        guard accepted < checked, draft[accepted] == choice else { break }
        tokens.append(choice)
        accepted += 1
      }
      try model.commit(rows: 0..<accepted + 1, of: pass, to: cache)
      return accepted
    } catch {
      tokens.removeSubrange(known...)
      try? model.discard(cache)
      throw DecodingError(error)
    }
  }

  /// Runs a token and guesses behind it, with scores for each.
  private func submit(_ pending: Int, _ draft: [Int]) throws(ModelError) -> Pass {
    batch.removeAll()
    var parent = Row.Parent.tip
    for index in 0...draft.count {
      let token = index == 0 ? pending : draft[index - 1]
      parent = .row(
        batch.append(
          Row(cache: cache, input: .token(token), parent: parent, output: .logits)))
    }
    let pass = try model.submit(batch)
    try pass.finish()
    return pass
  }

  /// Feeds tokens behind the history and commits them.
  ///
  /// - Returns: the pass; its last row has logits if `wantsLogits`. It dies at the next feed of any
  ///   context of the model.
  package func feed(
    _ next: some Collection<Int>, wantsLogits: Bool
  ) throws(DecodingError) -> Pass {
    batch.removeAll()
    batch.append(chain: next, to: cache, lastOutput: wantsLogits ? .logits : .none)
    do throws(ModelError) {
      let pass = try model.submit(batch)
      do throws(ModelError) {
        try pass.finish()
        try model.commit(rows: 0..<batch.count, of: pass, to: cache)
      } catch {
        try? model.discard(cache)
        throw error
      }
      tokens.append(contentsOf: next)
      return pass
    } catch {
      throw DecodingError(error)
    }
  }
}
