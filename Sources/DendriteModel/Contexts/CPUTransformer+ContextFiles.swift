// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute
internal import Synchronization

extension CPUTransformer {
  /// As `CausalModel` says.
  public func write(_ cache: CacheHandle, tokens: [Int], to path: String) throws(ModelError) {
    let writer = try contextWriter(for: cache, tokens: tokens, to: path)
    let state = try state(of: cache)
    for block in state.historyBlocks {
      guard let block else {
        throw ModelError(
          .badSharding, "a cache of which other ranks keep a part",
          remedy: "write it through the model that leads the ranks")
      }
      try writer.append(UnsafeRawBufferPointer(start: block, count: state.pool.blockBytes))
    }
    try writer.finish()
  }

  /// Begins the file of a history, whose blocks the caller appends in order.
  ///
  /// - Throws: `badRow` unless there is a token for every position, at least one; `badContext`.
  package func contextWriter(
    for cache: CacheHandle, tokens: [Int], to path: String
  ) throws(ModelError) -> ContextFileWriter {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    guard tokens.count == state.length, !tokens.isEmpty else {
      throw ModelError(
        .badRow,
        "\(tokens.count) tokens for a history of \(state.length), expected as many and at least one",
        remedy: "pass the tokens that were fed")
    }
    try checkFile(of: state)
    return try ContextFileWriter(
      path: path, tokens: tokens, cacheType: state.type, fingerprint: contextFingerprint,
      modelName: description.name, blockBytes: state.pool.blockBytes)
  }

  /// As `CausalModel` says.
  public func open(_ file: ContextFile, capacity: Int) throws(ModelError) -> CacheHandle {
    guard file.fingerprint == contextFingerprint else {
      throw ModelError(
        .badContext,
        "'\(file.path)' is a context of \(file.modelName), expected one of this model file with these rope settings",
        remedy: "open it with the model file that built it, or build it again")
    }
    guard file.numericsVersion == numericsVersion else {
      throw ModelError(
        .badContext,
        "'\(file.path)' has numerics version \(file.numericsVersion), expected \(numericsVersion)",
        remedy: "build it again with this version of Dendrite")
    }
    guard file.tokens.count <= capacity else {
      throw ModelError(
        .contextFull, "a context of \(file.tokens.count) tokens for a cache of \(capacity)",
        remedy: "open it with room for more")
    }
    // Nothing may fail once the cache has a name: ranks give the same names.
    guard pool(for: file.cacheType).blockBytes == file.blockBytes,
      file.tokens.allSatisfy({ (0..<configuration.vocabularySize).contains($0) })
    else {
      throw ModelError(
        .badContext,
        "'\(file.path)' has blocks of \(file.blockBytes) bytes or tokens of another model",
        remedy: "build the context again")
    }
    let handle = try makeCache(capacity: capacity, type: file.cacheType)
    let state = try state(of: handle)
    state.begin(with: file)
    return handle
  }

  /// Tells models apart whose keys and values differ: weights, and how positions turn them.
  var contextFingerprint: UInt64 {
    let rope =
      "\(configuration.ropeBase) \(configuration.ropeScaling) \(configuration.ropeDimensionCount)"
    return fingerprint ^ Checksum.fnv1a(Array(rope.utf8)[...])
  }

  /// Looks at what a pass is about to attend to: a changed file, and blocks that were never read before.
  func checkFile(of state: CacheState) throws(ModelError) {
    guard let file = state.file else { return }
    try file.checkUnchanged()
    let blocks = state.uncheckedBlocks
    guard !blocks.isEmpty else { return state.markChecked() }
    let parts = min(blocks.count, machine.threads * 8)
    let job = CheckJob(file: file, blocks: blocks, parts: parts)
    machine.run(parts: parts, Unmanaged.passUnretained(job)) { pointer, part in
      pointer.assumingMemoryBound(to: Unmanaged<CheckJob>.self).pointee._withUnsafeGuaranteedRef {
        $0.run(part: part)
      }
    }
    if let damaged = job.damaged { throw file.damage(inBlock: damaged) }
    state.markChecked()
  }
}

/// Hashes of many blocks, in parts.
private final class CheckJob: Sendable {
  let file: ContextFile
  let blocks: [Int]
  private let parts: Int
  private let first = Mutex<Int?>(nil)

  init(file: ContextFile, blocks: [Int], parts: Int) {
    self.parts = parts
    self.file = file
    self.blocks = blocks
  }

  var damaged: Int? { first.withLock { $0 } }

  func run(part: Int) {
    for index in blocks.count * part / parts..<blocks.count * (part + 1) / parts
    where !file.isSound(blocks[index]) {
      first.withLock { $0 = min($0 ?? Int.max, blocks[index]) }
    }
  }
}
