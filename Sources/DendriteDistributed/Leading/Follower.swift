// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
public import DendriteModel

/// A rank that does what rank 0 does, on its own part of every context.
///
/// It reads no clock and makes no choice: commands arrive in order, and replaying them gives the caches the same handles,
/// nodes and lengths as on rank 0.
public struct Follower {
  private let model: CPUTransformer
  private let communicator: any Communicator
  private var batch = RowBatch()
  private var pass: Pass?
  private var bytes: [UInt8] = []
  /// Seconds of silence after which rank 0 is given up; after an answer it may wait for slower ranks.
  private var patience = CommandLink.patience

  private init(model: CPUTransformer, communicator: any Communicator) {
    self.model = model
    self.communicator = communicator
    bytes.reserveCapacity(4096)
  }

  /// Follows rank 0 until it says stop.
  ///
  /// - Parameters:
  ///   - model: this rank's model; its sharding goes over the same communicator.
  ///   - communicator: the group.
  ///   - options: what rank 0 was given too.
  /// - Throws: `rankStalled` if rank 0 is silent for eight seconds, `rankLost` if the group has ended, `badMessage`, or
  ///   the model's own failure; the group has then ended.
  public static func follow(
    model: CPUTransformer, communicator: any Communicator, options: String = ""
  ) throws(DistributedError) {
    try RankIdentity(model: model, options: options).agree(over: communicator)
    var follower = Follower(model: model, communicator: communicator)
    do {
      try follower.run()
    } catch {
      communicator.fail("rank \(communicator.rank): \(error.message)")
      throw error
    }
  }

  private mutating func run() throws(DistributedError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: CommandLink.chunkBytes, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      bytes.removeAll(keepingCapacity: true)
      var isWhole = false
      while !isWhole {
        let count = try communicator.broadcast(buffer, count: 0, patience: patience)
        patience = CommandLink.patience
        guard count > 0 else { throw CommandReader.damaged("an empty message") }
        isWhole = buffer[0] == 0
        bytes.append(contentsOf: buffer[1..<count])
      }
      var reader = CommandReader(bytes)
      while !reader.isAtEnd {
        guard try perform(reader.kind(), &reader, buffer) else { return }
      }
    }
  }

  /// Does what a command says.
  ///
  /// - Returns: whether there is more to follow.
  private mutating func perform(
    _ kind: CommandWriter.Kind, _ reader: inout CommandReader,
    _ buffer: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) -> Bool {
    switch kind {
    case .makeCache, .fork: patience = 2 * CommandLink.patience
    case .save, .restore, .open, .look, .randomHistory: patience = CommandLink.longPatience
    default: break
    }
    switch kind {
    case .stop: return false
    case .stillHere: break
    case .makeCache:
      let capacity = try reader.integer()
      let number = try reader.integer()
      let branchRows = try reader.integer()
      guard let number = UInt32(exactly: number), let type = CacheType(savedNumber: number) else {
        throw CommandReader.damaged("cache type \(number)")
      }
      try report { () throws(ModelError) in
        _ = try model.makeCache(capacity: capacity, type: type, branchRows: branchRows)
      }
    case .release: model.release(try reader.cache())
    case .commitNodes:
      let cache = try reader.cache()
      var path: [NodeID] = []
      for _ in 0..<(try reader.count(size: 2)) { path.append(try reader.node()) }
      try attempt { () throws(ModelError) in try model.commit(path, to: cache) }
    case .commitRows: try commitRows(&reader)
    case .discard:
      let cache = try reader.cache()
      try attempt { () throws(ModelError) in try model.discard(cache) }
    case .truncate:
      let cache = try reader.cache()
      let length = try reader.integer()
      try attempt { () throws(ModelError) in _ = try model.truncate(cache, to: length) }
    case .fork:
      let cache = try reader.cache()
      try report { () throws(ModelError) in _ = try model.fork(cache) }
    case .randomHistory:
      let cache = try reader.cache()
      let count = try reader.integer()
      try attempt { () throws(ModelError) in try model.appendRandomHistory(count, to: cache) }
      try answer(nil)
    case .submit:
      try reader.read(into: &batch)
      try attempt { () throws(ModelError) in pass = try model.submit(batch) }
      // Ranks exchange states until the pass has ended, on a thread of its own if it has exits.
      model.waitForPass()
    case .save: try save(try reader.cache(), buffer)
    case .restore: try restore(&reader, buffer)
    case .open:
      let capacity = try reader.integer()
      let identity = UInt64(bitPattern: Int64(try reader.integer()))
      let path = try reader.text()
      try report { () throws(ModelError) in
        let file = try ContextFile(path: path)
        guard file.identity == identity else {
          throw ModelError(
            .badContext, "'\(path)' is another context here than on rank 0",
            remedy: "give every rank the same file")
        }
        _ = try model.open(file, capacity: capacity)
      }
    case .look:
      let cache = try reader.cache()
      var failure: ModelError?
      do throws(ModelError) { try model.checkFile(of: cache) } catch { failure = error }
      try answer(failure)
    }
    return true
  }

  private func commitRows(_ reader: inout CommandReader) throws(DistributedError) {
    let cache = try reader.cache()
    let first = try reader.integer()
    let count = try reader.integer()
    guard let pass, first >= 0, (0...CPUTransformer.maximumRowCount).contains(count) else {
      throw CommandReader.damaged("a commit of \(count) rows from \(first) on")
    }
    try attempt { () throws(ModelError) in
      try model.commit(rows: first..<first + count, of: pass, to: cache)
    }
  }

  private func save(
    _ cache: CacheHandle, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    var failure: DistributedError?
    try attempt { () throws(ModelError) in
      try model.forEachOwnBlock(of: cache) { block in
        var rest = block
        while !rest.isEmpty, failure == nil {
          let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(CommandLink.chunkBytes))
          do throws(DistributedError) {
            try communicator.send(piece, to: 0)
          } catch {
            failure = error
          }
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
        }
      }
    }
    if let failure { throw failure }
  }

  private func restore(
    _ reader: inout CommandReader, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    let total = try reader.integer()
    let capacity = try reader.integer()
    guard (0...1 << 40).contains(total) else {
      throw CommandReader.damaged("a context of \(total) bytes")
    }
    var saved: [UInt8] = []
    while saved.count < total {
      let count = try communicator.broadcast(
        buffer, count: 0, patience: CommandLink.longPatience)
      guard count > 0, saved.count + count <= total else {
        throw CommandReader.damaged("\(count) bytes of a context")
      }
      saved.append(contentsOf: buffer[..<count])
    }
    try report { () throws(ModelError) in _ = try model.restore(saved, capacity: capacity) }
  }

  private func attempt(_ body: () throws(ModelError) -> Void) throws(DistributedError) {
    do { try body() } catch { throw DistributedError(error) }
  }

  /// Makes a cache, which may fail for want of memory here and nowhere else, and tells rank 0 how it went.
  ///
  /// A cache that could not be made leaves its name unused, as on rank 0, which takes its own back.
  private func report(_ make: () throws(ModelError) -> Void) throws(DistributedError) {
    var failure: ModelError?
    do throws(ModelError) { try make() } catch {
      failure = error
      model.passOverHandle()
    }
    try answer(failure)
  }

  /// Tells rank 0 what went wrong, or that nothing did: a byte for the kind, and words.
  private func answer(_ failure: ModelError?) throws(DistributedError) {
    let kind: UInt8 = failure == nil ? 0 : failure?.code == .notEnoughMemory ? 1 : 2
    let text = [kind] + Array((failure?.message ?? "").utf8.prefix(1000))
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
    defer { bytes.deallocate() }
    bytes.copyBytes(from: text)
    try communicator.send(UnsafeRawBufferPointer(bytes), to: 0)
  }
}
