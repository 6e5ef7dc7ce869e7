// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteModel
import DendriteTestSupport
import Testing

/// Promise 2 over ranks: logits have the bits of one model with the whole context.
///
/// Histories are longer than sixteen blocks, so that every class has a block and some have two.
@Suite(.tags(.invariance)) struct ShardedBitsTests {
  static let rankCounts = [1, 2, 4, 8, 16]

  @Test(arguments: rankCounts, ["llama3", "qwen2", "mistral"])
  func `a context on several ranks gives the bits of a whole one`(
    ranks: Int, name: String
  ) throws {
    let whole = try wholeModel(name)
    let tokens = randomTokens(1_130, vocabulary: whole.description.vocabularySize, seed: 5)
    for type in [CacheType.f16, .q8] {
      let cache = try whole.makeCache(capacity: 1_200, type: type)
      var want = [try whole.prefill(tokens[..<1_120], into: cache)]
      for token in tokens[1_120...] {
        want.append(try whole.prefill(CollectionOfOne(token), into: cache))
      }
      let got = try leading(whole, ranks: ranks) { leader in
        let cache = try leader.makeCache(capacity: 1_200, type: type)
        var rows = [try leader.prefill(tokens[..<1_120], into: cache, chunk: 300)]
        for token in tokens[1_120...] {
          rows.append(try leader.prefill(CollectionOfOne(token), into: cache))
        }
        return rows
      }
      #expect(got.value == want, "\(type.rawValue)")
      whole.release(cache)
    }
  }

  @Test(arguments: [2, 4], [1, 2, 3])
  func `every node of a tree over a sharded history is the end of its path`(
    ranks: Int, seed: Int
  ) throws {
    let whole = try wholeModel("llama3")
    let vocabulary = whole.description.vocabularySize
    // The tree begins shortly before the end of a block, so that its paths cross into another rank's.
    let history = randomTokens(60 + 64 * seed, vocabulary: vocabulary, seed: seed)
    var generator = SeededGenerator(seed: seed * 7)
    let parents = (0..<40).map { $0 == 0 ? -1 : generator.below($0 + 1) - 1 }
    let tokens = parents.map { _ in generator.below(vocabulary) }
    func rows(of model: some CausalModel) throws -> [[UInt32]] {
      let cache = try model.makeCache(capacity: 400, type: .f16)
      _ = try model.prefill(history, into: cache)
      var batch = RowBatch()
      for (index, parent) in parents.enumerated() {
        batch.append(
          Row(
            cache: cache, input: .token(tokens[index]),
            parent: parent < 0 ? .tip : .row(parent), output: .logits))
      }
      let pass = try model.submit(batch)
      var result = try parents.indices.map { row in try pass.withLogits(ofRow: row) { bits($0) } }
      // A path of the tree becomes history, and the text goes on behind it.
      var path: [Int] = []
      var node = parents.count - 1
      while node >= 0 {
        path.append(node)
        node = parents[node]
      }
      try model.commit(path.reversed().map { try pass.node(ofRow: $0) }, to: cache)
      for token in tokens.prefix(10) {
        result.append(try model.prefill(CollectionOfOne(token), into: cache))
      }
      return result
    }
    let want = try rows(of: whole)
    #expect(try leading(whole, ranks: ranks) { try rows(of: $0) }.value == want)
  }

  @Test(arguments: [2, 4, 8])
  func `exit rows are readable while ranks exchange states`(ranks: Int) throws {
    let whole = try wholeModel("llama3")
    let tokens = randomTokens(200, vocabulary: whole.description.vocabularySize, seed: 3)
    func states(of model: some CausalModel) throws -> [[UInt32]] {
      let cache = try model.makeCache(capacity: 300, type: .f16)
      _ = try model.prefill(tokens, into: cache)
      var batch = RowBatch()
      batch.append(
        Row(
          cache: cache, input: .token(tokens[0]), parent: .tip, output: .logits, exitLayer: 1))
      let pass = try model.submit(batch)
      let early = try pass.withHiddenState(ofRow: 0) { bits($0) }
      return [early, try pass.withLogits(ofRow: 0) { bits($0) }]
    }
    let want = try states(of: whole)
    let got = try leading(whole, ranks: ranks) { try states(of: $0) }.value
    #expect(got[0] == want[0], "the exit")
    #expect(got[1] == want[1], "the logits")
  }

  @Test func `ranks that no context can be cut for are refused`() throws {
    let whole = try wholeModel("llama3")
    let group = try InProcessGroup(rankCount: 3)
    let error = #expect(throws: DistributedError.self) {
      try TreeReduction(group.communicators[0])
    }
    #expect(error?.code == .badGroup)
    #expect(error?.message == "3 ranks for one context, expected 1, 2, 4, 8 or 16")
    let pair = try InProcessGroup(rankCount: 2)
    let half = try whole.copy(
      on: Machine(threads: 1), sharding: TreeReduction(pair.communicators[1]))
    #expect(throws: DistributedError.self) {
      try DistributedModel(model: half, communicator: pair.communicators[1])
    }
  }
}
