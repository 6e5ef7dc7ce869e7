// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Append, commit, truncate, fork, save and restore: each equals never having done otherwise.
@Suite(.tags(.invariance)) struct CacheTests {
  private let transformer: CPUTransformer
  private let tokens = randomTokens(200, vocabulary: 128, seed: 11)

  init() throws { transformer = try model("llama3") }

  private func plain(_ tokens: [Int], _ type: CacheType) throws -> [UInt32] {
    let cache = try transformer.makeCache(capacity: 256, type: type)
    defer { transformer.release(cache) }
    return try transformer.prefill(tokens, into: cache)
  }

  @Test(arguments: CacheType.allCases, [0, 1, 63, 64, 65, 128, 150])
  func `a truncated cache is one that was never longer`(type: CacheType, length: Int) throws {
    let cache = try transformer.makeCache(capacity: 256, type: type)
    _ = try transformer.prefill(tokens, into: cache)
    #expect(try transformer.truncate(cache, to: length) == .done)
    #expect(try transformer.length(of: cache) == length)
    let got = try transformer.prefill([7, 8, 9], into: cache)
    #expect(try got == plain(Array(tokens.prefix(length)) + [7, 8, 9], type))
  }

  @Test(arguments: CacheType.allCases, [1, 64, 70, 199])
  func `forks share a past and nothing else`(type: CacheType, length: Int) throws {
    let past = Array(tokens.prefix(length))
    let first = try transformer.makeCache(capacity: 256, type: type)
    _ = try transformer.prefill(past, into: first)
    let second = try transformer.fork(first)
    let third = try transformer.fork(second)
    #expect(try transformer.prefill([1, 2], into: second) == plain(past + [1, 2], type))
    #expect(try transformer.prefill([3], into: first) == plain(past + [3], type))
    transformer.release(first)
    #expect(try transformer.prefill([4, 5], into: third) == plain(past + [4, 5], type))
    #expect(try transformer.prefill([6], into: second) == plain(past + [1, 2, 6], type))
    #expect(throws: ModelError.self) { try transformer.length(of: first) }
  }

  @Test(arguments: CacheType.allCases, [0, 1, 64, 130])
  func `a restored context is the saved one, bit for bit`(type: CacheType, length: Int) throws {
    let past = Array(tokens.prefix(length))
    let cache = try transformer.makeCache(capacity: 256, type: type)
    if length > 0 { _ = try transformer.prefill(past, into: cache) }
    let saved = try transformer.save(cache)
    let restored = try transformer.restore(saved, capacity: 300)
    #expect(try transformer.length(of: restored) == length)
    #expect(try transformer.prefill([9, 9], into: restored) == plain(past + [9, 9], type))
  }

  @Test
  func `discarded drafts leave the cache as it was`() throws {
    let cache = try transformer.makeCache(capacity: 256, type: .q8)
    _ = try transformer.prefill(tokens, into: cache)
    var batch = RowBatch()
    batch.append(chain: [1, 2, 3], to: cache, lastOutput: .none)
    batch.append(chain: [4, 5], to: cache, lastOutput: .logits)
    let pass = try transformer.submit(batch)
    try pass.finish()
    try transformer.discard(cache)
    #expect(try transformer.prefill([6], into: cache) == plain(tokens + [6], .q8))
  }

  @Test
  func `blocks of released caches serve new ones`() throws {
    for round in 0..<50 {
      let cache = try transformer.makeCache(capacity: 200, type: .f16)
      _ = try transformer.prefill(tokens.prefix(100 + round), into: cache)
      transformer.release(cache)
    }
    let cache = try transformer.makeCache(capacity: 256, type: .f16)
    #expect(try transformer.prefill(tokens, into: cache) == plain(tokens, .f16))
  }

  @Test(arguments: CacheType.allCases, [1, 64, 700])
  func `a made-up history is attended like any other, with the same bits everywhere`(
    type: CacheType, length: Int
  ) throws {
    var seen: Set<[UInt32]> = []
    for (variant, threads) in [("generic", 1), (KernelVariant.best.name, 3)] {
      let transformer = try model("llama3", variant: .init(named: variant), threads: threads)
      let cache = try transformer.makeCache(capacity: length + 1, type: type)
      try transformer.appendRandomHistory(length, to: cache)
      #expect(try transformer.length(of: cache) == length)
      seen.insert(try transformer.prefill([5], into: cache))
      #expect(throws: ModelError.self) { try transformer.appendRandomHistory(1, to: cache) }
    }
    #expect(seen.count == 1)
    #expect(try seen.first != plain([5], type))
  }

  @Test(arguments: [0, 1, 2])
  func `exit rows are readable while the pass runs, and are what the plain pass shows`(
    layer: Int
  ) async throws {
    let cache = try transformer.makeCache(capacity: 256, type: .f16)
    _ = try transformer.prefill(tokens, into: cache)
    var batch = RowBatch()
    let exit = batch.append(
      Row(cache: cache, input: .token(3), parent: .tip, output: .hiddenState(afterLayer: layer)))
    let final = batch.append(Row(cache: cache, input: .token(3), parent: .tip, output: .logits))
    let pass = try transformer.submit(batch)
    let early = try await Task.detached { try pass.withHiddenState(ofRow: exit) { Array($0) } }
      .value
    let logits = try pass.withLogits(ofRow: final) { bits($0) }
    #expect(try logits == plain(tokens + [3], .f16))
    if layer == 2 {
      var projected = [Float](repeating: 0, count: 128)
      try early.withUnsafeBufferPointer { early in
        try projected.withUnsafeMutableBufferPointer {
          try transformer.project(hiddenState: early, into: $0)
        }
      }
      #expect(bits(projected) == logits)
    }
  }
}
