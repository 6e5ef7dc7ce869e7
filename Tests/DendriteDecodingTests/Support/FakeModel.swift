// SPDX-License-Identifier: Apache-2.0
import DendriteModel
import DendriteTestSupport
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A model without arithmetic: a row's scores are a function of its path of tokens.
///
/// It keeps the rules of `CausalModel` and notices who breaks them: a pass dies at the next submit,
/// only chains are committed, handles of released caches are stale. `@unchecked Sendable`: all state
/// is touched with `state` locked.
final class FakeModel: CausalModel, PassResults, @unchecked Sendable {
  typealias Scores = @Sendable (_ path: [Int]) -> [Float]

  struct State {
    var caches: [Int: (tokens: [Int], capacity: Int)] = [:]
    var nextCache = 0
    var generation = 0
    var outputs: [Int: [Float]] = [:]
    /// Scratch nodes since the last commit or discard; those of the last pass begin at `passStart`.
    var scratch: [(cache: Int, path: [Int], hasExit: Bool)] = []
    var passStart = 0
    var scratchGeneration = 0
    /// Rows of each submitted batch.
    var batches: [Int] = []
    var discards = 0
    var threads: Set<Int> = []
    var failures: [Int: ModelError] = [:]
    var window: Int?
    var delay: Duration = .zero
    var onSubmit: (@Sendable (Int) -> Void)?
  }

  let description: ModelDescription
  private let scores: Scores

  /// The scores behind a path.
  func scoresOf(_ path: [Int]) -> [Float] { scores(path) }
  private let state = Mutex(State())

  /// A model whose scores are drawn from a hash of the path.
  convenience init(vocabularySize: Int = 260, contextLength: Int = 2_048) {
    self.init(vocabularySize: vocabularySize, contextLength: contextLength) { path in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for token in path { hash = (hash ^ UInt64(token)) &* 0x0000_0100_0000_01b3 }
      var random = SeededGenerator(seed: Int(bitPattern: UInt(hash)))
      return random.logits(count: vocabularySize, spread: 2)
    }
  }

  /// A model that says a text, whatever the prompt of `promptLength` tokens, byte by byte.
  convenience init(saying reply: [Int], after promptLength: Int, contextLength: Int = 2_048) {
    self.init(vocabularySize: 260, contextLength: contextLength) { path in
      var logits = [Float](repeating: 0, count: 260)
      let index = path.count - promptLength
      logits[reply.indices.contains(index) ? reply[index] : 256] = 10
      return logits
    }
  }

  init(vocabularySize: Int, contextLength: Int, scores: @escaping Scores) {
    description = ModelDescription(
      name: "fake", architecture: "fake", vocabularySize: vocabularySize, hiddenSize: 4,
      layerCount: 1, contextLength: contextLength, parameterCount: 0, weightByteCount: 0)
    self.scores = scores
  }

  /// Looks at or changes what the model recorded.
  func with<Result>(
    _ body: (inout sending State) throws -> sending Result
  ) rethrows -> sending Result {
    try state.withLock(body)
  }

  var batches: [Int] { with { $0.batches } }
  var cacheCount: Int { with { $0.caches.count } }

  private func call<Result>(
    _ body: (inout sending State) throws(ModelError) -> sending Result
  ) throws(ModelError) -> sending Result {
    let thread = pthread_self().hashValue  // a number here, a pointer on Darwin
    return try state.withLock { state throws(ModelError) in
      state.threads.insert(thread)
      return try body(&state)
    }
  }

  // MARK: Caches

  func makeCache(
    capacity: Int, type: CacheType, branchRows: Int
  ) throws(ModelError) -> CacheHandle {
    try call { state throws(ModelError) in
      state.nextCache += 1
      state.caches[state.nextCache] = ([], capacity)
      return CacheHandle(index: state.nextCache, generation: 0)
    }
  }

  func release(_ cache: CacheHandle) {
    try? call { state throws(ModelError) in _ = state.caches.removeValue(forKey: cache.index) }
  }

  func length(of cache: CacheHandle) throws(ModelError) -> Int { try tokens(of: cache).count }

  func capacity(of cache: CacheHandle) throws(ModelError) -> Int {
    _ = try tokens(of: cache)
    return with { $0.caches[cache.index]?.capacity ?? 0 }
  }

  func tokens(of cache: CacheHandle) throws(ModelError) -> [Int] {
    let tokens = try call { state throws(ModelError) in state.caches[cache.index]?.tokens }
    guard let tokens else { throw ModelError(.staleHandle, "no such cache", remedy: "keep it") }
    return tokens
  }

  // MARK: Passes

  func submit(_ batch: RowBatch) throws(ModelError) -> Pass {
    let (delay, onSubmit, count) = with { ($0.delay, $0.onSubmit, $0.batches.count) }
    onSubmit?(count)
    if delay > .zero {
      let end = ContinuousClock.now + delay
      while ContinuousClock.now < end { usleep(100) }
    }
    var paths: [[Int]] = []
    for row in batch.rows {
      guard case .token(let token) = row.input else { continue }
      let before: [Int]
      switch row.parent {
      case .tip: before = try tokens(of: row.cache)
      case .row(let index): before = paths[index]
      case .node(let node): before = try path(of: node)
      }
      paths.append(before + [token])
    }
    let generation = try call { state throws(ModelError) in
      state.generation += 1
      state.batches.append(batch.count)
      if let failure = state.failures[state.batches.count - 1] { throw failure }
      state.outputs = [:]
      state.passStart = state.scratch.count
      for (index, row) in batch.rows.enumerated() {
        let capacity = state.caches[row.cache.index]?.capacity ?? 0
        guard paths[index].count <= capacity else {
          throw ModelError(.contextFull, "full", remedy: "make room")
        }
        state.scratch.append((row.cache.index, paths[index], row.exitLayer != nil))
      }
      return state.generation
    }
    for (index, row) in batch.rows.enumerated() where row.output == .logits {
      let logits = scores(paths[index])
      with { $0.outputs[index] = logits }
    }
    return Pass(results: self, generation: generation)
  }

  func commit(rows: Range<Int>, of pass: Pass, to cache: CacheHandle) throws(ModelError) {
    try check(pass.generation)
    try call { state throws(ModelError) in
      guard rows.lowerBound == 0, state.passStart + rows.count <= state.scratch.count,
        let path = state.scratch[..<(state.passStart + rows.count)].last?.path,
        let tokens = state.caches[cache.index]?.tokens, path.count == tokens.count + rows.count,
        path.starts(with: tokens)
      else { throw ModelError(.badRow, "not a chain from the tip", remedy: "commit a chain") }
      state.caches[cache.index]?.tokens = path
      state.dropScratch()
    }
  }

  func commit(_ path: some Collection<NodeID>, to cache: CacheHandle) throws(ModelError) {
    var history = try tokens(of: cache)
    for id in path {
      let next = try self.path(of: id)
      guard next.dropLast() == history[...] else {
        throw ModelError(.badRow, "not a path from the tip", remedy: "commit a path")
      }
      history = next
    }
    let committed = history
    try call { state throws(ModelError) in
      state.caches[cache.index]?.tokens = committed
      state.dropScratch()
    }
  }

  /// The tokens of a scratch node and before it.
  private func path(of id: NodeID) throws(ModelError) -> [Int] {
    try call { state throws(ModelError) in
      guard id.generation == state.scratchGeneration, state.scratch.indices.contains(id.index)
      else { throw ModelError(.staleHandle, "no such node", remedy: "keep it") }
      return state.scratch[id.index].path
    }
  }

  func discard(_ cache: CacheHandle) throws(ModelError) {
    try call { state throws(ModelError) in
      state.discards += 1
      state.dropScratch()
    }
  }

  func truncate(_ cache: CacheHandle, to length: Int) throws(ModelError) -> Truncation {
    let tokens = try tokens(of: cache)
    return try call { state throws(ModelError) in
      guard length <= tokens.count else {
        throw ModelError(.badRow, "too long", remedy: "truncate to less")
      }
      if let window = state.window, length < tokens.count, length > window {
        return .mustPrefill(from: window)
      }
      state.caches[cache.index]?.tokens = Array(tokens.prefix(length))
      state.dropScratch()
      return .done
    }
  }

  // MARK: Results

  private func check(_ generation: Int) throws(ModelError) {
    guard with({ $0.generation }) == generation else {
      throw ModelError(.staleHandle, "the pass is over", remedy: "read it before the next submit")
    }
  }

  func waitForExit(row: Int, generation: Int) throws(ModelError) { try check(generation) }
  func finish(generation: Int) throws(ModelError) { try check(generation) }

  func node(ofRow row: Int, generation: Int) throws(ModelError) -> NodeID {
    try check(generation)
    return with { NodeID(index: $0.passStart + row, generation: $0.scratchGeneration) }
  }

  /// A hidden state that names its row; `project` finds the row's scores again, with some of them changed.
  func hiddenState(ofRow row: Int, generation: Int) throws(ModelError) -> UnsafeBufferPointer<Float>
  {
    try check(generation)
    let place = with { state in
      state.scratch[state.passStart + row].hasExit ? state.passStart + row : -1
    }
    guard place >= 0 else {
      throw ModelError(.badRow, "row \(row) has no exit", remedy: "ask for it")
    }
    let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
    copy.initialize(repeating: Float(place))
    return UnsafeBufferPointer(copy)
  }

  func output(ofRow row: Int, generation: Int) throws(ModelError) -> UnsafeBufferPointer<Float> {
    try check(generation)
    guard let logits = with({ $0.outputs[row] }) else {
      throw ModelError(.badRow, "row \(row) asked for nothing", remedy: "ask for logits")
    }
    // Leaked on purpose: rows of tests are small, and the reader needs a stable address.
    let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: logits.count)
    _ = copy.initialize(fromContentsOf: logits)
    return UnsafeBufferPointer(copy)
  }

  // MARK: Not needed here

  func fork(_ cache: CacheHandle) throws(ModelError) -> CacheHandle {
    throw ModelError(.staleHandle, "no forks", remedy: "none")
  }
  func save(_ cache: CacheHandle) throws(ModelError) -> [UInt8] { [] }
  func restore(_ bytes: [UInt8], capacity: Int) throws(ModelError) -> CacheHandle {
    throw ModelError(.badContext, "no contexts", remedy: "none")
  }
  func project(
    hiddenStates: UnsafeBufferPointer<Float>, rows: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError) {
    let (width, count) = (hiddenStates.count / rows, logits.count / rows)
    for row in 0..<rows {
      let path = with { $0.scratch[Int(hiddenStates[row * width])].path }
      for (index, value) in zip(0..<count, scores(path)) {
        logits[row * count + index] = value + (path.count % 3 == 0 ? Float(index % 5) : 0)
      }
    }
  }
}

extension FakeModel.State {
  mutating func dropScratch() {
    scratch = []
    passStart = 0
    scratchGeneration += 1
  }
}
