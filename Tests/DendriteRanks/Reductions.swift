// SPDX-License-Identifier: Apache-2.0
#if MPI
  import CDendriteKernels
  import DendriteCompute
  import DendriteDistributed
  import DendriteModel
  import DendriteTestSupport
  import Synchronization

  /// Random partial states of a rank; some have seen no key.
  struct RandomStates: ~Copyable {
    let base: UnsafeMutablePointer<Float>
    let floats: Int
    let count: Int
    let headDim: Int

    init(seed: Int, rank: Int, count: Int, headDim: Int) {
      var random = SeededGenerator(seed: seed &* 1009 &+ rank)
      let stride = dendrite_state_floats(headDim)
      floats = count * stride
      self.count = count
      self.headDim = headDim
      base = .allocate(capacity: floats)
      base.initialize(repeating: 0, count: floats)
      for state in 0..<count {
        let place = base + state * stride
        guard random.below(5) > 0 else {
          place[0] = -.infinity
          continue
        }
        place[0] = Float(random.below(61) - 30)
        for lane in 0..<16 { place[16 + lane] = Float.random(in: 0...4, using: &random) }
        for channel in 0..<headDim {
          place[32 + channel] = Float.random(in: -9...9, using: &random)
        }
      }
    }

    deinit { base.deallocate() }

    /// Merges them with those of the other ranks.
    ///
    /// - Returns: the bits of the result.
    func reduced(over communicator: any Communicator) throws -> [UInt32] {
      let reduction = try TreeReduction(communicator)
      guard let kernels = dendrite_kernels_at(0) else { return [] }
      let states = PartialStates(
        kernels, base: base, count: count, headDim: headDim)
      try reduction.reduce(states)
      return (0..<floats).map { base[$0].bitPattern }
    }
  }

  /// The result on ranks that are threads of this process; all of them must agree.
  private func reducedByThreads(seed: Int, ranks: Int, count: Int, headDim: Int) throws -> [UInt32]
  {
    let group = try InProcessGroup(rankCount: ranks, deadline: 60)
    final class Shared: Sendable { let results = Mutex<[[UInt32]]>([]) }
    let shared = Shared()
    let threads = group.communicators.compactMap { communicator in
      NativeThread.start {
        let states = RandomStates(
          seed: seed, rank: communicator.rank, count: count, headDim: headDim)
        let bits = (try? states.reduced(over: communicator)) ?? []
        shared.results.withLock { $0.append(bits) }
      }
    }
    for thread in threads { thread.join() }
    let all = shared.results.withLock { $0 }
    require(all.count == ranks, "\(all.count) threads reduced, expected \(ranks)")
    for bits in all { require(bits == all[0], "ranks that are threads disagree") }
    return all[0]
  }

  /// Merged states have the bits that ranks in one process get, on every rank; messages and bytes are what the formula says.
  func checkReductions(_ communicator: MPICommunicator) throws {
    let ranks = communicator.rankCount
    var rounds = 0
    while 1 << rounds < ranks { rounds += 1 }
    var reductions = 0
    var bytes = 0
    for seed in 1...5 {
      // Rows × heads: one row of a small model and of an 8B one, a draft of 9 rows, a chunk of a prompt.
      for (count, headDim) in [(4, 32), (32, 128), (9 * 8, 80), (256, 64)] {
        let before = communicator.traffic
        let states = RandomStates(
          seed: seed, rank: communicator.rank, count: count, headDim: headDim)
        let bits = try states.reduced(over: communicator)
        let sent = communicator.traffic
        require(
          sent.exchanges - before.exchanges == rounds,
          "\(sent.exchanges - before.exchanges) messages in a reduction, expected \(rounds)")
        let formula = rounds * count * (17 + headDim) * 4
        require(
          sent.exchangedBytes - before.exchangedBytes == formula,
          "\(sent.exchangedBytes - before.exchangedBytes) bytes in a reduction, expected \(formula)"
        )
        let expected = try reducedByThreads(
          seed: seed, ranks: ranks, count: count, headDim: headDim)
        require(bits == expected, "other bits than ranks that are threads (seed \(seed))")
        reductions += 1
        bytes += formula
      }
    }
    report(
      "reductions: \(ranks) ranks, \(reductions) reductions with the bits of \(ranks) threads, "
        + "\(reductions * rounds) messages and \(bytes) bytes a rank, as the formula says")
  }
#endif
