// SPDX-License-Identifier: Apache-2.0
#if MPI
  internal import DendriteCompute
  internal import Synchronization

  extension MPICommunicator {
    /// Room for a message to one rank, so that `send` need not wait until it is received.
    struct Outbox {
      let message = MPILibrary.Message()
      var bytes: UnsafeMutableRawBufferPointer?
      var count = 0
    }

    /// Seconds that `send` helps a long message along: MPI moves it while it is called only.
    private static let help = 0.002

    /// Copies a message and begins to send it; waits only while the message before it is on its way.
    func post(
      _ bytes: UnsafeRawBufferPointer, to rank: Int, _ tag: MPILibrary.Tag
    ) throws(DistributedError) {
      let message = outboxes[rank].message
      try flush(rank, atMost: deadline)
      if (outboxes[rank].bytes?.count ?? 0) < bytes.count {
        outboxes[rank].bytes?.deallocate()
        outboxes[rank].bytes = .allocate(byteCount: max(4096, bytes.count), alignment: 64)
      }
      let copy = UnsafeMutableRawBufferPointer(
        rebasing: (outboxes[rank].bytes ?? .init(start: nil, count: 0))[..<bytes.count])
      copy.copyMemory(from: bytes)
      try library.send(UnsafeRawBufferPointer(copy), to: rank, tag, as: message)
      var patience = Patience(seconds: MPICommunicator.help, isCrowded: isCrowded)
      while try library.test(message) == .pending, patience.rest() != .isOver {}
    }

    /// Waits until the last message to a rank has left.
    private func flush(_ rank: Int, atMost seconds: Double) throws(DistributedError) {
      let message = outboxes[rank].message
      guard message.isPending else { return }
      try wait(for: rank, atMost: seconds) { () throws(DistributedError) in
        try library.test(message) != .pending
      }
    }

    /// Waits until a condition holds.
    ///
    /// While it waits, messages that were sent move on, and the end of the group is noticed.
    func wait(
      for partner: Int, atMost seconds: Double, until holds: () throws(DistributedError) -> Bool
    ) throws(DistributedError) {
      if try holds() { return }
      var patience = Patience(seconds: seconds, isCrowded: isCrowded)
      var isShown = false
      defer { if isShown { window?.setPartner(nil) } }
      while true {
        let step = patience.rest()
        if step != .looked {
          if !isShown {
            window?.setPartner(partner)
            isShown = true
          }
          if isEnding.load(ordering: .acquiring) || window?.isOver == true { endQuietly() }
          try moveOn()
        }
        if try holds() { return }
        if step == .isOver { throw stalled(partner, seconds) }
      }
    }

    /// Lets messages that were sent move on, if some have not left.
    private func moveOn() throws(DistributedError) {
      // A loop over the array would allocate its iterator in a debug build.
      var other = 0
      while other < rankCount {
        let message = outboxes[other].message
        if message.isPending { _ = try library.test(message) }
        other += 1
      }
    }

    /// Tells rank 0 that this rank is done, and learns that all are.
    func sayFarewell() throws(DistributedError) {
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      let nowhere = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      if rank == 0 {
        for other in 1..<max(1, rankCount) {
          _ = try receive(into: nowhere, from: other, .farewell, patience: nil)
        }
        for other in 1..<max(1, rankCount) { try post(nothing, to: other, .farewell) }
      } else {
        try post(nothing, to: 0, .farewell)
        _ = try receive(into: nowhere, from: 0, .farewell, patience: Double(rankCount) * deadline)
      }
      for other in 0..<rankCount where other != rank { try flush(other, atMost: deadline) }
    }

    // MARK: Failures

    /// Refuses what a rank sent: the group ends.
    func refuse(_ found: String, of partner: Int, expected: String) -> DistributedError {
      let error = DistributedError(
        .badMessage, "rank \(partner) sent \(found) to rank \(rank), expected \(expected)",
        remedy: "start all ranks with the same program, model and options")
      end(error.message, remedy: error.remedy)
      return error
    }

    /// A rank did not come in time: the group ends.
    private func stalled(_ partner: Int, _ seconds: Double) -> DistributedError {
      if let found = library.unexpected(from: partner), found.tag != .exchange {
        let what = found.tag == nil ? "an unknown message" : "a message of another kind"
        return refuse(
          "\(what) (\(found.bytes) bytes)", of: partner,
          expected: "its part of an exchange, or a message")
      }
      let chain = window?.chain(from: partner) ?? [partner]
      let last = chain[chain.count - 1]
      var words = "rank \(rank) waited \(seconds) s for rank \(partner)"
      for rank in chain.dropFirst() { words += ", which waits for rank \(rank)" }
      var remedy = "see what rank \(last) is doing; a longer deadline helps if it is only slow"
      if let process = window?.process(of: last) {
        let isStopped = LastWords.isStopped(process: process)
        words += isStopped ? ": process \(process) is stopped" : " (process \(process))"
        if isStopped {
          remedy = "let process \(process) run on (kill -CONT), or start the ranks again"
        }
      }
      end(words, remedy: remedy)
      return DistributedError(.rankStalled, words, remedy: remedy)
    }

    /// Ends all ranks with one message: of the first rank of a node that knows, and of the first node.
    func end(_ reason: String, remedy: String) {
      guard
        isEnding.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
          .exchanged, window?.claimFate() ?? true
      else { endQuietly() }
      LastWords.endAfter(seconds: 5)
      // Ranks of other nodes notice at the same moment; they are ended before it is their turn to speak.
      Clock.sleep(nanoseconds: UInt64(min(numbering.nodes[rank], 8)) * 300_000_000)
      LastWords.write("ranks: \(reason)\n  try: \(remedy)")
      library.abort(status: LastWords.status)
      LastWords.waitForTheEnd()
    }

    /// Waits to be ended by the rank that has said why, but not for ever.
    private func endQuietly() -> Never {
      LastWords.endAfter(seconds: 5)
      LastWords.waitForTheEnd()
    }
  }
#endif
