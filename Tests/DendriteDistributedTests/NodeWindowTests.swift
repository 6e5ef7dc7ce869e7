// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteTestSupport
import Synchronization
import Testing

/// Memory that ranks of a node share, here between threads, and how they wait.
@Suite struct NodeWindowTests {
  /// Memory for a window.
  final class Memory: @unchecked Sendable {
    // Sendable: the window says who writes where.
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(members: Int, rankCount: Int, capacity: Int) {
      byteCount = NodeWindow.byteCount(
        members: members, rankCount: rankCount, capacity: capacity)
      base = .allocate(byteCount: byteCount, alignment: 4096)
      base.initializeMemory(as: UInt8.self, repeating: 0xff, count: byteCount)
    }

    deinit { base.deallocate() }
  }

  @Test(arguments: [2, 4, 8])
  func `messages pass between all partners, in order and whole`(ranks: Int) {
    let capacity = 256
    let memory = Memory(members: ranks, rankCount: ranks, capacity: capacity)
    NodeWindow(
      base: memory.base, members: Array(0..<ranks), rank: 0, rankCount: ranks, capacity: capacity
    ).clear()
    final class Count: Sendable { let value = Atomic<Int>(0) }
    let count = Count()
    let threads = (0..<ranks).compactMap { rank in
      NativeThread.start {
        let window = NodeWindow(
          base: memory.base, members: Array(0..<ranks), rank: rank, rankCount: ranks,
          capacity: capacity)
        for number in 0..<2000 {
          var distance = 1
          while distance < ranks {
            let partner = rank ^ distance
            guard let bit = window.bit(of: partner) else { return }
            let length = number % capacity + 1
            let mine = [UInt8](
              repeating: UInt8(truncatingIfNeeded: rank &* 16 &+ number), count: length)
            mine.withUnsafeBytes { window.put($0, bit: bit) }
            var patience = Patience(seconds: 30, isCrowded: true)
            while window.nextCount(from: partner, bit: bit) == nil {
              if patience.rest() == .isOver { return }
            }
            guard window.nextCount(from: partner, bit: bit) == length else { return }
            var theirs = [UInt8](repeating: 0, count: length)
            theirs.withUnsafeMutableBytes {
              window.take(into: $0, count: length, from: partner, bit: bit)
            }
            let expected = UInt8(truncatingIfNeeded: partner &* 16 &+ number)
            guard theirs.allSatisfy({ $0 == expected }) else { return }
            count.value.add(1, ordering: .relaxed)
            distance *= 2
          }
        }
      }
    }
    for thread in threads { thread.join() }
    let rounds = ranks.trailingZeroBitCount
    #expect(count.value.load(ordering: .relaxed) == 2000 * ranks * rounds)
  }

  @Test func `boxes are for ranks of the node whose number differs in one bit`() {
    let memory = Memory(members: 3, rankCount: 8, capacity: 64)
    let window = NodeWindow(
      base: memory.base, members: [1, 3, 6], rank: 1, rankCount: 8, capacity: 64)
    #expect(window.bit(of: 3) == 1)
    #expect(window.bit(of: 0) == nil)  // another node
    #expect(window.bit(of: 6) == nil)  // three bits
    #expect(window.bit(of: 1) == nil)
  }

  @Test(.tags(.badInput)) func `a length that another process wrote is not believed`() {
    let memory = Memory(members: 2, rankCount: 2, capacity: 64)
    let windows = (0..<2).map {
      NodeWindow(base: memory.base, members: [0, 1], rank: $0, rankCount: 2, capacity: 64)
    }
    windows[0].clear()
    let long = [UInt8](repeating: 7, count: 1000)
    long.withUnsafeBytes { windows[0].put($0, bit: 0) }
    #expect(windows[1].nextCount(from: 0, bit: 0) == 1000)
    var buffer = [UInt8](repeating: 1, count: 64)
    buffer.withUnsafeMutableBytes { windows[1].take(into: $0, count: 1000, from: 0, bit: 0) }
    #expect(buffer.allSatisfy { $0 == 1 })
    let short = [UInt8](repeating: 7, count: 48)
    short.withUnsafeBytes { windows[0].put($0, bit: 0) }
    var small = [UInt8](repeating: 1, count: 8)
    small.withUnsafeMutableBytes { windows[1].take(into: $0, count: 48, from: 0, bit: 0) }
    #expect(small.allSatisfy { $0 == 1 })
  }

  @Test func `who waits for whom leads to the rank that waits for nobody`() {
    let memory = Memory(members: 4, rankCount: 4, capacity: 64)
    let windows = (0..<4).map {
      NodeWindow(base: memory.base, members: [0, 1, 2, 3], rank: $0, rankCount: 4, capacity: 64)
    }
    windows[0].clear()
    windows[3].introduce(process: 1234)
    windows[1].setPartner(2)
    windows[2].setPartner(3)
    #expect(windows[0].chain(from: 1) == [1, 2, 3])
    #expect(windows[0].process(of: 3) == 1234)
    #expect(windows[0].process(of: 2) == nil)
    windows[3].setPartner(1)
    #expect(windows[0].chain(from: 1) == [1, 2, 3])
    windows[2].setPartner(nil)
    #expect(windows[0].chain(from: 1) == [1, 2])
    #expect(!windows[2].isOver)
    #expect(windows[1].claimFate())
    #expect(!windows[2].claimFate())
    #expect(windows[2].isOver)
  }

  @Test(arguments: [false, true])
  func `patience ends at its deadline and not before`(isCrowded: Bool) {
    let began = Clock.seconds()
    var patience = Patience(seconds: 0.05, isCrowded: isCrowded)
    var steps: [Patience.Step: Int] = [:]
    while true {
      let step = patience.rest()
      steps[step, default: 0] += 1
      if step == .isOver { break }
    }
    let waited = Clock.seconds() - began
    #expect(waited >= 0.05 && waited < 2)
    #expect(steps[.slept, default: 0] > 0)
    if isCrowded { #expect(steps[.looked] == nil) }
  }

  @Test func `a rank that is bound to one core of many is told so`() {
    let words = CoreBinding.advice(cores: 1, online: 8, ranks: 2)
    #expect(words?.contains("2 ranks run on a machine of 8") == true)
    #expect(words?.contains("try: mpirun --bind-to none") == true)
    #expect(CoreBinding.advice(cores: 1, online: 4, ranks: 1)?.contains("one rank runs") == true)
    #expect(CoreBinding.advice(cores: 1, online: 2, ranks: 2) == nil)
    #expect(CoreBinding.advice(cores: 8, online: 8, ranks: 2) == nil)
  }

  @Test func `ranks are crowded if there are fewer cores, however they were bound`() {
    func crowded(_ ranks: Int, _ masks: [UInt64], _ own: Int, _ usable: Int) -> Bool {
      CoreBinding.isCrowded(ranks: ranks, masks: masks, own: own, usable: usable)
    }
    #expect(!crowded(2, [0b11], 2, 2))
    #expect(crowded(8, [0b11], 2, 2))
    #expect(!crowded(2, [0b11], 1, 1))  // one core each
    #expect(crowded(2, [0b01], 1, 1))  // both on the same
    #expect(crowded(2, [0xff], 8, 1))  // a quota of one core
    #expect(!crowded(2, [], 0, 2))
  }
}
