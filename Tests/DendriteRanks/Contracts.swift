// SPDX-License-Identifier: Apache-2.0
#if MPI
  import DendriteDistributed

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #elseif canImport(Darwin)
    import Darwin
  #endif

  /// Bytes 0, 7, 14, … of which every message is a part.
  private let pattern = [UInt8]((0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })

  /// A message whose every byte depends on its sender and its number: one part of the pattern for each.
  func message(from rank: Int, number: Int, count: Int) -> ArraySlice<UInt8> {
    let start = (rank &* 31 &+ number &* 101) & 0xff
    return pattern[start..<start + count]
  }

  /// Whether bytes are that message.
  func isMessage(
    _ bytes: UnsafeMutableRawBufferPointer, from rank: Int, number: Int, count: Int
  ) -> Bool {
    message(from: rank, number: number, count: count).withUnsafeBytes { expected in
      guard let found = bytes.baseAddress, let expected = expected.baseAddress else {
        return count == 0
      }
      return memcmp(expected, found, count) == 0
    }
  }

  /// Writes that message.
  func write(
    _ bytes: UnsafeMutableRawBufferPointer, from rank: Int, number: Int, count: Int
  ) {
    message(from: rank, number: number, count: count).withUnsafeBytes {
      UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]).copyMemory(from: $0)
    }
  }

  /// Swaps bytes with a rank and checks them.
  func swap(
    _ communicator: any Communicator, with partner: Int, number: Int, count: Int
  ) throws(DistributedError) {
    let theirs = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    defer { theirs.deallocate() }
    let mine = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    defer { mine.deallocate() }
    write(mine, from: communicator.rank, number: number, count: count)
    try communicator.exchange(
      with: partner, sending: UnsafeRawBufferPointer(mine), receiving: theirs)
    require(
      isMessage(theirs, from: partner, number: number, count: count),
      "swap \(number) of \(count) bytes with rank \(partner) brought other bytes")
  }

  /// The protocol's promises on this transport: who meets whom, in which order, and what is counted.
  func checkContracts(_ communicator: MPICommunicator) throws(DistributedError) {
    let ranks = communicator.rankCount
    let rank = communicator.rank
    // Empty, odd, a command, a layer of an 8B model, around a box of the shared window, and far beyond it.
    let sizes = [0, 1, 7, 4096, 16_640, 262_143, 262_144, 262_145, 1_500_000]
    var expected = Traffic()
    for number in 0..<3 {
      for count in sizes {
        // Pairs meet in the same order on both sides: by the sum of their numbers.
        for sum in 1...max(1, 2 * ranks - 3) {
          let partner = sum - rank
          guard (0..<ranks).contains(partner), partner != rank else { continue }
          try swap(communicator, with: partner, number: number, count: count)
          expected.exchanges += 1
          expected.exchangedBytes += count
        }
      }
    }
    require(
      communicator.traffic == expected, "counted \(communicator.traffic), expected \(expected)")

    // All send before anybody receives: there is room for one message on every way, however long.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    for (number, count) in [0, 3, 5000, 300_000].enumerated() {
      for other in 0..<ranks where other != rank {
        write(buffer, from: rank, number: number, count: count)
        try communicator.send(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: other)
        expected.messages += 1
        expected.messageBytes += count
      }
      for other in 0..<ranks where other != rank {
        let received = try communicator.receive(into: buffer, from: other)
        require(received == count, "\(received) bytes from rank \(other), expected \(count)")
        require(
          isMessage(buffer, from: other, number: number, count: count),
          "message \(number) of rank \(other) has other bytes")
      }
    }

    // Messages of one rank arrive in order, exchanges among them or not.
    guard ranks > 1 else { return report("contracts: one rank, which has nobody to talk to") }
    let next = (rank + 1) % ranks
    let before = (rank + ranks - 1) % ranks
    for number in 0..<200 {
      buffer[0] = UInt8(number)
      try communicator.send(UnsafeRawBufferPointer(rebasing: buffer[..<1]), to: next)
      expected.messages += 1
      expected.messageBytes += 1
      if number % 10 == 0, ranks & 1 == 0 {
        try swap(communicator, with: rank ^ 1, number: number, count: 100)
        expected.exchanges += 1
        expected.exchangedBytes += 100
      }
      let count = try communicator.receive(into: buffer, from: before, patience: 30)
      require(count == 1 && buffer[0] == UInt8(number), "message \(number) is not the next one")
    }

    // A broadcast reaches every rank once.
    for number in 1...50 {
      let count = number * number * 3
      if rank == 0 { write(buffer, from: 0, number: number, count: count) }
      let received = try communicator.broadcast(buffer, count: rank == 0 ? count : 0)
      require(received == count, "a broadcast of \(received) bytes, expected \(count)")
      require(
        isMessage(buffer, from: 0, number: number, count: count),
        "broadcast \(number) has other bytes")
      var bit = 1
      while bit <= rank { bit *= 2 }
      while rank + bit < ranks {
        expected.messages += 1
        expected.messageBytes += count
        bit *= 2
      }
    }
    require(
      communicator.traffic == expected, "counted \(communicator.traffic), expected \(expected)")
    let numbers = communicator.numbering.numbers.sorted()
    require(numbers == Array(0..<ranks), "ranks are numbered \(numbers)")
    report(
      "contracts: \(ranks) ranks, \(expected.exchanges) swaps and \(expected.messages) messages sent by rank 0, "
        + "\(expected.exchangedBytes) and \(expected.messageBytes) bytes, as counted")
  }
#endif
