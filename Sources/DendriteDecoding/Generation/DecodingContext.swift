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
  /// Hidden states on their way to early scores, and those, `[rows, …]`; room for the most rows so far.
  private var adapted: [Float] = []
  private var earlyScores: [Float] = []

  /// Reserves a cache.
  ///
  /// - Throws: `badSetting`; `model` if there is not enough memory.
  public convenience init(
    model: any CausalModel, settings: ContextSettings = ContextSettings()
  ) throws(DecodingError) {
    try self.init(model: model, settings: settings) { model.release($0) }
  }

  /// Begins with a file's context, as if its tokens had been fed.
  ///
  /// - Throws: `badSetting` if the context has no room behind the file's tokens; `model` if the file is another model's.
  package init(
    model: any CausalModel, settings: ContextSettings, file: ContextFile,
    release: @escaping @Sendable (CacheHandle) -> Void
  ) throws(DecodingError) {
    capacity = try settings.capacity(for: model.description, beginningWith: file)
    cacheType = file.cacheType
    self.model = model
    self.release = release
    do {
      cache = try model.open(file, capacity: capacity)
    } catch {
      throw DecodingError(error)
    }
    tokens.reserveCapacity(capacity)
    tokens.append(contentsOf: file.tokens)
  }

  /// Writes the history and its tokens into a file.
  ///
  /// - Throws: `model`.
  package func write(to path: String) throws(DecodingError) {
    do {
      try model.write(cache, tokens: tokens, to: path)
    } catch {
      throw DecodingError(error)
    }
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

  /// Keys and values of the history as bytes, blocks of 64 positions with whatever lies behind the last token.
  ///
  /// - Throws: `model`.
  package func save() throws(DecodingError) -> [UInt8] {
    do {
      return try model.save(cache)
    } catch {
      throw DecodingError(error)
    }
  }

  /// Feeds a token and guesses of what follows, and keeps the guesses that come true.
  ///
  /// One pass checks a chain or a tree; a row sees its own path only, so its scores are those of plain decoding.
  ///
  /// - Parameters:
  ///   - pending: the token that follows the history.
  ///   - draft: guesses of the tokens after it.
  ///   - exit: an early exit, if its scores are wanted.
  ///   - early: scores wanted from the exit: the first so many of the vocabulary.
  ///   - path: overwritten with the guesses that were right, as indices into the draft; they and `pending` are
  ///     history now.
  ///   - foresee: called with each row's index, its early scores and the history behind it while the pass goes on,
  ///     and last with no scores.
  ///   - choose: called with the scores and the history behind each row of the path, in order, until a choice is
  ///     not among the guesses.
  /// - Throws: `model`; then the history is as before.
  package func verify(
    _ pending: Int, draft: Draft, exit: ExitHead? = nil, early: Int = 0, path: inout [Int],
    foresee: (Int, UnsafeBufferPointer<Float>?, [Int]) -> Void = { _, _, _ in },
    choose: (UnsafeBufferPointer<Float>, [Int]) -> Int
  ) throws(DecodingError) {
    let known = tokens.count
    path.removeAll(keepingCapacity: true)
    do throws(ModelError) {
      var checksDraft = !draft.isEmpty
      var pass: Pass
      do throws(ModelError) {
        pass = try submit(pending, draft, exit: exit)
        if let exit { try read(exit, of: pass, pending, draft, early, foresee) }
        try pass.finish()
      } catch {
        // A guess that the model cannot compute must not end a reply that would never have said it.
        guard checksDraft || exit != nil else { throw error }
        tokens.removeSubrange(known...)
        try model.discard(cache)
        checksDraft = false
        pass = try submit(pending, Draft(), exit: nil)
        try pass.finish()
      }
      tokens.removeSubrange(known...)
      tokens.append(pending)
      var at = -1
      while true {
        let choice = try pass.withLogits(ofRow: at + 1) { choose($0, tokens) }
        guard checksDraft, let next = draft.child(of: at, token: choice) else { break }
        tokens.append(choice)
        path.append(next)
        at = next
      }
      try commit(path, of: pass)
    } catch {
      tokens.removeSubrange(known...)
      path.removeAll(keepingCapacity: true)
      try? model.discard(cache)
      throw DecodingError(error)
    }
  }

  /// Makes the pending token and the accepted guesses history.
  private func commit(_ path: [Int], of pass: Pass) throws(ModelError) {
    if path.indices.allSatisfy({ path[$0] == $0 }) {
      return try model.commit(rows: 0..<path.count + 1, of: pass, to: cache)
    }
    var nodes = [try pass.node(ofRow: 0)]
    for index in path { nodes.append(try pass.node(ofRow: index + 1)) }
    try model.commit(nodes, to: cache)
  }

  /// Shows the early scores of every row while the pass goes on.
  private func read(
    _ exit: ExitHead, of pass: Pass, _ pending: Int, _ draft: Draft, _ early: Int,
    _ foresee: (Int, UnsafeBufferPointer<Float>?, [Int]) -> Void
  ) throws(ModelError) {
    let known = tokens.count
    let rows = draft.count + 1
    let width = model.description.hiddenSize
    let count = max(1, min(early, model.description.vocabularySize))
    if adapted.count < rows * width { adapted = [Float](repeating: 0, count: rows * width) }
    if earlyScores.count < rows * count { earlyScores = [Float](repeating: 0, count: rows * count) }
    for row in 0..<rows {
      try pass.withHiddenState(ofRow: row) { hidden in
        adapted.withUnsafeMutableBufferPointer {
          exit.adapt(
            hidden,
            into: UnsafeMutableBufferPointer(rebasing: $0[row * width..<(row + 1) * width]))
        }
      }
    }
    try project(rows: rows, width: width, count: count)
    for row in 0..<rows {
      // The history behind a row is the path to it.
      tokens.removeSubrange(known...)
      tokens.append(pending)
      let first = tokens.count
      var at = row - 1
      while at >= 0 {
        tokens.append(draft.tokens[at])
        at = draft.parents[at]
      }
      tokens[first...].reverse()
      earlyScores.withUnsafeBufferPointer {
        foresee(row, UnsafeBufferPointer(rebasing: $0[row * count..<(row + 1) * count]), tokens)
      }
    }
    tokens.removeSubrange(known...)
    foresee(rows, nil, tokens)
  }

  /// From the adapted states of all rows to their early scores.
  private func project(rows: Int, width: Int, count: Int) throws(ModelError) {
    var failure: ModelError?
    adapted.withUnsafeBufferPointer { states in
      earlyScores.withUnsafeMutableBufferPointer { scores in
        do throws(ModelError) {
          try model.project(
            hiddenStates: UnsafeBufferPointer(rebasing: states[..<(rows * width)]), rows: rows,
            into: UnsafeMutableBufferPointer(rebasing: scores[..<(rows * count)]))
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// Starts a pass over a token and guesses behind it, with scores for each.
  private func submit(
    _ pending: Int, _ draft: Draft, exit: ExitHead?
  ) throws(ModelError) -> Pass {
    batch.removeAll()
    batch.append(
      Row(
        cache: cache, input: .token(pending), parent: .tip, output: .logits, exitLayer: exit?.layer)
    )
    for index in draft.tokens.indices {
      batch.append(
        Row(
          cache: cache, input: .token(draft.tokens[index]), parent: .row(draft.parents[index] + 1),
          output: .logits, exitLayer: exit?.layer))
    }
    return try model.submit(batch)
  }

  /// Times a pass of one row behind the history, which leaves no trace.
  ///
  /// - Parameter choose: chooses from the scores, as a step does.
  /// - Returns: the time; `nil` if there is no room.
  func timePlainPass(_ choose: (UnsafeBufferPointer<Float>) -> Void) -> Duration? {
    guard let last = tokens.last, tokens.count < capacity else { return nil }
    batch.removeAll()
    batch.append(
      Row(cache: cache, input: .token(last), parent: .tip, output: .logits, isStored: false))
    let began = ContinuousClock.now
    defer { try? model.discard(cache) }
    guard let pass = try? model.submit(batch),
      (try? pass.withLogits(ofRow: 0) { choose($0) }) != nil
    else { return nil }
    return ContinuousClock.now - began
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
