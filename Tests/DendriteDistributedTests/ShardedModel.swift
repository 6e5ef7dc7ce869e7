// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteDistributed
import DendriteModel
import DendriteTestSupport

/// A tiny model in memory, without ranks.
func wholeModel(_ name: String) throws -> CPUTransformer {
  try CPUTransformer(
    file: GGUFFile(path: Repository.golden("logits/\(name).gguf")), machine: Machine(threads: 1))
}

/// Runs a function on rank 0 of so many ranks that share a model's weights; the others follow.
///
/// - Returns: what the function returns, and what each rank has sent.
func leading<Value>(
  _ model: CPUTransformer, ranks: Int, deadline: Double = 30,
  wrap: (any Communicator) -> any Communicator = { $0 },
  _ body: (DistributedModel) throws -> Value
) throws -> (value: Value, traffic: [Traffic]) {
  let group = try InProcessGroup(rankCount: ranks, deadline: deadline)
  let communicators = group.communicators.map(wrap)
  let followers = communicators.dropFirst().compactMap { communicator in
    NativeThread.start {
      // What a follower has to say, its leader hears as `rankLost`.
      try? follow(model, communicator)
    }
  }
  defer { for follower in followers { follower.join() } }
  let leader = try DistributedModel(
    model: model.copy(on: Machine(threads: 1), sharding: TreeReduction(communicators[0])),
    communicator: communicators[0])
  defer { leader.close() }
  let value = try body(leader)
  leader.close()
  return (value, communicators.map(\.traffic))
}

func follow(_ model: CPUTransformer, _ communicator: any Communicator) throws {
  try Follower.follow(
    model: model.copy(on: Machine(threads: 1), sharding: TreeReduction(communicator)),
    communicator: communicator)
}

/// The bits of a row of floats: tests of equality compare these, not values.
func bits(_ values: some Sequence<Float>) -> [UInt32] { values.map(\.bitPattern) }

func randomTokens(_ count: Int, vocabulary: Int, seed: Int) -> [Int] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in generator.below(vocabulary) }
}

extension CausalModel {
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
}
