// SPDX-License-Identifier: Apache-2.0
#if MPI
  internal import CDendriteMPI
  internal import Synchronization

  /// The calls of MPI that a communicator makes, one at a time, with errors that say what failed.
  final class MPILibrary: @unchecked Sendable {
    // Sendable: `group` is touched under the lock; it is freed with the process.
    private let group = UnsafeMutablePointer<dendrite_mpi_group>.allocate(capacity: 1)
    /// Held during every call: `fail` may come from a thread that is not the communicator's.
    private let lock = Mutex<Void>(())

    /// What messages are for; messages of one kind arrive in order.
    enum Tag: Int32 {
      case exchange = 1
      case message = 2
      case farewell = 3
    }

    /// A message on its way; at a place that does not move while MPI knows it.
    struct Message: @unchecked Sendable {
      // Sendable: a place; one thread at a time uses it.
      fileprivate let place: UnsafeMutablePointer<dendrite_mpi_message>

      init() {
        place = .allocate(capacity: 1)
        place.initialize(to: dendrite_mpi_message())
      }

      var isPending: Bool { place.pointee.is_pending != 0 }

      func free() { place.deallocate() }
    }

    /// What became of a message.
    enum Outcome: Equatable {
      case pending
      case done(bytes: Int)
      /// It does not fit and was left where it is.
      case tooLong(bytes: Int)
    }

    /// Starts MPI.
    init() throws(DistributedError) {
      group.initialize(to: dendrite_mpi_group())
      var isNew: Int32 = 0
      var isSerialized: Int32 = 0
      try check(dendrite_mpi_start(&isNew, &isSerialized), "start")
      guard isNew != 0 else {
        throw DistributedError(
          .noTransport, "MPI was started twice in one process",
          remedy: "make one communicator and keep it until the program ends")
      }
      guard isSerialized != 0 else {
        throw DistributedError(
          .noTransport, "this MPI cannot be called from two threads in turn",
          remedy: "use an Open MPI that was built with threads (MPI_THREAD_SERIALIZED)")
      }
    }

    /// Finds this process's place.
    ///
    /// - Parameter pretendedNodes: if not 0, how many nodes ranks are taken to be on, by turns.
    /// - Returns: its rank and every process's node, in the order in which they were started.
    /// - Throws: `rankLost`.
    func place(pretendedNodes: Int) throws(DistributedError) -> (rank: Int, nodes: [Int]) {
      var rank: Int32 = 0
      var count: Int32 = 0
      var node: Int32 = 0
      try check(
        dendrite_mpi_place(group, Int32(pretendedNodes), &rank, &count, &node), "find the ranks")
      var nodes = [Int32](repeating: 0, count: Int(count))
      try check(dendrite_mpi_gather(node, &nodes), "find the nodes")
      return (Int(rank), nodes.map { Int($0) })
    }

    func join(number: Int) throws(DistributedError) {
      try check(dendrite_mpi_join(group, Int32(number)), "number the ranks")
    }

    /// Bits that at least one rank of the node has set.
    func union(_ masks: [UInt64]) throws(DistributedError) -> [UInt64] {
      var masks = masks
      try check(dendrite_mpi_union(group, &masks, Int32(masks.count)), "compare cores")
      return masks
    }

    /// Memory that all ranks of the node see.
    func share(byteCount: Int) throws(DistributedError) -> UnsafeMutableRawPointer {
      var base: UnsafeMutableRawPointer?
      try check(dendrite_mpi_share(group, byteCount, &base), "share memory")
      guard let base else { throw failure("share memory", "no memory") }
      return base
    }

    /// Waits for all ranks of the node.
    func meet() throws(DistributedError) { try check(dendrite_mpi_meet(group), "meet") }

    // MARK: Messages

    func send(
      _ bytes: UnsafeRawBufferPointer, to rank: Int, _ tag: Tag, as message: Message
    ) throws(DistributedError) {
      let count = try int32(bytes.count)
      try check(
        locked {
          dendrite_mpi_send(
            group, message.place, bytes.baseAddress, count, Int32(rank), tag.rawValue)
        },
        "send")
    }

    /// Looks for the next message of a rank and receives it; to be called until it is not pending.
    func receive(
      into buffer: UnsafeMutableRawBufferPointer, from rank: Int, _ tag: Tag, as message: Message
    ) throws(DistributedError) -> Outcome {
      let capacity = Int32(clamping: buffer.count)
      var outcome = dendrite_mpi_outcome()
      try check(
        locked {
          dendrite_mpi_receive(
            group, message.place, buffer.baseAddress, capacity, Int32(rank), tag.rawValue,
            &outcome)
        }, "receive")
      return result(outcome)
    }

    /// Looks whether a message has left.
    func test(_ message: Message) throws(DistributedError) -> Outcome {
      var outcome = dendrite_mpi_outcome()
      try check(locked { dendrite_mpi_test(message.place, &outcome) }, "send")
      return result(outcome)
    }

    private func result(_ outcome: dendrite_mpi_outcome) -> Outcome {
      let bytes = Int(outcome.bytes)
      if outcome.is_done == 0 { return .pending }
      return outcome.is_truncated != 0 ? .tooLong(bytes: bytes) : .done(bytes: bytes)
    }

    /// A message of a rank that nobody has asked for, if there is one.
    ///
    /// MPI moves messages while it is called only, so this looks more than once.
    func unexpected(from rank: Int) -> (tag: Tag?, bytes: Int)? {
      var tag: Int32 = -1
      var bytes: Int32 = 0
      for _ in 0..<1000 {
        let code = lock.withLock { _ in dendrite_mpi_look(group, Int32(rank), &tag, &bytes) }
        if code != 0 { return nil }
        if tag >= 0 { return (Tag(rawValue: tag), Int(bytes)) }
      }
      return nil
    }

    // MARK: Ends

    /// Ends the processes of all ranks.
    func abort(status: Int) { locked { dendrite_mpi_abort(Int32(status)) } }

    /// Leaves the group, together with all other ranks.
    func end() throws(DistributedError) { try check(locked { dendrite_mpi_end(group) }, "end") }

    // MARK: Errors

    private func locked<Value: Sendable>(_ body: () -> Value) -> Value {
      lock.withLock { _ in body() }
    }

    private func int32(_ count: Int) throws(DistributedError) -> Int32 {
      guard let count = Int32(exactly: count) else {
        throw DistributedError(
          .badMessage, "a message of \(count) bytes, expected at most \(Int32.max)",
          remedy: "feed fewer rows in a pass")
      }
      return count
    }

    private func check(_ code: Int32, _ what: String) throws(DistributedError) {
      guard code != 0 else { return }
      var words = [CChar](repeating: 0, count: Int(DENDRITE_MPI_WORDS))
      dendrite_mpi_words(code, &words)
      let text = words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw failure(what, String(decoding: text, as: UTF8.self))
    }

    private func failure(_ what: String, _ words: String) -> DistributedError {
      DistributedError(
        .rankLost, "MPI could not \(what): \(words)", remedy: "see what mpirun says about the ranks"
      )
    }
  }
#endif
