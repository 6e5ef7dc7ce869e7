// SPDX-License-Identifier: Apache-2.0
#if MPI
  import CAllocationCounter
  import DendriteCompute
  import DendriteDistributed

  /// A pair of buffers for exchanges.
  private struct Buffers: ~Copyable {
    let sending: UnsafeMutableRawBufferPointer
    let receiving: UnsafeMutableRawBufferPointer

    init(count: Int) {
      sending = .allocate(byteCount: count, alignment: 64)
      receiving = .allocate(byteCount: count, alignment: 64)
      sending.initializeMemory(as: UInt8.self, repeating: 1)
      receiving.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
      sending.deallocate()
      receiving.deallocate()
    }
  }

  /// A reduction's exchanges: with every rank whose number differs in one bit.
  private func round(
    _ communicator: MPICommunicator, _ buffers: borrowing Buffers
  ) throws(DistributedError) {
    var bit = communicator.rankCount / 2
    while bit > 0 {
      try communicator.exchange(
        with: communicator.rank ^ bit, sending: UnsafeRawBufferPointer(buffers.sending),
        receiving: buffers.receiving)
      bit /= 2
    }
  }

  /// Exchanges and messages whose sizes have been seen allocate nothing, in MPI neither.
  func checkAllocations(_ communicator: MPICommunicator) throws(DistributedError) {
    guard allocation_count() >= 0 else {
      return report("allocations cannot be counted on this system")
    }
    let before = allocation_count()
    let proof = (1...10).map { [Int](repeating: $0, count: $0 * 100) }
    require(allocation_count() - before >= 10 && proof.count == 10, "the counter does not count")

    let layer = Buffers(count: 16_640)
    let draft = Buffers(count: 9 * 16_640)
    let command = Buffers(count: 200)
    var start: Int64 = 0
    let rounds = 500
    for number in -200..<rounds {
      if number == 0 { start = allocation_count() }
      _ = try communicator.broadcast(command.sending, count: 60 + (number + 200) % 140)
      // Passes of one row and of nine take turns, as when guesses are checked.
      for _ in 0..<4 {
        if number % 2 == 0 {
          try round(communicator, layer)
        } else {
          try round(communicator, draft)
        }
      }
    }
    let made = allocation_count() - start
    require(made == 0, "\(made) allocations in \(rounds) passes, expected none")
    report(
      "allocations: \(communicator.rankCount) ranks, none in \(rounds) passes of a command and 4 reductions"
    )
  }

  /// Microseconds of an exchange: the median over repetitions.
  func measureExchanges(_ communicator: MPICommunicator) throws(DistributedError) {
    for count in [64, 4096, 16_640, 66_560, 532_480] {
      let buffers = Buffers(count: count)
      let swaps = count > 100_000 ? 50 : 300
      var times: [Double] = []
      for repetition in -2..<30 {
        try round(communicator, buffers)
        let began = Clock.seconds()
        for _ in 0..<swaps { try round(communicator, buffers) }
        if repetition >= 0 { times.append((Clock.seconds() - began) / Double(swaps) * 1e6) }
      }
      times.sort()
      report(
        "speed: \(communicator.rankCount) ranks, \(count) bytes: median \(times[15]) us, "
          + "least \(times[0]), most \(times[29]) a reduction's exchanges")
    }
  }
#endif
