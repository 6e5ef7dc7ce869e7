// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteTestSupport
import Testing

/// What every transport has to keep; here for ranks that are threads.
@Suite struct CommunicatorTests {
  @Test(arguments: [2, 3, 4, 8])
  func `every pair of ranks can swap bytes, and the account agrees`(ranks: Int) throws {
    let group = try InProcessGroup(rankCount: ranks)
    let results = onEveryRank(of: group) { communicator in
      var received: [Int] = []
      for round in 0..<50 {
        for sum in 1...2 * ranks - 3 {
          // Pairs meet in the same order on both sides: by the sum of their numbers.
          let partner = sum - communicator.rank
          guard (0..<ranks).contains(partner), partner != communicator.rank else { continue }
          let mine = Array(repeating: UInt8(communicator.rank * 16 + round % 16), count: 1 + round)
          var theirs = [UInt8](repeating: 0, count: mine.count)
          try mine.withUnsafeBytes { sending in
            try theirs.withUnsafeMutableBytes {
              try communicator.exchange(with: partner, sending: sending, receiving: $0)
            }
          }
          if theirs.allSatisfy({ $0 == UInt8(partner * 16 + round % 16) }) {
            received.append(partner)
          }
        }
      }
      return (received.count, communicator.traffic)
    }
    for result in results {
      let (count, traffic) = try result.get()
      #expect(count == 50 * (ranks - 1))
      #expect(traffic.exchanges == 50 * (ranks - 1))
      #expect(traffic.exchangedBytes == (1...50).reduce(0, +) * (ranks - 1))
    }
  }

  @Test(arguments: [1, 2, 3, 5, 8, 16])
  func `a broadcast reaches every rank once`(ranks: Int) throws {
    let group = try InProcessGroup(rankCount: ranks)
    let results = onEveryRank(of: group) { communicator in
      var total = 0
      for round in 1...20 {
        var buffer = [UInt8](repeating: communicator.rank == 0 ? UInt8(round) : 0, count: 64)
        let count = try buffer.withUnsafeMutableBytes {
          try communicator.broadcast($0, count: round)
        }
        total += buffer.prefix(count).reduce(0) { $0 + Int($1) }
      }
      return (total, communicator.traffic.messages)
    }
    let outcomes = try results.map { try $0.get() }
    #expect(outcomes.allSatisfy { $0.0 == (1...20).reduce(0) { $0 + $1 * $1 } })
    #expect(outcomes.reduce(0) { $0 + $1.1 } == 20 * (ranks - 1))
  }

  @Test func `a rank that does not come is an error for all, within the deadline`() throws {
    let group = try InProcessGroup(rankCount: 3, deadline: 0.2)
    let began = Clock.seconds()
    let results = onEveryRank(of: group) { communicator in
      if communicator.rank == 2 {
        var buffer = [UInt8](repeating: 0, count: 8)
        return try buffer.withUnsafeMutableBytes {
          try communicator.receive(into: $0, from: 0, patience: 5)
        }
      }
      if communicator.rank == 1 { return 0 }
      var buffer = [UInt8](repeating: 0, count: 8)
      return try buffer.withUnsafeMutableBytes { try communicator.receive(into: $0, from: 1) }
    }
    #expect(Clock.seconds() - began < 3)
    #expect(throws: DistributedError.self) { try results[0].get() }
    #expect(throws: DistributedError.self) { try results[2].get() }
    if case .failure(let error as DistributedError) = results[2] {
      #expect(error.code == .rankLost)
      #expect(error.message.contains("rank 0 waited 0.2 s for rank 1"))
    }
  }

  @Test func `messages of other lengths than expected are refused`() throws {
    let group = try InProcessGroup(rankCount: 2, deadline: 2)
    let results = onEveryRank(of: group) { communicator in
      let mine = [UInt8](repeating: 1, count: 4 + communicator.rank)
      var theirs = mine
      try mine.withUnsafeBytes { sending in
        try theirs.withUnsafeMutableBytes {
          try communicator.exchange(with: 1 - communicator.rank, sending: sending, receiving: $0)
        }
      }
      return 0
    }
    #expect(results.contains { (try? $0.get()) == nil })
    for case .failure(let error as DistributedError) in results {
      #expect(error.code == .badMessage || error.code == .rankLost, "\(error)")
    }
  }

  @Test func `a group without ranks is refused`() {
    #expect(throws: DistributedError.self) { try InProcessGroup(rankCount: 0) }
  }
}
