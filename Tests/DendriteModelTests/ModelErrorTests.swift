// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Every mistake a caller can make is an error that says what was found, expected, and what to do;
/// and it leaves the caches as they were.
@Suite(.tags(.badInput)) struct ModelErrorTests {
  private let transformer: CPUTransformer
  private let cache: CacheHandle

  init() throws {
    transformer = try model("llama2")
    cache = try transformer.makeCache(capacity: 8, type: .f16)
  }

  private func expectError(
    _ code: ModelError.Code, _ parts: [String], _ body: () throws -> Void
  ) {
    do {
      try body()
      Issue.record("expected an error that mentions \(parts)")
    } catch let error as ModelError {
      #expect(error.code == code)
      for part in parts { #expect(error.description.contains(part), "\(error)") }
      #expect(error.description.contains("try: "))
    } catch {
      Issue.record("\(error)")
    }
  }

  private func submit(_ rows: Row...) throws {
    var batch = RowBatch()
    for row in rows { batch.append(row) }
    try transformer.submit(batch).finish()
  }

  @Test
  func `rows that make no sense are refused by name`() throws {
    expectError(.badRow, ["token 96", "0 ..< 96"]) {
      try submit(Row(cache: cache, input: .token(96), parent: .tip))
    }
    expectError(.badRow, ["token -1"]) {
      try submit(Row(cache: cache, input: .token(-1), parent: .tip))
    }
    expectError(.badRow, ["row 0 follows row 0"]) {
      try submit(Row(cache: cache, input: .token(1), parent: .row(0)))
    }
    expectError(.badRow, ["vector of 3", "expected 64"]) {
      try submit(Row(cache: cache, input: .vector([1, 2, 3]), parent: .tip))
    }
    expectError(.badRow, ["layer 3", "0 … 2"]) {
      try submit(
        Row(cache: cache, input: .token(1), parent: .tip, output: .hiddenState(afterLayer: 3)))
    }
    expectError(.badRow, ["position -4"]) {
      try submit(Row(cache: cache, input: .token(1), parent: .tip, position: -4))
    }
    var long = RowBatch()
    for _ in 0..<513 { long.append(Row(cache: cache, input: .token(1), parent: .tip)) }
    expectError(.badRow, ["513 rows", "at most 512", "chunks"]) { _ = try transformer.submit(long) }
  }

  @Test
  func `a full context is said before anything changes`() throws {
    _ = try transformer.prefill([1, 2, 3, 4, 5, 6], into: cache)
    expectError(.contextFull, ["position 8", "cache of 8"]) {
      var batch = RowBatch()
      batch.append(chain: [1, 2, 3], to: cache, lastOutput: .logits)
      _ = try transformer.submit(batch)
    }
    #expect(try transformer.length(of: cache) == 6)
    var batch = RowBatch()
    batch.append(chain: [1, 2], to: cache, lastOutput: .logits)
    let pass = try transformer.submit(batch)
    try transformer.commit(rows: 0..<2, of: pass, to: cache)
    #expect(try transformer.length(of: cache) == 8)
  }

  @Test
  func `stale handles are recognised`() throws {
    var batch = RowBatch()
    batch.append(chain: [1, 2], to: cache, lastOutput: .logits)
    let pass = try transformer.submit(batch)
    let node = try pass.node(ofRow: 0)
    try transformer.discard(cache)
    expectError(.staleHandle, ["committed or discarded"]) {
      try transformer.commit([node], to: cache)
    }
    expectError(.staleHandle, ["row 0"]) {
      try submit(Row(cache: cache, input: .token(1), parent: .node(node)))
    }
    _ = try transformer.submit(RowBatch())
    expectError(.staleHandle, ["next submit"]) { try pass.finish() }
    transformer.release(cache)
    expectError(.staleHandle, ["released"]) { _ = try transformer.length(of: cache) }
  }

  @Test
  func `a path must be a chain from the tip`() throws {
    var batch = RowBatch()
    batch.append(chain: [1, 2, 3], to: cache, lastOutput: .logits)
    let pass = try transformer.submit(batch)
    let nodes = try (0..<3).map { try pass.node(ofRow: $0) }
    expectError(.badRow, ["step 0"]) { try transformer.commit([nodes[1]], to: cache) }
    expectError(.badRow, ["step 1"]) { try transformer.commit([nodes[0], nodes[2]], to: cache) }
    expectError(.badRow, ["not a chain"]) {
      try transformer.commit(rows: 1..<3, of: pass, to: cache)
    }
    try transformer.commit(nodes, to: cache)
    #expect(try transformer.length(of: cache) == 3)
  }

  @Test
  func `a context larger than memory is refused before it is reserved`() throws {
    expectError(.notEnoughMemory, ["needs", "available", "smaller context"]) {
      _ = try transformer.makeCache(capacity: 1 << 30, type: .f32)
    }
    expectError(.contextFull, ["expected 1 …"]) {
      _ = try transformer.makeCache(capacity: 0, type: .f32)
    }
  }

  @Test
  func `a saved context that was damaged or belongs elsewhere is refused`() throws {
    _ = try transformer.prefill([1, 2, 3], into: cache)
    let saved = try transformer.save(cache)
    for cut in stride(from: 0, to: saved.count, by: max(1, saved.count / 100)) {
      expectError(.badContext, ["found"]) {
        _ = try transformer.restore(Array(saved.prefix(cut)), capacity: 8)
      }
    }
    for index in [4, 8, 12, 16, 24, 32, 100, saved.count - 1] {
      var bytes = saved
      bytes[index] ^= 0x40
      expectError(.badContext, ["found"]) { _ = try transformer.restore(bytes, capacity: 8) }
    }
    let other = try model("qwen2")
    expectError(.badContext, ["another model file"]) { _ = try other.restore(saved, capacity: 8) }
    expectError(.contextFull, ["3 tokens", "cache of 2"]) {
      _ = try transformer.restore(saved, capacity: 2)
    }
  }
}
