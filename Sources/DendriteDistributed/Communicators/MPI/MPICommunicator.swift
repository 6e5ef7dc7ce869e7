// SPDX-License-Identifier: Apache-2.0
#if MPI
  internal import DendriteCompute
  internal import Synchronization

  /// Ranks that are processes, started by `mpirun`, on one machine or several.
  ///
  /// ```swift
  /// let communicator = try MPICommunicator.start()
  /// defer { communicator.finish() }
  /// ```
  ///
  /// Exchanges between ranks of one node go through memory that they share, all else through MPI. Every wait is a loop of
  /// our own: it looks, gives way, sleeps, and ends at the deadline; MPI's own waiting has none.
  ///
  /// **A group that fails ends as a whole.** A call that waited too long, a message of another length, or `fail` writes one
  /// message to standard error and ends the processes of all ranks; no call returns from that. A rank that dies is noticed
  /// by `mpirun`, which ends the others.
  ///
  /// - Threads: several threads may take turns; `fail` may come from any at any time.
  public final class MPICommunicator: Communicator, @unchecked Sendable {
    // Sendable: one thread at a time calls it; `fail` touches only what is locked or atomic.
    /// This rank's number.
    public let rank: Int
    /// The number of ranks.
    public let rankCount: Int
    /// What this rank has sent so far.
    public internal(set) var traffic = Traffic()
    /// How ranks were numbered over the nodes.
    public let numbering: RankNumbering
    /// Things about the start that make the ranks slower than they could be, to be shown to the user.
    public let advice: [String]
    /// Seconds that a rank waits for another.
    public let deadline: Double

    let library: MPILibrary
    let window: NodeWindow?
    /// Whether exchanges inside a node go through the window; its other half, who waits for whom, is always used.
    private let sharesMemory: Bool
    let isCrowded: Bool
    let isEnding = Atomic<Bool>(false)
    var outboxes: [Outbox]
    private let incoming = MPILibrary.Message()
    private let outgoing = MPILibrary.Message()

    /// Whether a launcher of MPI started this process.
    public static var wasLaunched: Bool {
      ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE"].contains { LastWords.variable($0) != nil }
    }

    /// Joins the ranks that were started together; called by all of them, once.
    ///
    /// A process that was started without `mpirun` is the only rank.
    ///
    /// - Parameters:
    ///   - deadline: seconds that a rank waits for another.
    ///   - sharesMemory: whether ranks of one node exchange through memory of their own instead of MPI.
    /// - Returns: this rank's communicator.
    /// - Throws: `noTransport`; `badGroup` beyond 1,024 ranks.
    public static func start(
      deadline: Double = 10, sharesMemory: Bool = true
    ) throws(DistributedError) -> MPICommunicator {
      try start(deadline: deadline, sharesMemory: sharesMemory, pretendedNodes: 0)
    }

    /// As `start(deadline:sharesMemory:)`, with ranks that act as if they were on several nodes, by turns.
    ///
    /// - Parameters:
    ///   - deadline: seconds that a rank waits for another.
    ///   - sharesMemory: whether ranks of one node exchange through memory of their own.
    ///   - pretendedNodes: how many nodes; 0 for those that there are.
    /// - Returns: this rank's communicator.
    /// - Throws: as `start(deadline:sharesMemory:)`.
    package static func start(
      deadline: Double, sharesMemory: Bool, pretendedNodes: Int
    ) throws(DistributedError) -> MPICommunicator {
      let seconds = max(60, deadline)
      let watch = Watch(
        seconds: seconds,
        words: """
          ranks: not all ranks have started within \(seconds) s
            try: look at the ranks that mpirun was to start
          """)
      defer { watch.end() }
      return try MPICommunicator(
        deadline: deadline, sharesMemory: sharesMemory, pretendedNodes: pretendedNodes)
    }

    private init(
      deadline: Double, sharesMemory: Bool, pretendedNodes: Int
    ) throws(DistributedError) {
      library = try MPILibrary()
      let (place, hosts) = try library.place(pretendedNodes: pretendedNodes)
      guard hosts.count <= 1024 else {
        throw DistributedError(
          .badGroup, "\(hosts.count) ranks, expected at most 1024", remedy: "start fewer ranks")
      }
      numbering = RankNumbering(hosts: hosts)
      rank = numbering.numbers[place]
      rankCount = hosts.count
      self.deadline = deadline
      self.sharesMemory = sharesMemory
      try library.join(number: rank)
      let members = numbering.members(ofNode: numbering.nodes[rank])

      let cores = CoreSet.available?.cores ?? []
      var masks = [UInt64](repeating: 0, count: 16)
      for core in cores where core < 1024 { masks[core / 64] |= 1 << UInt64(core % 64) }
      masks = try library.union(masks)
      isCrowded = CoreBinding.isCrowded(
        ranks: members.count, masks: masks, own: cores.count, usable: AvailableCores.count())
      var advice: [String] = []
      if !numbering.isEven {
        advice.append(
          """
          the nodes have different numbers of ranks, which keep the order in which they were started: more rounds cross the network
            try: mpirun --map-by ppr:N:node
          """)
      }
      if let words = CoreBinding.advice(
        cores: cores.count, online: LastWords.onlineCores, ranks: members.count)
      {
        advice.append(words)
      }
      self.advice = advice

      if members.count > 1 {
        let bytes = NodeWindow.byteCount(members: members.count, rankCount: rankCount)
        let window = NodeWindow(
          base: try library.share(byteCount: bytes), members: members, rank: rank,
          rankCount: rankCount)
        if rank == members[0] { window.clear() }
        try library.meet()
        window.introduce(process: LastWords.process)
        self.window = window
      } else {
        window = nil
      }
      outboxes = (0..<hosts.count).map { _ in Outbox() }
    }

    deinit {
      // Requests that MPI still knows are left to the end of the process.
      if !incoming.isPending { incoming.free() }
      if !outgoing.isPending { outgoing.free() }
    }

    // MARK: Exchange

    /// Sends bytes to a rank and receives equally many from it.
    ///
    /// - Parameters:
    ///   - partner: another rank.
    ///   - sending: what the partner receives.
    ///   - receiving: where the partner's bytes go.
    /// - Throws: what MPI says; a failure of the group ends the process instead.
    public func exchange(
      with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
    ) throws(DistributedError) {
      precondition(receiving.count == sending.count, "an exchange of buffers that differ in length")
      precondition(partner != rank && partner >= 0 && partner < rankCount, "no such rank")
      if sharesMemory, let window, let bit = window.bit(of: partner) {
        window.put(sending, bit: bit)
        var arrived: Int?
        try wait(for: partner, atMost: deadline) { () throws(DistributedError) in
          arrived = window.nextCount(from: partner, bit: bit)
          return arrived != nil
        }
        let count = arrived ?? 0
        if count != sending.count {
          throw refuse("\(count) bytes", of: partner, expected: "\(sending.count)")
        }
        window.take(into: receiving, count: count, from: partner, bit: bit)
        if !window.holds(count) { try swap(partner, sending, receiving) }
      } else {
        try swap(partner, sending, receiving)
      }
      traffic.exchanges += 1
      traffic.exchangedBytes += sending.count
    }

    /// Swaps bytes by two messages.
    private func swap(
      _ partner: Int, _ sending: UnsafeRawBufferPointer, _ receiving: UnsafeMutableRawBufferPointer
    ) throws(DistributedError) {
      try library.send(sending, to: partner, .exchange, as: outgoing)
      var result = MPILibrary.Outcome.pending
      try wait(for: partner, atMost: deadline) { () throws(DistributedError) in
        if result == .pending {
          result = try library.receive(into: receiving, from: partner, .exchange, as: incoming)
        }
        // One that is refused is refused at once.
        if result != .pending, result != .done(bytes: sending.count) { return true }
        let hasLeft = try library.test(outgoing) != .pending
        return hasLeft && result != .pending
      }
      switch result {
      case .done(sending.count), .pending: return
      case .done(let count), .tooLong(let count):
        throw refuse("\(count) bytes", of: partner, expected: "\(sending.count)")
      }
    }

    // MARK: Messages

    /// Sends a message; there is room for one on the way to each rank, however long.
    ///
    /// - Throws: what MPI says; a failure of the group ends the process instead.
    public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError) {
      precondition(rank != self.rank && rank >= 0 && rank < rankCount, "no such rank")
      try post(bytes, to: rank, .message)
      traffic.messages += 1
      traffic.messageBytes += bytes.count
    }

    /// Waits for the next message of a rank.
    ///
    /// - Parameters:
    ///   - buffer: where it goes.
    ///   - rank: whose message.
    ///   - patience: seconds to wait, instead of the communicator's deadline.
    /// - Returns: the number of bytes.
    /// - Throws: what MPI says; a failure of the group ends the process instead.
    public func receive(
      into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
    ) throws(DistributedError) -> Int {
      precondition(rank != self.rank && rank >= 0 && rank < rankCount, "no such rank")
      return try receive(into: buffer, from: rank, .message, patience: patience)
    }

    func receive(
      into buffer: UnsafeMutableRawBufferPointer, from rank: Int, _ tag: MPILibrary.Tag,
      patience: Double?
    ) throws(DistributedError) -> Int {
      var result = MPILibrary.Outcome.pending
      try wait(for: rank, atMost: patience ?? deadline) { () throws(DistributedError) in
        result = try library.receive(into: buffer, from: rank, tag, as: incoming)
        return result != .pending
      }
      switch result {
      case .done(let count): return count
      case .tooLong(let count):
        throw refuse("\(count) bytes", of: rank, expected: "at most \(buffer.count)")
      case .pending: return 0
      }
    }

    // MARK: Ends

    /// Ends the processes of all ranks, with these words on standard error; does not return.
    public func fail(_ reason: String) { end(reason, remedy: "start the ranks again") }

    /// Leaves the group, as the last call; all ranks do it.
    ///
    /// A process that ends without it makes `mpirun` end the others. A rank that does not come within the deadline is a
    /// failure of the group.
    public func finish() {
      do {
        try sayFarewell()
      } catch {
        return end(error.message, remedy: error.remedy)
      }
      let watch = Watch(
        seconds: max(10, deadline),
        words: "ranks: rank \(rank) could not leave the group\n  try: see what mpirun says")
      defer { watch.end() }
      try? library.end()
    }
  }
#endif
