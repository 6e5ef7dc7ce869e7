// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Promise 2: the bits of a row's logits do not depend on how the work is divided.
///
/// The plain way (one row a pass, one thread, `generic`) is the reference of every test.
@Suite(.tags(.invariance)) struct InvarianceTests {
  static let models = ["llama2", "llama3", "qwen2", "mistral"]

  /// Logits behind every token, fed one by one on the plainest machine.
  private func reference(_ name: String, _ tokens: [Int], _ type: CacheType) throws -> [[UInt32]] {
    try model(name, variant: KernelVariant(named: "generic"), threads: 1, parts: 1)
      .logitsOneByOne(tokens, cacheType: type)
  }

  @Test(arguments: KernelVariant.available, CacheType.allCases)
  func `a variant, a chunking and a cache type give the bits of one row at a time`(
    variant: KernelVariant, type: CacheType
  ) throws {
    for name in InvarianceTests.models {
      let transformer = try model(name, variant: variant)
      let tokens = randomTokens(150, vocabulary: transformer.description.vocabularySize, seed: 7)
      let want = try reference(name, tokens, type)
      for chunk in [1, 3, 64, 65, 150] {
        let cache = try transformer.makeCache(capacity: 160, type: type)
        let got = try transformer.prefill(tokens, into: cache, chunk: chunk)
        #expect(got == want[149], "\(name), chunks of \(chunk)")
        transformer.release(cache)
      }
    }
  }

  @Test(arguments: 1...8)
  func `work cut into parts gives the same bits`(parts: Int) throws {
    for threads in [1, 2, 3] {
      let transformer = try model("llama3", threads: threads, parts: parts)
      let tokens = randomTokens(70, vocabulary: 128, seed: 3)
      let cache = try transformer.makeCache(capacity: 80, type: .f16)
      let got = try transformer.prefill(tokens, into: cache, chunk: 33)
      #expect(try got == reference("llama3", tokens, .f16)[69], "\(threads) threads")
    }
  }

  @Test(arguments: [2, 3, 5, 8, 16, 17, 33], [1, 2])
  func `a row among others, of its own and of other sequences, is the row alone`(
    rows: Int, seed: Int
  ) throws {
    for name in InvarianceTests.models {
      let transformer = try model(name)
      let vocabulary = transformer.description.vocabularySize
      var generator = SeededGenerator(seed: seed * 100 + rows)
      // Sequences of different lengths, each with one pending token, all in one pass.
      var batch = RowBatch()
      var histories: [[Int]] = []
      for row in 0..<rows {
        let type = CacheType.allCases[row % 4]
        let history = randomTokens(
          1 + generator.below(130), vocabulary: vocabulary, seed: seed + row)
        let cache = try transformer.makeCache(capacity: 140, type: type)
        if history.count > 1 { _ = try transformer.prefill(history.dropLast(), into: cache) }
        histories.append(history)
        batch.append(
          Row(
            cache: cache, input: .token(history[history.count - 1]), parent: .tip, output: .logits))
      }
      let pass = try transformer.submit(batch)
      for row in 0..<rows {
        let got = try pass.withLogits(ofRow: row) { bits($0) }
        let want = try reference(name, histories[row], CacheType.allCases[row % 4])
        #expect(got == want[histories[row].count - 1], "\(name), row \(row) of \(rows)")
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6], CacheType.allCases)
  func `every node of a random tree is the end of its path fed as a chain`(
    seed: Int, type: CacheType
  ) throws {
    for name in ["llama3", "qwen2", "mistral"] {
      let transformer = try model(name)
      let vocabulary = transformer.description.vocabularySize
      var generator = SeededGenerator(seed: seed)
      let prompt = randomTokens(40 + generator.below(60), vocabulary: vocabulary, seed: seed)
      let cache = try transformer.makeCache(capacity: 256, type: type)
      _ = try transformer.prefill(prompt, into: cache)

      // Grown over three passes: parents are the tip, rows of the pass, or nodes of earlier passes.
      var nodes: [(id: NodeID, path: [Int], logits: [UInt32])] = []
      for _ in 0..<3 {
        var batch = RowBatch()
        var paths: [[Int]] = []
        for row in 0..<11 {
          let token = generator.below(vocabulary)
          let choice = generator.below(row + nodes.count + 1)
          let parent: Row.Parent
          let path: [Int]
          if choice < row {
            (parent, path) = (.row(choice), paths[choice])
          } else if choice < row + nodes.count {
            (parent, path) = (.node(nodes[choice - row].id), nodes[choice - row].path)
          } else {
            (parent, path) = (.tip, [])
          }
          batch.append(Row(cache: cache, input: .token(token), parent: parent, output: .logits))
          paths.append(path + [token])
        }
        let pass = try transformer.submit(batch)
        for row in 0..<11 {
          let logits = try pass.withLogits(ofRow: row) { bits($0) }
          nodes.append((try pass.node(ofRow: row), paths[row], logits))
        }
      }
      for node in nodes {
        let chain = try transformer.makeCache(capacity: 256, type: type)
        let want = try transformer.prefill(prompt + node.path, into: chain, chunk: 29)
        #expect(node.logits == want, "\(name), a path of \(node.path.count)")
        transformer.release(chain)
      }

      // Committing a path leaves what the chain would have left.
      let chosen = nodes[nodes.count - 1]
      let path = try commitPath(to: chosen.path, among: nodes)
      try transformer.commit(path, to: cache)
      let next = generator.below(vocabulary)
      let got = try transformer.prefill([next], into: cache)
      let chain = try transformer.makeCache(capacity: 256, type: type)
      let want = try transformer.prefill(prompt + chosen.path + [next], into: chain)
      #expect(got == want, "\(name), after a commit")
      #expect(try transformer.length(of: cache) == prompt.count + chosen.path.count + 1)
    }
  }

  /// The nodes along a token path; where two nodes have the same path either will do.
  private func commitPath(
    to path: [Int], among nodes: [(id: NodeID, path: [Int], logits: [UInt32])]
  ) throws -> [NodeID] {
    // Follow real parents: the last node's ancestors are the nodes whose path is a prefix and which
    // precede it; paths of random tokens are distinct except by rare chance, so take the first.
    try (1...path.count).map { length in
      try #require(nodes.first { $0.path == Array(path.prefix(length)) }).id
    }
  }

  @Test(arguments: CacheType.allCases)
  func `an ephemeral row leaves no trace`(type: CacheType) throws {
    let transformer = try model("llama3")
    let tokens = randomTokens(30, vocabulary: 128, seed: 1)
    let cache = try transformer.makeCache(capacity: 64, type: type)
    _ = try transformer.prefill(tokens, into: cache)
    var batch = RowBatch()
    batch.append(
      Row(cache: cache, input: .token(5), parent: .tip, output: .logits, isStored: false))
    batch.append(Row(cache: cache, input: .token(9), parent: .tip, output: .logits))
    let pass = try transformer.submit(batch)
    let ephemeral = try pass.withLogits(ofRow: 0) { bits($0) }
    #expect(throws: ModelError.self) { try pass.node(ofRow: 0) }
    try transformer.commit([pass.node(ofRow: 1)], to: cache)
    #expect(try ephemeral == reference("llama3", tokens + [5], type).last)
    #expect(
      try transformer.prefill([3], into: cache) == reference("llama3", tokens + [9, 3], type).last)
  }

  @Test
  func `a vector row that is an embedding is the token`() throws {
    let file = try GGUFFile(path: Repository.golden("logits/qwen2.gguf"))
    let transformer = try model("qwen2")
    let embedding = try file.tensor(named: "token_embd.weight").floats(rows: 17..<18)
    let cache = try transformer.makeCache(capacity: 64, type: .f32)
    var batch = RowBatch()
    batch.append(
      Row(cache: cache, input: .vector(embedding), parent: .tip, output: .logits, isStored: false))
    batch.append(Row(cache: cache, input: .token(17), parent: .tip, output: .logits))
    let pass = try transformer.submit(batch)
    #expect(
      try pass.withLogits(ofRow: 0) { bits($0) } == pass.withLogits(ofRow: 1) { bits($0) })
  }
}
