// SPDX-License-Identifier: Apache-2.0

/// What a caller needs to know about a model before it runs.
public struct ModelDescription: Sendable, Hashable {
  /// The name in the file.
  public var name: String
  /// "llama", "qwen2": the spelling of `general.architecture`.
  public var architecture: String
  /// Tokens of the vocabulary; logits have as many values.
  public var vocabularySize: Int
  /// Features of the residual stream.
  public var hiddenSize: Int
  /// Decoder layers.
  public var layerCount: Int
  /// The longest context the model was trained for, in tokens.
  public var contextLength: Int
  /// Weights in all tensors.
  public var parameterCount: Int
  /// Bytes of weights that decoding one row reads.
  public var weightByteCount: Int

  /// Describes a model.
  public init(
    name: String, architecture: String, vocabularySize: Int, hiddenSize: Int, layerCount: Int,
    contextLength: Int, parameterCount: Int, weightByteCount: Int
  ) {
    self.name = name
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.contextLength = contextLength
    self.parameterCount = parameterCount
    self.weightByteCount = weightByteCount
  }
}

/// How keys and values are stored.
public enum CacheType: String, Sendable, Hashable, CaseIterable {
  case f32, f16, bf16, q8
}

/// The answer to a truncation.
public enum Truncation: Sendable, Hashable {
  case done
  /// Rows that the remaining ones need are gone: feed the history again from this position.
  case mustPrefill(from: Int)
}

/// The seam for devices: a whole forward pass over rows, and the caches it reads and writes.
///
/// A pass takes a batch of rows and appends those that are stored to their caches as *scratch
/// nodes*. A node becomes history when a path that ends in it is committed; discarding drops all
/// nodes of a cache. The logits of a row depend on its path of tokens and positions, on the weights
/// and on the cache type, and on nothing else: not on the other rows, the threads, or the kernels.
///
/// One thread calls a model at a time (`Engine` in DendriteDecoding sees to it); only a `Pass` may
/// be shared, to wait for its exit rows elsewhere.
public protocol CausalModel: AnyObject, Sendable {
  var description: ModelDescription { get }

  /// Reserves a cache for histories of at most `capacity` tokens.
  ///
  /// - Parameters:
  ///   - capacity: positions, committed ones and those of scratch nodes.
  ///   - type: how keys and values are stored.
  ///   - branchRows: scratch nodes at a time beside the first chain behind the tip; rounded up to 64.
  /// - Returns: the cache's name.
  /// - Throws: `notEnoughMemory`, before anything is reserved.
  func makeCache(capacity: Int, type: CacheType, branchRows: Int) throws(ModelError) -> CacheHandle

  /// Gives the cache's blocks back. The handle is stale from then on.
  func release(_ cache: CacheHandle)

  /// The number of committed tokens.
  func length(of cache: CacheHandle) throws(ModelError) -> Int

  /// The number of tokens that the cache has room for.
  func capacity(of cache: CacheHandle) throws(ModelError) -> Int

  /// Bytes of one position in a cache; 0 if the device does not say.
  func bytesPerPosition(of type: CacheType) -> Int

  /// Runs the rows through the model.
  ///
  /// A batch without exit rows is computed before `submit` returns; otherwise the pass runs on a
  /// thread of the model's own, its exit rows become readable first, and `finish()` waits for the rest.
  /// Everything read from an earlier pass is invalid from now on.
  ///
  /// - Throws: `badRow`, `staleHandle`, `contextFull`; then no cache has changed.
  func submit(_ batch: RowBatch) throws(ModelError) -> Pass

  /// Makes a path of scratch nodes history and drops the other nodes of the cache.
  ///
  /// The first node's parent must be the tip, and each further node's parent the one before it.
  /// Stored codes are copied verbatim. An empty path only drops the nodes.
  func commit(_ path: some Collection<NodeID>, to cache: CacheHandle) throws(ModelError)

  /// Commits the first `count` rows of a chain: the nodes of batch rows `first ..< first + count`.
  func commit(rows: Range<Int>, of pass: Pass, to cache: CacheHandle) throws(ModelError)

  /// Drops all scratch nodes of the cache.
  func discard(_ cache: CacheHandle) throws(ModelError)

  /// Forgets all history from position `length` on (and all scratch nodes).
  func truncate(_ cache: CacheHandle, to length: Int) throws(ModelError) -> Truncation

  /// A second cache with the same history. Blocks are shared until one of the two writes.
  func fork(_ cache: CacheHandle) throws(ModelError) -> CacheHandle

  /// The committed history of a cache as bytes that `restore` reads back, bit for bit.
  func save(_ cache: CacheHandle) throws(ModelError) -> [UInt8]

  /// A new cache from bytes that `save` wrote.
  ///
  /// - Throws: `badContext` if they come from another model, cache type or numerics version.
  func restore(_ bytes: [UInt8], capacity: Int) throws(ModelError) -> CacheHandle

  /// Writes the committed history of a cache into a file that `open` maps.
  ///
  /// - Parameters:
  ///   - cache: the history.
  ///   - tokens: its tokens, which a cache does not know.
  ///   - path: where; what is there is replaced when the file is complete.
  /// - Throws: `badContext` if it cannot be written; then there is no file.
  func write(_ cache: CacheHandle, tokens: [Int], to path: String) throws(ModelError)

  /// A new cache that begins with a file's context, which stays where it is: the file must not change.
  ///
  /// - Throws: `badContext` if it comes from another model, rope setting or numerics version; the pass that first attends
  ///   to a damaged block, or finds the file changed, throws it as well.
  /// - Complexity: O(blocks); nothing of them is read.
  func open(_ file: ContextFile, capacity: Int) throws(ModelError) -> CacheHandle

  /// Logits of hidden states read from exit rows: final norm and head, on the caller's thread.
  ///
  /// All rows go through the head together, so that its weights are read once; a row's logits do not depend on the
  /// others. With room for fewer logits than the vocabulary has tokens only the first are computed, at a share of the
  /// cost. May be called while a pass with exit rows runs, by one thread at a time.
  ///
  /// - Parameters:
  ///   - hiddenStates: `[rows, hiddenSize]`.
  ///   - rows: how many, at least one.
  ///   - logits: `[rows, n]`, n at most the vocabulary's size.
  /// - Throws: `badRow` if the sizes do not fit, `notEnoughMemory`.
  func project(
    hiddenStates: UnsafeBufferPointer<Float>, rows: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError)
}

extension CausalModel {
  /// Refuses: models that keep contexts in files say so.
  public func write(_ cache: CacheHandle, tokens: [Int], to path: String) throws(ModelError) {
    throw ModelError(
      .badContext, "this kind of model writes no context files",
      remedy: "save the context in memory, or use a model on the CPU")
  }

  /// Refuses: models that keep contexts in files say so.
  public func open(_ file: ContextFile, capacity: Int) throws(ModelError) -> CacheHandle {
    throw ModelError(
      .badContext, "this kind of model opens no context files",
      remedy: "prefill the prompt again, or use a model on the CPU")
  }

  /// Reserves a cache with room for 128 scratch nodes beside the first chain.
  ///
  /// - Throws: `notEnoughMemory`, before anything is reserved.
  public func makeCache(capacity: Int, type: CacheType) throws(ModelError) -> CacheHandle {
    try makeCache(capacity: capacity, type: type, branchRows: 128)
  }

  /// Nobody knows.
  public func bytesPerPosition(of type: CacheType) -> Int { 0 }

  /// Logits of one hidden state.
  ///
  /// - Throws: `badRow` if the sizes do not fit, `notEnoughMemory`.
  public func project(
    hiddenState: UnsafeBufferPointer<Float>, into logits: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError) {
    try project(hiddenStates: hiddenState, rows: 1, into: logits)
  }
}

/// The results behind a `Pass`; a device implements it once.
package protocol PassResults: AnyObject, Sendable {
  func waitForExit(row: Int, generation: Int) throws(ModelError)
  func finish(generation: Int) throws(ModelError)
  func node(ofRow row: Int, generation: Int) throws(ModelError) -> NodeID
  /// `[vocabularySize]` for rows that asked for logits, `[hiddenSize]` for those that asked for a hidden state.
  func output(ofRow row: Int, generation: Int) throws(ModelError) -> UnsafeBufferPointer<Float>
  /// `[hiddenSize]` for rows with an exit layer.
  func hiddenState(ofRow row: Int, generation: Int) throws(ModelError) -> UnsafeBufferPointer<Float>
}

/// One submitted batch.
///
/// A pass is a name, not storage: it dies at the model's next `submit`.
public struct Pass: Sendable {
  package let results: any PassResults
  package let generation: Int

  package init(results: any PassResults, generation: Int) {
    self.results = results
    self.generation = generation
  }

  /// Waits until every row is done.
  ///
  /// - Throws: `notFinite` if a row that is read out met NaN or infinity; the message names the layer.
  public func finish() throws(ModelError) { try results.finish(generation: generation) }

  /// The scratch node that a stored row became.
  public func node(ofRow row: Int) throws(ModelError) -> NodeID {
    try results.node(ofRow: row, generation: generation)
  }

  /// Reads the scores of a row that asked for `.logits`.
  ///
  /// - Shapes: the buffer is `[vocabularySize]`; it is valid inside the closure.
  public func withLogits<Result>(
    ofRow row: Int, _ body: (UnsafeBufferPointer<Float>) -> Result
  ) throws(ModelError) -> Result {
    try results.finish(generation: generation)
    return body(try results.output(ofRow: row, generation: generation))
  }

  /// Reads the hidden state of an exit row as soon as its layer is done; may be called from any
  /// thread while the pass runs.
  ///
  /// - Shapes: the buffer is `[hiddenSize]`; it is valid inside the closure.
  public func withHiddenState<Result>(
    ofRow row: Int, _ body: (UnsafeBufferPointer<Float>) -> Result
  ) throws(ModelError) -> Result {
    try results.waitForExit(row: row, generation: generation)
    return body(try results.hiddenState(ofRow: row, generation: generation))
  }
}
