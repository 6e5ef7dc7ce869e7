// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
internal import DendriteCheckpoint
internal import DendriteCompute

extension CPUTransformer {
  /// Appends rows with made-up keys and values to a history: what a measurement of long contexts needs, without
  /// the hours of prefilling them.
  ///
  /// The speed of attention does not depend on what is stored. Values are uniform in -1 ... 1 and the same on
  /// every machine; every block is written, so reading it reads memory.
  ///
  /// - Throws: `staleHandle`, `contextFull`; then nothing was appended.
  /// - Complexity: O(count × layers × KV heads × headDim), on all threads.
  package func appendRandomHistory(_ count: Int, to cache: CacheHandle) throws(ModelError) {
    passThread.waitUntilIdle()
    let state = try state(of: cache)
    state.discard()
    guard count <= state.capacity - state.length else {
      throw ModelError(
        .contextFull,
        "\(count) rows behind \(state.length) in a cache for \(state.capacity) positions",
        remedy: "make the cache larger, or truncate it first")
    }
    let vectors = RandomVectors(count: 251, dim: configuration.headDim)
    var rest = count
    while rest > 0 {
      var nodes: [Int] = []
      for _ in 0..<min(rest, CPUTransformer.maximumRowCount) {
        nodes.append(try state.append(parent: Int32(nodes.last ?? -1), isStored: true))
      }
      let job = FillJob(
        state: .passUnretained(state), vectors: .passUnretained(vectors), rows: nodes.count,
        kvHeadCount: configuration.kvHeadCount, kernels: forward.kernels.table)
      machine.run(parts: configuration.layerCount, job) { context, layer in
        context.assumingMemoryBound(to: FillJob.self).pointee.fill(layer: layer)
      }
      state.commit(
        nodes, layerCount: configuration.layerCount, kvHeadCount: configuration.kvHeadCount)
      rest -= nodes.count
    }
  }
}

/// Vectors to choose from: making each anew would take longer than storing it.
private final class RandomVectors {
  let count: Int
  let dim: Int
  private(set) var values: [Float] = []

  init(count: Int, dim: Int) {
    self.count = count
    self.dim = dim
    var bits: UInt32 = 1
    values = (0..<count * dim).map { _ in
      bits = bits &* 1_664_525 &+ 1_013_904_223
      return Float(Int32(bitPattern: bits)) * 0x1p-31
    }
  }
}

/// One layer of the scratch nodes, which are all in place.
private struct FillJob {
  let state: Unmanaged<CacheState>
  let vectors: Unmanaged<RandomVectors>
  let rows: Int
  let kvHeadCount: Int
  let kernels: UnsafePointer<dendrite_kernels>

  func fill(layer: Int) {
    let state = state.takeUnretainedValue()
    let vectors = vectors.takeUnretainedValue()
    vectors.values.withUnsafeBufferPointer { values in
      guard let first = values.baseAddress else { return }
      withUnsafePointer(to: state.pool.layout) { layout in
        for node in state.nodes.suffix(rows) {
          let place = state.place(of: node)
          guard let base = place.base else { continue }
          for head in 0..<kvHeadCount {
            let choice = Int(node.logical) &* 7 &+ layer &* 13 &+ head &* 29
            kernels.pointee.store(
              base + layer * state.pool.layerBytes + head * layout.pointee.head_bytes,
              layout, place.position, first + choice % vectors.count * vectors.dim,
              first + (choice &+ 101) % vectors.count * vectors.dim)
          }
        }
      }
    }
  }
}
