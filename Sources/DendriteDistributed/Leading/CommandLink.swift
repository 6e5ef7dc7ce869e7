// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel

/// The leader's end of the commands: what waits, what goes out, who has answered.
///
/// While nothing happens, a thread says "still here" every two seconds, so that a follower can tell an idle leader from
/// one that died.
final class CommandLink: @unchecked Sendable {
  // Sendable: everything below is touched under `lock`, or by the thread that calls the model while it holds it.
  private let communicator: any Communicator
  private let lock = Gate()
  private var isHeld = false
  private var isClosed = false
  private var writer = CommandWriter()
  private var buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: CommandLink.chunkBytes, alignment: 64)
  private var blockBuffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private let exchangedPassCount: @Sendable () -> Int
  /// Whether the last command is one that the others answer or hear more of: nothing else may come between.
  private var isInDialogue = false
  private var passCount: Int
  private var lastWord = Clock.seconds()
  private var thread: NativeThread?

  /// Bytes of a message at most; commands longer than that travel in several.
  static let chunkBytes = 64 << 10
  /// Seconds of silence after which the leader says that it is still here.
  static let silence = 2.0
  /// Seconds of silence after which a follower gives its leader up.
  static let patience = 8.0

  /// A link of rank 0.
  ///
  /// - Parameters:
  ///   - communicator: the group.
  ///   - exchangedPassCount: passes in which this rank has nothing more to exchange; before that nothing else may come
  ///     between.
  init(_ communicator: any Communicator, exchangedPassCount: @escaping @Sendable () -> Int) {
    self.communicator = communicator
    self.exchangedPassCount = exchangedPassCount
    passCount = exchangedPassCount()
  }

  deinit {
    buffer.deallocate()
    blockBuffer.deallocate()
  }

  var traffic: Traffic { communicator.traffic }

  /// Notes what the others are to do with the next message.
  func note(_ write: (inout CommandWriter) -> Void) { hold { write(&writer) } }

  /// Tells the others something that they answer, or hear more of: until `endDialogue` nothing else is said.
  func beginDialogue(_ write: (inout CommandWriter) -> Void) throws(ModelError) {
    try held { () throws(DistributedError) in
      write(&writer)
      isInDialogue = true
      try flush()
    }
  }

  /// Ends a dialogue.
  func endDialogue() {
    hold {
      isInDialogue = false
      lastWord = Clock.seconds()
    }
  }

  /// Tells the others to run a pass, which this rank then runs too.
  func orderPass(_ write: (inout CommandWriter) -> Void) throws(ModelError) {
    try held { () throws(DistributedError) in
      write(&writer)
      try flush()
      passCount += 1
    }
  }

  /// Ends the group.
  func fail(_ reason: String) { communicator.fail(reason) }

  /// Seconds to wait for an answer: a rank may have to read a large file, or to fill a large cache.
  static let longPatience = 600.0

  /// Waits until every rank has said how the last command went, and ends the dialogue.
  ///
  /// - Throws: the first rank's failure, once all have answered; `rankLost` if one does not answer.
  func waitForAll(atMost seconds: Double? = nil) throws(ModelError) {
    defer { endDialogue() }
    var refusal: ModelError?
    try held { () throws(DistributedError) in
      for rank in 1..<max(1, communicator.rankCount) {
        let count = try communicator.receive(into: buffer, from: rank, patience: seconds)
        guard count > 1, refusal == nil else { continue }
        let words = String(decoding: buffer[1..<count], as: UTF8.self)
        refusal =
          buffer[0] == 1
          ? ModelError(
            .notEnoughMemory, "rank \(rank): \(words)",
            remedy: "use a smaller context, or more ranks that hold a part of it")
          : ModelError(
            .badContext, "rank \(rank): \(words)",
            remedy: "give every rank the same files, whole ones")
      }
    }
    if let refusal { throw refusal }
  }

  /// A block that another rank keeps; valid until the next one.
  func collect(
    _ block: Int, byteCount: Int
  ) throws(ModelError) -> UnsafeMutableRawBufferPointer {
    if blockBuffer.count != byteCount {
      blockBuffer.deallocate()
      blockBuffer = .allocate(byteCount: byteCount, alignment: 64)
    }
    try held { () throws(DistributedError) in
      var offset = 0
      while offset < byteCount {
        let rest = UnsafeMutableRawBufferPointer(rebasing: blockBuffer[offset...])
        let count = try communicator.receive(
          into: rest, from: block % communicator.rankCount, patience: CommandLink.longPatience)
        guard count > 0 else { throw CommandReader.damaged("an empty piece of a block") }
        offset += count
      }
    }
    return blockBuffer
  }

  /// The whole of a saved context: this rank's bytes, and the other ranks' blocks in their places.
  func collect(_ shard: SavedShard) throws(ModelError) -> [UInt8] {
    var shard = shard
    for block in 0..<shard.blockCount where block % communicator.rankCount != 0 {
      shard.fill(
        block: block, from: UnsafeRawBufferPointer(try collect(block, byteCount: shard.blockBytes)))
    }
    return shard.finished()
  }

  /// Sends bytes to all ranks, in pieces.
  func distribute(_ bytes: [UInt8]) throws(ModelError) {
    try held { () throws(DistributedError) in
      var offset = 0
      while offset < bytes.count {
        let count = min(CommandLink.chunkBytes, bytes.count - offset)
        copy(bytes, from: offset, count: count, to: 0)
        _ = try communicator.broadcast(buffer, count: count)
        offset += count
      }
    }
  }

  /// Ends the followers and the thread.
  func close() {
    var isFirst = false
    // A pass is under way if its reader went away: what it exchanges must not be mixed with this.
    let limit = Clock.seconds() + CommandLink.patience
    while exchangedPassCount() != passCount, Clock.seconds() < limit {
      Clock.sleep(nanoseconds: 1_000_000)
    }
    if exchangedPassCount() != passCount {
      communicator.fail("rank 0 left in the middle of a pass")
    }
    hold {
      isFirst = !isClosed
      guard isFirst else { return }
      isClosed = true
      writer.begin(.stop)
      try? flush()
    }
    if isFirst, let thread {
      lock.signal()
      thread.join()
    }
  }

  /// Starts the thread that fills silences.
  func keepAlive() {
    guard communicator.rankCount > 1 else { return }
    thread = NativeThread.start { [self] in
      while !lock.wait(atMost: CommandLink.silence / 2, until: { isClosed }) {
        hold {
          guard !isClosed, Clock.seconds() - lastWord > CommandLink.silence,
            !isInDialogue, exchangedPassCount() == passCount
          else { return }
          writer.begin(.stillHere)
          do { try flush() } catch { isClosed = true }
        }
      }
    }
  }

  // MARK: Holding the transport

  private func hold(_ body: () -> Void) {
    lock.wait {
      if isHeld { return false }
      isHeld = true
      return true
    }
    body()
    lock.signal { isHeld = false }
  }

  private func held(_ body: () throws(DistributedError) -> Void) throws(ModelError) {
    var failure: DistributedError?
    hold {
      do throws(DistributedError) { try body() } catch { failure = error }
    }
    if let failure {
      throw ModelError(.rankLost, failure.message, remedy: failure.remedy, cause: failure)
    }
  }

  /// Sends what was written: a byte that says whether more follows, then commands.
  private func flush() throws(DistributedError) {
    defer { writer.removeAll() }
    guard communicator.rankCount > 1 else { return }
    var offset = 0
    repeat {
      let count = min(CommandLink.chunkBytes - 1, writer.bytes.count - offset)
      buffer[0] = offset + count < writer.bytes.count ? 1 : 0
      copy(writer.bytes, from: offset, count: count, to: 1)
      _ = try communicator.broadcast(buffer, count: count + 1)
      offset += count
    } while offset < writer.bytes.count
    lastWord = Clock.seconds()
  }

  private func copy(_ bytes: [UInt8], from offset: Int, count: Int, to place: Int) {
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + count])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
    }
  }
}
