// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
public import DendriteModel

/// A model whose contexts lie on several ranks: rank 0, which alone decides.
///
/// Weights are on every rank, blocks of a context on one each. Whatever is called here happens on the other ranks too:
/// what is committed, dropped or truncated waits and goes out with the next pass, as one message a step; the others,
/// `Follower`s, replay it and never see a session, a sampler or a clock. Logits have the same bits as those of one model
/// with the whole context, so sessions, drafters and mirrors work on top unchanged.
///
/// - Failure: when a rank fails or does not answer in time, the call under way throws `rankLost`, and so does every later one.
/// - Source: Tree Attention (arXiv:2408.04093); the step protocol is §6.3 of our specification of it.
public final class DistributedModel: CausalModel, @unchecked Sendable {
  // Sendable: one thread at a time calls the model; the thread that says "still here" shares only what `lock` guards.

  /// What the model is.
  public let description: ModelDescription
  private let model: CPUTransformer
  private let link: CommandLink
  /// Passes so far: a step is one of them.
  public private(set) var stepCount = 0

  /// Waits for the other ranks and takes the lead.
  ///
  /// - Parameters:
  ///   - model: this rank's model; its sharding goes over the same communicator.
  ///   - communicator: the group; this rank must be 0.
  ///   - options: whatever all ranks must be started with alike, as text.
  /// - Throws: `ranksDisagree`, `rankStalled`; `badGroup` if this is not rank 0.
  public init(
    model: CPUTransformer, communicator: any Communicator, options: String = ""
  ) throws(DistributedError) {
    guard communicator.rank == 0 else {
      throw DistributedError(
        .badGroup, "rank \(communicator.rank) wants to lead, expected rank 0",
        remedy: "let the other ranks follow")
    }
    self.model = model
    description = model.description
    try RankIdentity(model: model, options: options).agree(over: communicator)
    link = CommandLink(communicator) { [model] in model.exchangedPassCount }
    link.keepAlive()
  }

  deinit { close() }

  /// Ends the other ranks; the model is of no use from then on.
  public func close() { link.close() }

  /// What this rank has sent.
  public var traffic: Traffic { link.traffic }

  // MARK: CausalModel

  /// As `CausalModel` says; the promise is that of every rank for its own blocks.
  public func makeCache(
    capacity: Int, type: CacheType, branchRows: Int
  ) throws(ModelError) -> CacheHandle {
    let handle = try model.makeCache(capacity: capacity, type: type, branchRows: branchRows)
    try link.beginDialogue { writer in
      writer.begin(.makeCache)
      writer.append(capacity)
      writer.append(Int(type.savedNumber))
      writer.append(branchRows)
    }
    return try confirmed(handle)
  }

  /// As `CausalModel` says.
  public func release(_ cache: CacheHandle) {
    model.release(cache)
    link.note { writer in
      writer.begin(.release)
      writer.append(cache)
    }
  }

  /// As `CausalModel` says.
  public func length(of cache: CacheHandle) throws(ModelError) -> Int {
    try model.length(of: cache)
  }

  /// As `CausalModel` says.
  public func capacity(of cache: CacheHandle) throws(ModelError) -> Int {
    try model.capacity(of: cache)
  }

  /// As `CausalModel` says, over all ranks together.
  public func bytesPerPosition(of type: CacheType) -> Int { model.bytesPerPosition(of: type) }

  /// As `CausalModel` says; the batch and all that happened since the last one go to the other ranks first.
  public func submit(_ batch: RowBatch) throws(ModelError) -> Pass {
    // Reading a file for the first time may take longer than an exchange may.
    for cache in model.cachesToCheck(of: batch) { try look(at: cache) }
    // A batch that this rank refuses must not reach the others.
    try model.check(batch)
    try link.orderPass { $0.append(batch) }
    stepCount += 1
    do {
      return try model.submit(batch)
    } catch {
      // The others run the pass already.
      link.fail("rank 0: \(error.message)")
      throw error
    }
  }

  /// As `CausalModel` says.
  public func commit(_ path: some Collection<NodeID>, to cache: CacheHandle) throws(ModelError) {
    try model.commit(path, to: cache)
    link.note { writer in
      writer.begin(.commitNodes)
      writer.append(cache)
      writer.append(path.count)
      for node in path {
        writer.append(node.index)
        writer.append(node.generation)
      }
    }
  }

  /// As `CausalModel` says.
  public func commit(rows: Range<Int>, of pass: Pass, to cache: CacheHandle) throws(ModelError) {
    try model.commit(rows: rows, of: pass, to: cache)
    link.note { writer in
      writer.begin(.commitRows)
      writer.append(cache)
      writer.append(rows.lowerBound)
      writer.append(rows.count)
    }
  }

  /// As `CausalModel` says.
  public func discard(_ cache: CacheHandle) throws(ModelError) {
    try model.discard(cache)
    link.note { writer in
      writer.begin(.discard)
      writer.append(cache)
    }
  }

  /// As `CausalModel` says.
  public func truncate(_ cache: CacheHandle, to length: Int) throws(ModelError) -> Truncation {
    let answer = try model.truncate(cache, to: length)
    link.note { writer in
      writer.begin(.truncate)
      writer.append(cache)
      writer.append(length)
    }
    return answer
  }

  /// As `CausalModel` says.
  public func fork(_ cache: CacheHandle) throws(ModelError) -> CacheHandle {
    let handle = try model.fork(cache)
    try link.beginDialogue { writer in
      writer.begin(.fork)
      writer.append(cache)
    }
    return try confirmed(handle)
  }

  /// As `CausalModel` says: the bytes are those of one model with the whole context.
  public func save(_ cache: CacheHandle) throws(ModelError) -> [UInt8] {
    let saved = try model.shardForSaving(cache)
    try link.beginDialogue { writer in
      writer.begin(.save)
      writer.append(cache)
    }
    defer { link.endDialogue() }
    return try link.collect(saved)
  }

  /// As `CausalModel` says: the bytes may come from any number of ranks.
  public func restore(_ bytes: [UInt8], capacity: Int) throws(ModelError) -> CacheHandle {
    let handle = try model.restore(bytes, capacity: capacity)
    try link.beginDialogue { writer in
      writer.begin(.restore)
      writer.append(bytes.count)
      writer.append(capacity)
    }
    try link.distribute(bytes)
    return try confirmed(handle, atMost: CommandLink.longPatience)
  }

  /// As `CausalModel` says: the file is that of one model with the whole context.
  public func write(_ cache: CacheHandle, tokens: [Int], to path: String) throws(ModelError) {
    let writer = try model.contextWriter(for: cache, tokens: tokens, to: path)
    try link.beginDialogue { writer in
      writer.begin(.save)
      writer.append(cache)
    }
    defer { link.endDialogue() }
    // The others send all their blocks, whatever becomes of the file.
    var failure: ModelError?
    for block in 0..<writer.blockCount {
      let own = try model.historyBlock(block, of: cache)
      let bytes: UnsafeRawBufferPointer
      if let own {
        bytes = own
      } else {
        bytes = UnsafeRawBufferPointer(try link.collect(block, byteCount: writer.blockBytes))
      }
      if failure != nil { continue }
      do throws(ModelError) { try writer.append(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    try writer.finish()
  }

  /// As `CausalModel` says; every rank opens the file by the same path and maps what it attends to.
  public func open(_ file: ContextFile, capacity: Int) throws(ModelError) -> CacheHandle {
    let handle = try model.open(file, capacity: capacity)
    try link.beginDialogue { writer in
      writer.begin(.open)
      writer.append(capacity)
      writer.append(Int(Int64(bitPattern: file.identity)))
      writer.append(file.path)
    }
    return try confirmed(handle, atMost: CommandLink.longPatience)
  }

  /// As `CausalModel` says; every rank has all weights, so this one asks nobody.
  public func project(
    hiddenStates: UnsafeBufferPointer<Float>, rows: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError) {
    try model.project(hiddenStates: hiddenStates, rows: rows, into: logits)
  }

  /// Appends made-up history on all ranks; see `CPUTransformer`.
  package func appendRandomHistory(_ count: Int, to cache: CacheHandle) throws(ModelError) {
    try link.beginDialogue { writer in
      writer.begin(.randomHistory)
      writer.append(cache)
      writer.append(count)
    }
    try model.appendRandomHistory(count, to: cache)
    try link.waitForAll(atMost: CommandLink.longPatience)
  }

  /// Lets every rank look at its blocks of a cache's file, at the same time.
  private func look(at cache: CacheHandle) throws(ModelError) {
    try link.beginDialogue { writer in
      writer.begin(.look)
      writer.append(cache)
    }
    var failure: ModelError?
    do throws(ModelError) { try model.checkFile(of: cache) } catch { failure = error }
    try link.waitForAll(atMost: CommandLink.longPatience)
    if let failure { throw failure }
  }

  /// The handle, once every rank has made the same one; takes it back everywhere if one could not.
  private func confirmed(
    _ handle: CacheHandle, atMost seconds: Double? = nil
  ) throws(ModelError) -> CacheHandle {
    do {
      try link.waitForAll(atMost: seconds)
    } catch {
      if error.code != .rankLost { release(handle) }
      throw error
    }
    return handle
  }
}
