// SPDX-License-Identifier: Apache-2.0
package import DendriteCompute
internal import DendriteModel

/// Measures what the cost model asks of a machine: reading, exchanging between ranks that are threads, merging.
///
/// What lies between machines it cannot see.
package struct ClusterProbe {
  /// Times of exchanges of one size between two ranks.
  package struct Exchange: Sendable {
    /// Bytes each way.
    package var bytes: Int
    /// Seconds of each exchange.
    package var seconds: [Double]
  }

  /// What was measured.
  package struct Findings: Sendable {
    /// Bytes a second that all threads read, each time.
    package var reads: [Double]
    /// Exchanges by size.
    package var exchanges: [Exchange]
    /// Bytes of states a second that one thread merges, each time.
    package var merges: [Double]
  }

  /// Sizes of messages: from the states of one row of a small model to those of many rows of a large one.
  package static let sizes = [16 << 10, 64 << 10, 256 << 10, 1 << 20, 8 << 20]

  private let machine: Machine
  private let repetitions: Int

  /// A probe of a machine.
  ///
  /// - Parameters:
  ///   - machine: whose threads read.
  ///   - repetitions: samples of everything that count, 1 or more; one more is dropped.
  package init(machine: Machine, repetitions: Int) {
    self.machine = machine
    self.repetitions = max(1, repetitions)
  }

  /// Measures everything, one sample of each in turn.
  ///
  /// - Parameter progress: called with a share 0 … 1.
  /// - Returns: the samples.
  /// - Throws: `ComputeError` if memory is short, `DistributedError` if the ranks fail each other.
  package func measure(progress: (Double) -> Void = { _ in }) throws -> Findings {
    let reader = try ReadProbe(machine: machine)
    var findings = Findings(
      reads: [], exchanges: Self.sizes.map { Exchange(bytes: $0, seconds: []) }, merges: [])
    for repetition in 0...repetitions {
      let read = reader.measureBest()
      let merge = try mergeRate()
      let times = try Self.sizes.map { try Self.exchangeTime(bytes: $0) }
      progress(Double(repetition + 1) / Double(repetitions + 1))
      guard repetition > 0 else { continue }
      findings.reads.append(read)
      findings.merges.append(merge)
      for index in times.indices { findings.exchanges[index].seconds.append(times[index]) }
    }
    return findings
  }

  /// Seconds of an exchange, the mean of enough of them to see past the clock.
  private static func exchangeTime(bytes: Int) throws -> Double {
    let rounds = max(4, min(200, (8 << 20) / bytes))
    let group = try InProcessGroup(rankCount: 2)
    let other = group.communicators[1]
    let partner = NativeThread.start {
      // Its failure is the first rank's too.
      _ = try? swap(over: other, bytes: bytes, times: rounds + 2)
    }
    defer { partner?.join() }
    return try swap(over: group.communicators[0], bytes: bytes, times: rounds + 2)
  }

  /// Swaps bytes with the other of two ranks; returns the mean time without the first two.
  private static func swap(
    over communicator: any Communicator, bytes: Int, times: Int
  ) throws(DistributedError) -> Double {
    let sending = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    let receiving = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    defer {
      sending.deallocate()
      receiving.deallocate()
    }
    // Pages that were never written are not there.
    sending.initializeMemory(as: UInt8.self, repeating: 1)
    receiving.initializeMemory(as: UInt8.self, repeating: 0)
    var start = 0.0
    for round in 0..<times {
      if round == 2 { start = Clock.seconds() }
      try communicator.exchange(
        with: 1 - communicator.rank, sending: UnsafeRawBufferPointer(sending),
        receiving: receiving)
    }
    return (Clock.seconds() - start) / Double(times - 2)
  }

  /// Bytes a second of the merge of packed states, those of an 8B model's layer.
  private func mergeRate() throws -> Double {
    let (heads, headDim) = (32, 128)
    let floats = 32 + headDim
    let own = try AlignedBuffer<Float>(zeroed: heads * floats)
    let states = PartialStates(
      RowKernels(machine.variant).table, base: own.base, count: heads, headDim: headDim)
    let wire = try AlignedBuffer<UInt8>(zeroed: states.packedByteCount)
    let bytes = UnsafeMutableRawBufferPointer(start: wire.base, count: states.packedByteCount)
    // Bounds of 0 and −1000: the arithmetic of a merge whose sums do not grow.
    for state in 0..<heads { own.base[state * floats] = -1000 }
    states.pack(into: bytes)
    for state in 0..<heads { own.base[state * floats] = 0 }
    let times = 400
    let start = Clock.seconds()
    for _ in 0..<times { states.merge(packed: UnsafeRawBufferPointer(bytes)) }
    return Double(times * bytes.count) / (Clock.seconds() - start)
  }
}

extension ClusterProbe.Findings {
  /// The profile that the samples' medians make.
  ///
  /// An exchange of n bytes is taken as latency + n / bandwidth: the bandwidth between the two largest sizes, the latency
  /// from the smallest.
  ///
  /// - Parameters:
  ///   - name: what to call it.
  ///   - summary: what it is, in words.
  ///   - ranksPerNode: how many ranks share the machine, and its bandwidth.
  /// - Returns: a profile of one node.
  package func profile(
    _ name: String, summary: String, ranksPerNode: Int
  ) -> MachineProfile {
    let points = exchanges.map { (bytes: Double($0.bytes), time: Self.median($0.seconds)) }
    var bandwidth = Double.infinity
    if points.count >= 2 {
      let (small, large) = (points[points.count - 2], points[points.count - 1])
      bandwidth = (large.bytes - small.bytes) / (large.time - small.time)
      // Noise may turn the slope round; the largest message alone is then all there is.
      if !(bandwidth > 0 && bandwidth.isFinite) { bandwidth = large.bytes / large.time }
    }
    let latency = points.first.map { max(0, $0.time - $0.bytes / bandwidth) } ?? 0
    return MachineProfile(
      name, summary: summary, readBandwidth: Self.median(reads) / Double(ranksPerNode),
      readOrigin: .measured, ranksPerNode: ranksPerNode,
      inside: LinkProfile(latency: latency, bandwidth: bandwidth, origin: .measured),
      between: nil, style: .doubling, mergeRate: Self.median(merges), kernelOverhead: 0)
  }

  private static func median(_ samples: [Double]) -> Double {
    let ordered = samples.sorted()
    guard !ordered.isEmpty else { return .nan }
    let half = ordered.count / 2
    return ordered.count % 2 == 1 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2
  }
}
