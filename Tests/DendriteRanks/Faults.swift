// SPDX-License-Identifier: Apache-2.0
#if MPI
  import DendriteCompute
  import DendriteDistributed

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #elseif canImport(Darwin)
    import Darwin
  #endif

  /// Exchanges until rank 1 does something to the group, in mid-exchange; then nothing more may be said or left behind.
  func exchangeUntil(_ fault: String, _ communicator: MPICommunicator) throws(DistributedError) {
    let ranks = communicator.rankCount
    let count = 16_640
    for number in 0..<10_000_000 {
      // Rank 1 has answered some of the others and not the rest.
      let isTime = number == 20 && communicator.rank == 1
      if isTime { try commit(fault, communicator, count) }
      var bit = 1
      while bit < ranks {
        let partner = communicator.rank ^ bit
        if partner < ranks {
          try swap(communicator, with: partner, number: number % 50, count: count)
        }
        bit *= 2
      }
      if number > 20 { Clock.sleep(nanoseconds: 1_000_000) }
    }
  }

  /// Does it.
  private func commit(
    _ fault: String, _ communicator: MPICommunicator, _ count: Int
  ) throws(DistributedError) {
    switch fault {
    case "exit": exit(0)
    case "exit-3": exit(3)
    case "kill": kill(getpid(), SIGKILL)
    case "crash": UnsafeMutablePointer<Int>(bitPattern: 8)?.pointee = 1
    case "stop": kill(getpid(), SIGSTOP)
    case "sleep": Clock.sleep(nanoseconds: 3_600_000_000_000)
    case "fail": communicator.fail("rank 1 does not like it here")
    case "launcher": kill(getppid(), SIGKILL)
    case "short": try swap(communicator, with: 0, number: 0, count: count / 2)
    case "long": try swap(communicator, with: 0, number: 0, count: count + 4)
    case "longest": try swap(communicator, with: 0, number: 0, count: 1_000_000)
    case "message":
      // A message where the partner expects its part of an exchange, and nothing more.
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
      bytes.initializeMemory(as: UInt8.self, repeating: 0xa5)
      try communicator.send(UnsafeRawBufferPointer(bytes), to: 0)
      Clock.sleep(nanoseconds: 3_600_000_000_000)
    default: communicator.fail("no fault '\(fault)'")
    }
  }
#endif
