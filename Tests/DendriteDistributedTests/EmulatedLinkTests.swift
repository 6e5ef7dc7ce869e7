// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteTestSupport
import Testing

/// Emulated links delay by what they promise, and change nothing else.
@Suite(.serialized) struct EmulatedLinkTests {
  /// Seconds of the quickest of some exchanges between two ranks: load makes the others longer.
  private func exchangeTime(bytes: Int, link: LinkProfile, times: Int = 8) throws -> Double {
    let group = try InProcessGroup(rankCount: 2)
    let results = onEveryRank(of: group) { base in
      let communicator = try EmulatedLink(base, link: link)
      let mine = [UInt8](repeating: UInt8(communicator.rank + 1), count: bytes)
      var theirs = [UInt8](repeating: 0, count: bytes)
      var best = Double.infinity
      for _ in 0..<times {
        let start = Clock.seconds()
        try mine.withUnsafeBytes { sending in
          try theirs.withUnsafeMutableBytes {
            try communicator.exchange(
              with: 1 - communicator.rank, sending: sending, receiving: $0)
          }
        }
        best = min(best, Clock.seconds() - start)
      }
      #expect(theirs.allSatisfy { $0 == UInt8(2 - communicator.rank) })
      #expect(communicator.traffic.exchangedBytes == times * bytes)
      return best
    }
    return try results.map { try $0.get() }.max() ?? 0
  }

  @Test(arguments: [16, 18_560, 1_000_000])
  func `an exchange takes its latency and its bytes, and not much more`(bytes: Int) throws {
    let link = LinkProfile(latency: 2e-3, bandwidth: 0.2e9, origin: .assumed)
    let expected = link.time(Double(bytes))
    var time = Double.infinity
    // A busy machine has its quiet moments.
    for _ in 0..<20 where time >= 1.5 * expected + 2e-3 {
      time = min(time, try exchangeTime(bytes: bytes, link: link))
      #expect(time >= expected)
    }
    #expect(time < 1.5 * expected + 2e-3, "\(time) s, expected \(expected) s")
  }

  @Test func `a rank that comes late gives its partner's message no head start`() throws {
    let link = LinkProfile(latency: 20e-3, bandwidth: 1e9, origin: .assumed)
    let group = try InProcessGroup(rankCount: 2)
    let results = onEveryRank(of: group) { base in
      let communicator = try EmulatedLink(base, link: link)
      if communicator.rank == 1 { _ = Gate().wait(atMost: 30e-3) { false } }
      let start = Clock.seconds()
      let mine = [UInt8](repeating: 0, count: 64)
      var theirs = mine
      try mine.withUnsafeBytes { sending in
        try theirs.withUnsafeMutableBytes {
          try communicator.exchange(with: 1 - communicator.rank, sending: sending, receiving: $0)
        }
      }
      return (start: start, end: Clock.seconds())
    }
    // Rank 0 waits for the late message, and for its way.
    let times = try results.map { try $0.get() }
    #expect(times[0].end - times[1].start >= 20e-3)
    #expect(times[1].end - times[1].start >= 20e-3)
  }

  @Test func `messages queue behind each other, and a sender does not wait for them`() throws {
    let link = LinkProfile(latency: 5e-3, bandwidth: 1e6, origin: .assumed)
    let group = try InProcessGroup(rankCount: 2)
    let results = onEveryRank(of: group) { base in
      let communicator = try EmulatedLink(base, link: link)
      var buffer = [UInt8](repeating: 7, count: 10_000)
      let start = Clock.seconds()
      for _ in 0..<3 {
        if communicator.rank == 0 {
          try buffer.withUnsafeBytes { try communicator.send($0, to: 1) }
        } else {
          buffer = [UInt8](repeating: 0, count: 10_000)
          let count = try buffer.withUnsafeMutableBytes {
            try communicator.receive(into: $0, from: 0)
          }
          #expect(count == 10_000)
          #expect(buffer.allSatisfy { $0 == 7 })
        }
      }
      return (start: start, end: Clock.seconds())
    }
    // Three times 10 ms of bytes, one latency behind the last.
    let times = try results.map { try $0.get() }
    #expect(times[1].end - times[0].start >= 35e-3)
  }

  @Test func `ranks of a node are as near as before`() throws {
    let link = LinkProfile(latency: 50e-3, bandwidth: 1e9, origin: .assumed)
    let group = try InProcessGroup(rankCount: 4)
    let results = onEveryRank(of: group) { base in
      let communicator = try EmulatedLink(base, link: link, ranksPerNode: 2)
      var times: [Double] = []
      // The quickest of many: a busy machine has its quiet moments.
      for bit in Array(repeating: 1, count: 30) + [2] {
        let mine = [UInt8](repeating: 0, count: 64)
        var theirs = mine
        let start = Clock.seconds()
        try mine.withUnsafeBytes { sending in
          try theirs.withUnsafeMutableBytes {
            try communicator.exchange(
              with: communicator.rank ^ bit, sending: sending, receiving: $0)
          }
        }
        times.append(Clock.seconds() - start)
      }
      return times
    }
    let times = try results.map { try $0.get() }
    #expect(times.contains { ($0.dropLast().min() ?? 1) < 45e-3 })
    #expect(times.allSatisfy { ($0.last ?? 0) >= 49e-3 })
  }

  @Test func `a broadcast through emulated links reaches every rank`() throws {
    let link = LinkProfile(latency: 1e-3, bandwidth: 1e9, origin: .assumed)
    let group = try InProcessGroup(rankCount: 4)
    let results = onEveryRank(of: group) { base in
      let communicator = try EmulatedLink(base, link: link)
      var buffer = [UInt8](repeating: communicator.rank == 0 ? 9 : 0, count: 32)
      let count = try buffer.withUnsafeMutableBytes { try communicator.broadcast($0, count: 20) }
      return buffer.prefix(count).reduce(0) { $0 + Int($1) }
    }
    for result in results { #expect(try result.get() == 180) }
  }

  @Test(.tags(.badInput)) func `links that cannot be are refused`() throws {
    let base = try InProcessGroup(rankCount: 1).communicators[0]
    for (latency, bandwidth) in [(-1.0, 1e9), (.nan, 1e9), (0, 0), (0, -.infinity)] {
      let link = LinkProfile(latency: latency, bandwidth: bandwidth, origin: .assumed)
      #expect(throws: DistributedError.self) { try EmulatedLink(base, link: link) }
    }
    let link = LinkProfile(latency: 0, bandwidth: 1, origin: .assumed)
    #expect(throws: DistributedError.self) { try EmulatedLink(base, link: link, ranksPerNode: 0) }
  }
}
