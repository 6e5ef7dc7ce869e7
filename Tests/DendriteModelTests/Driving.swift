// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport

/// The bits of a row of floats: tests of invariance compare these, not values.
func bits(_ values: some Sequence<Float>) -> [UInt32] { values.map(\.bitPattern) }

extension CPUTransformer {
  /// Feeds tokens as committed history in chunks and returns the bits of the last row's logits.
  func prefill(
    _ tokens: some Collection<Int>, into cache: CacheHandle, chunk: Int = 512
  ) throws -> [UInt32] {
    var rest = Array(tokens)[...]
    var last: [UInt32] = []
    while !rest.isEmpty {
      let piece = rest.prefix(chunk)
      rest = rest.dropFirst(chunk)
      var batch = RowBatch()
      batch.append(chain: piece, to: cache, lastOutput: .logits)
      let pass = try submit(batch)
      last = try pass.withLogits(ofRow: piece.count - 1) { bits($0) }
      try commit(rows: 0..<piece.count, of: pass, to: cache)
    }
    return last
  }

  /// The bits of the logits behind each token, fed one row at a time: the plainest way there is.
  func logitsOneByOne(_ tokens: [Int], cacheType: CacheType) throws -> [[UInt32]] {
    let cache = try makeCache(capacity: max(1, tokens.count), type: cacheType)
    defer { release(cache) }
    return try tokens.map { try prefill(CollectionOfOne($0), into: cache) }
  }
}

/// A model in memory for tests: made once per file, machine by machine.
func model(
  _ name: String, variant: KernelVariant = .best, threads: Int = 2, parts: Int? = nil
) throws -> CPUTransformer {
  try CPUTransformer(
    file: GGUFFile(path: Repository.golden("logits/\(name).gguf")),
    machine: Machine(threads: threads, parts: parts, variant: variant))
}

func randomTokens(_ count: Int, vocabulary: Int, seed: Int) -> [Int] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in generator.below(vocabulary) }
}
