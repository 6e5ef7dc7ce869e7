// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
public import DendriteCheckpoint
public import DendriteCompute

/// Changes when any result changes by a bit.
///
/// Written into saved contexts, compared between ranks.
public let numericsVersion = 2

/// A decoder on the CPU: packed weights, block caches, one forward pass.
///
/// For checkpoints of the families that `Architecture` lists. Results depend on the checkpoint, the path of tokens and the cache
/// type only; see `CausalModel`.
///
/// - Complexity: a pass reads all weights once, whatever the number of rows, and multiplies
///   2 × parameters × rows.
public final class CPUTransformer: CausalModel, @unchecked Sendable {
  // Sendable: one thread at a time calls the model (`CausalModel`); a pass with exit rows runs on
  // `passThread`, and every entry waits for it first.

  /// Rows that one pass takes at most: longer prompts are fed in chunks.
  public static let maximumRowCount = 512

  /// What the model is.
  public let description: ModelDescription
  /// Sizes and constants of the checkpoint.
  public let configuration: ModelConfiguration
  /// Threads, parts and kernels that the model runs on.
  public let machine: Machine
  let weights: TransformerWeights
  /// Tells checkpoints apart in saved contexts and sidecar files.
  public let fingerprint: UInt64
  let forward: ForwardPass
  let passThread = PassThread()

  /// The group that this model is a rank of, if it is one of several.
  let sharding: (any ContextSharding)?
  var shard: BlockShard { BlockShard(rank: sharding?.rank ?? 0, count: sharding?.rankCount ?? 1) }

  var pools: [CacheType: BlockPool] = [:]
  var caches: [CacheState?] = []
  var cacheGenerations: [Int] = []
  var plan = PassPlan()
  var passGeneration = 0
  /// The last pass that ended and whose outputs were found finite: logits are looked through once.
  var checkedGeneration = 0
  var marks: [(cache: Int, mark: CacheState.Mark)] = []

  /// Loads and packs a checkpoint.
  ///
  /// - Parameters:
  ///   - file: a GGUF file or a Hugging Face directory of a family that `Architecture` lists.
  ///   - machine: threads, parts and kernels.
  ///   - sharding: which blocks of a context this model keeps as one rank of several; `nil` for all of them.
  ///   - progress: called with a share 0 … 1 of the weights.
  /// - Throws: `badCheckpoint` for tensors that are missing, misshapen or not finite,
  ///   `badSharding` for a number of ranks that a context cannot be cut for,
  ///   `notEnoughMemory` before the weights are reserved.
  public init(
    file: any ModelSource, machine: Machine, sharding: (any ContextSharding)? = nil,
    progress: ((Double) -> Void)? = nil
  ) throws(ModelError) {
    let configuration: ModelConfiguration
    do {
      configuration = try file.modelConfiguration()
      try file.checkTensors(for: configuration)
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy)
    }
    do {
      try MemoryBudget.check(
        CPUTransformer.packedByteCount(of: file), for: "the packed model",
        remedy: "choose a smaller or more strongly quantised file")
    } catch {
      throw ModelError(.notEnoughMemory, error.message, remedy: error.remedy)
    }
    try CPUTransformer.check(sharding, headDim: configuration.headDim)
    var loader = WeightLoader(
      source: file, configuration: configuration, machine: machine, progress: progress)
    weights = try loader.transformer()
    progress?(1)
    self.configuration = configuration
    self.machine = machine
    self.sharding = sharding
    fingerprint = file.fingerprint
    forward = ForwardPass(weights: weights, machine: machine, sharding: sharding)
    description = ModelDescription(
      name: configuration.name, architecture: configuration.architecture.rawValue,
      vocabularySize: configuration.vocabularySize, hiddenSize: configuration.hiddenSize,
      layerCount: configuration.layerCount, contextLength: configuration.contextLength,
      parameterCount: configuration.parameterCount, weightByteCount: weights.byteCount)
  }

  /// The same weights on another machine: threads, parts and kernels of its own, caches of its own.
  ///
  /// A rank stays the rank it is.
  ///
  /// Nothing is packed again; results have the same bits.
  public func copy(on machine: Machine) -> CPUTransformer {
    CPUTransformer(sharing: self, machine: machine, sharding: sharding)
  }

  /// The same weights as one rank of several in this process.
  ///
  /// - Throws: `badSharding`.
  public func copy(
    on machine: Machine, sharding: any ContextSharding
  ) throws(ModelError) -> CPUTransformer {
    try CPUTransformer.check(sharding, headDim: configuration.headDim)
    return CPUTransformer(sharing: self, machine: machine, sharding: sharding)
  }

  private static func check(
    _ sharding: (any ContextSharding)?, headDim: Int
  ) throws(ModelError) {
    guard let sharding else { return }
    guard [1, 2, 4, 8, 16].contains(sharding.rankCount),
      (0..<sharding.rankCount).contains(sharding.rank)
    else {
      throw ModelError(
        .badSharding,
        "rank \(sharding.rank) of \(sharding.rankCount), expected one of 1, 2, 4, 8 or 16 ranks",
        remedy: "the sixteen classes of a context go to so many ranks in equal parts only")
    }
    guard headDim <= 1024 else {
      throw ModelError(
        .badSharding, "heads of \(headDim) channels, expected at most 1024",
        remedy: "run this model on one rank")
    }
  }

  private init(
    sharing other: CPUTransformer, machine: Machine, sharding: (any ContextSharding)?
  ) {
    description = other.description
    configuration = other.configuration
    self.machine = machine
    weights = other.weights
    self.sharding = sharding
    fingerprint = other.fingerprint
    forward = ForwardPass(weights: weights, machine: machine, sharding: sharding)
  }

  deinit { passThread.stop() }

  /// Bytes of the packed matrices of a file.
  public static func packedByteCount(of file: any ModelSource) -> Int {
    file.tensors.reduce(0) { sum, tensor in
      guard tensor.shape.count > 1, tensor.type != .u8 else { return sum + tensor.byteCount }
      let shape = dendrite_matrix_make(
        Int32(tensor.type.rawValue), tensor.rowCount, tensor.rowLength)
      return sum + (tensor.rowCount + 15) / 16 * (shape.code_bytes + shape.scale_bytes)
    }
  }

  /// Bytes of one position in a cache.
  public static func cacheByteCount(of configuration: ModelConfiguration, type: CacheType) -> Int {
    let pool = BlockPool(
      type: type, headDim: configuration.headDim, kvHeadCount: configuration.kvHeadCount,
      layerCount: configuration.layerCount)
    return pool.blockBytes / 64
  }

  /// As `CausalModel` says.
  public func bytesPerPosition(of type: CacheType) -> Int {
    CPUTransformer.cacheByteCount(of: configuration, type: type)
  }

  // MARK: Passes

  /// As `CausalModel` says.
  public func submit(_ batch: RowBatch) throws(ModelError) -> Pass {
    passThread.waitUntilIdle()
    machine.enter()
    try resolve(batch)
    plan.bunch(
      limit: PassBuffers.bunchLimit(of: configuration), heads: configuration.kvHeadCount,
      parts: machine.parts)
    do {
      try forward.prepare(for: plan)
    } catch {
      for (cache, mark) in marks { caches[cache]?.rewind(to: mark) }
      plan.removeAll()
      throw error
    }
    passGeneration += 1
    forward.begin()
    for (index, row) in plan.rows.enumerated() where row.token < 0 {
      if case .vector(let vector) = batch.rows[index].input { forward.feed(vector, row: index) }
    }
    let pass = Pass(results: self, generation: passGeneration)
    if plan.hiddenCount > 0 {
      passThread.run { [unowned(unsafe) self] in self.compute() }
    } else {
      compute()
    }
    return pass
  }

  /// Seconds from the beginning of the last pass with exit rows to its last exit, and to its end; read them when the
  /// pass has finished.
  ///
  /// A reader of exits learns of them a little later, when the system wakes it.
  package var passTimes: (exit: Double, end: Double) { forward.times }

  /// Experts whose weights the last pass read, of all layers together; 0 in models without.
  ///
  /// Rows that are verified together share what they read of a dense model; of a mixture each may touch experts
  /// of its own, so what a longer draft costs depends on this.
  package var expertsTouched: Int {
    passThread.waitUntilIdle()
    return forward.expertsTouched
  }

  private func compute() {
    machine.enter()
    forward.run(plan, caches: caches)
    forward.end()
  }

  /// As `CausalModel` says.
  public func project(
    hiddenStates: UnsafeBufferPointer<Float>, rows: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError) {
    guard (1...CPUTransformer.maximumRowCount).contains(rows),
      hiddenStates.count == rows * configuration.hiddenSize, logits.count % rows == 0,
      (1...configuration.vocabularySize).contains(logits.count / rows)
    else {
      throw ModelError(
        .badRow,
        "hidden states of \(hiddenStates.count) numbers and room for \(logits.count) logits, expected "
          + "\(configuration.hiddenSize) and at most \(configuration.vocabularySize) for each of \(rows) rows",
        remedy: "take both sizes from the model's description, and at most "
          + "\(CPUTransformer.maximumRowCount) rows")
    }
    try forward.project(hiddenStates, rows: rows, into: logits)
  }
}

extension CPUTransformer: PassResults {
  package func waitForExit(row: Int, generation: Int) throws(ModelError) {
    try check(generation)
    guard row >= 0, row < plan.rows.count, plan.rows[row].exitLayer >= 0 else {
      throw ModelError(
        .badRow, "row \(row) did not ask for a hidden state",
        remedy: "set the row's output to .hiddenState(afterLayer:), or its exitLayer")
    }
    let layer = plan.rows[row].exitLayer
    forward.waitForLayer(layer)
    try forward.checkFinite(row: row, plan: plan, upTo: layer)
  }

  package func finish(generation: Int) throws(ModelError) {
    try check(generation)
    if checkedGeneration == generation { return }
    forward.waitForEnd()
    try forward.checkFinite(plan)
    checkedGeneration = generation
  }

  package func node(ofRow row: Int, generation: Int) throws(ModelError) -> NodeID {
    try check(generation)
    guard row >= 0, row < plan.rows.count else { throw noSuchRow(row) }
    let planned = plan.rows[row]
    guard let cache = caches[planned.cache], planned.node < cache.nodes.count,
      !cache.nodes[planned.node].isEphemeral
    else {
      throw ModelError(
        .staleHandle, "row \(row) is not a scratch node (any more)",
        remedy: "ask before the cache is committed or discarded, and only for stored rows")
    }
    return NodeID(index: planned.node, generation: cache.scratchGeneration)
  }

  package func output(ofRow row: Int, generation: Int) throws(ModelError) -> UnsafeBufferPointer<
    Float
  > {
    try check(generation)
    guard row >= 0, row < plan.rows.count else { throw noSuchRow(row) }
    let planned = plan.rows[row]
    switch planned.kind {
    case .logits: return forward.logits(planned.output)
    case .hiddenState: return forward.hiddenState(planned.exitIndex)
    case .none:
      throw ModelError(
        .badRow, "row \(row) asked for no output", remedy: "set the row's output before the pass")
    }
  }

  package func hiddenState(
    ofRow row: Int, generation: Int
  ) throws(ModelError) -> UnsafeBufferPointer<Float> {
    try check(generation)
    guard row >= 0, row < plan.rows.count, plan.rows[row].exitIndex >= 0 else {
      throw noSuchRow(row)
    }
    return forward.hiddenState(plan.rows[row].exitIndex)
  }

  private func check(_ generation: Int) throws(ModelError) {
    guard generation == passGeneration else {
      throw ModelError(
        .staleHandle,
        "results of pass \(generation), but pass \(passGeneration) was submitted since",
        remedy: "read what you need before the next submit")
    }
  }

  private func noSuchRow(_ row: Int) -> ModelError {
    ModelError(
      .badRow, "row \(row), expected 0 ..< \(plan.rows.count)",
      remedy: "use the index that append returned")
  }
}
