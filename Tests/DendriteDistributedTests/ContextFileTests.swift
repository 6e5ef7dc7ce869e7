// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteDistributed
import DendriteModel
import DendriteTestSupport
import Foundation
import Testing

/// Contexts in files: opened by any process, on any number of ranks, with the same bytes.
@Suite struct ContextFileTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("contexts-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// Builds a context of random tokens on some ranks, and what one model says behind it.
  private func build(
    _ name: String, type: CacheType = .f16, count: Int = 1_100, ranks: Int = 1
  ) throws -> (model: CPUTransformer, path: String, tokens: [Int], next: [[UInt32]]) {
    let whole = try wholeModel("llama3")
    let tokens = randomTokens(count, vocabulary: 90, seed: 8)
    let path = path(name)
    if ranks == 1 {
      let cache = try whole.makeCache(capacity: count + 10, type: type)
      _ = try whole.prefill(tokens, into: cache)
      try whole.write(cache, tokens: tokens, to: path)
      whole.release(cache)
    } else {
      _ = try leading(whole, ranks: ranks) { leader in
        let cache = try leader.makeCache(capacity: count + 10, type: type)
        _ = try leader.prefill(tokens, into: cache)
        try leader.write(cache, tokens: tokens, to: path)
      }
    }
    let cache = try whole.makeCache(capacity: count + 200, type: type)
    _ = try whole.prefill(tokens, into: cache)
    let next = try tokens.prefix(100).map {
      try whole.prefill(CollectionOfOne($0), into: cache)
    }
    return (whole, path, tokens, next)
  }

  @Test(arguments: CacheType.allCases, [1, 4])
  func `a context goes on as if it had been read, on any number of ranks`(
    type: CacheType, builders: Int
  ) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let built = try build("a.ctx", type: type, ranks: builders)
    let file = try ContextFile(path: built.path)
    #expect(file.tokens == built.tokens)
    #expect(file.cacheType == type)
    func goOn(_ model: some CausalModel) throws -> [[UInt32]] {
      let cache = try model.open(file, capacity: 1_300)
      defer { model.release(cache) }
      // A second cache on the same file, and a fork, do not disturb each other.
      let other = try model.open(file, capacity: 1_200)
      let fork = try model.fork(cache)
      _ = try model.prefill([1, 2, 3], into: other)
      _ = try model.prefill([4, 5, 6], into: fork)
      return try built.tokens.prefix(100).map {
        try model.prefill(CollectionOfOne($0), into: cache)
      }
    }
    #expect(try goOn(built.model) == built.next)
    for ranks in [2, 16] {
      let got = try leading(built.model, ranks: ranks) { try goOn($0) }.value
      #expect(got == built.next, "\(ranks) ranks")
    }
  }

  @Test func `the file is the same whoever wrote it, and nobody writes to it`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let one = try build("one.ctx")
    let four = try build("four.ctx", ranks: 4)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: one.path))
    // Behind the last token of a half full block lies whatever lay there; this text ends inside a block.
    #expect(try ContextFile(path: four.path).tokens == one.tokens)
    let file = try ContextFile(path: one.path)
    let cache = try one.model.open(file, capacity: 1_300)
    _ = try one.model.truncate(cache, to: 500)
    _ = try one.model.prefill([1, 2, 3], into: cache)
    #expect(try Data(contentsOf: URL(fileURLWithPath: one.path)) == bytes)
    // What was truncated and fed again has the bits of what is only in memory.
    let plain = try one.model.makeCache(capacity: 1_300, type: .f16)
    _ = try one.model.prefill(one.tokens[..<500], into: plain)
    _ = try one.model.prefill([1, 2, 3], into: plain)
    #expect(
      try one.model.prefill([4], into: cache) == one.model.prefill([4], into: plain))
  }

  @Test func `another model, a damaged file and a changed one are refused`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let built = try build("a.ctx", count: 300)
    let url = URL(fileURLWithPath: built.path)
    let bytes = try Data(contentsOf: url)
    let other = try wholeModel("llama2")
    let wrong = #expect(throws: ModelError.self) {
      try other.open(ContextFile(path: built.path), capacity: 500)
    }
    #expect(wrong?.code == .badContext)
    #expect(wrong?.message.contains("expected one of this model file") == true)

    // Every byte of the header matters, and the length.
    for place in [0, 5, 9, 13, 20, 27, 33, 41, 49, 57, 65, 80, 400] {
      var copy = bytes
      copy[place] ^= 0x41
      try copy.write(to: URL(fileURLWithPath: path("b.ctx")))
      #expect(throws: ModelError.self, "byte \(place)") {
        try built.model.open(ContextFile(path: path("b.ctx")), capacity: 500)
      }
    }
    for length in [0, 3, 64, 4_095, bytes.count - 1] {
      try bytes.prefix(length).write(to: URL(fileURLWithPath: path("c.ctx")))
      #expect(throws: ModelError.self, "\(length) bytes") { try ContextFile(path: path("c.ctx")) }
    }

    // A damaged block is found by the first pass that would attend to it.
    var damaged = bytes
    damaged[bytes.count - 5_000] ^= 1
    try damaged.write(to: URL(fileURLWithPath: path("d.ctx")))
    let cache = try built.model.open(ContextFile(path: path("d.ctx")), capacity: 500)
    let error = #expect(throws: ModelError.self) {
      try built.model.prefill([1], into: cache)
    }
    #expect(error?.message.contains("does not match its hash") == true)

    // Somebody writes to the file while it is in use.
    let used = try built.model.open(ContextFile(path: built.path), capacity: 500)
    _ = try built.model.prefill([1], into: used)
    let handle = try FileHandle(forUpdating: url)
    try handle.truncate(atOffset: 100)
    try handle.close()
    let changed = #expect(throws: ModelError.self) { try built.model.prefill([2], into: used) }
    #expect(changed?.message.contains("was written to while it was in use") == true)
  }

  @Test func `ranks that hold other files under the same name say so, and go on`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let built = try build("a.ctx", count: 300)
    let file = try ContextFile(path: built.path)
    // Rank 0 keeps the file that it mapped; the others find another in its place.
    let other = try build("b.ctx", count: 200)
    #expect(rename(other.path, built.path) == 0)
    let errors = try leading(built.model, ranks: 2) { leader in
      let refused = Result { try leader.open(file, capacity: 500) }
      let opened = Result { try leader.open(ContextFile(path: built.path), capacity: 500) }
      let cache = try leader.makeCache(capacity: 100, type: .f16)
      return (refused, opened, try leader.prefill([1, 2, 3], into: cache))
    }.value
    guard case .failure(let error as ModelError) = errors.0 else {
      Issue.record("another file was taken for the same")
      return
    }
    #expect(error.code == .badContext)
    #expect(error.message.contains("rank 1: ") && error.message.contains("is another context here"))
    #expect(throws: Never.self) { try errors.1.get() }
  }

  @Test func `a damaged file is not written again as a whole one`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let built = try build("a.ctx", count: 300)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: built.path))
    bytes[bytes.count - 5_000] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path("d.ctx")))
    let file = try ContextFile(path: path("d.ctx"))
    let cache = try built.model.open(file, capacity: 500)
    #expect(throws: ModelError.self) {
      try built.model.write(cache, tokens: file.tokens, to: path("e.ctx"))
    }
    #expect(throws: ModelError.self) { try built.model.save(cache) }
    // Every rank looks at its own blocks before the first pass, and the group goes on.
    let error = try leading(built.model, ranks: 4) { leader in
      let cache = try leader.open(file, capacity: 500)
      let refused = Result { try leader.prefill([1], into: cache) }
      let fresh = try leader.makeCache(capacity: 100, type: .f16)
      _ = try leader.prefill([1, 2, 3], into: fresh)
      return refused
    }.value
    guard case .failure(let found as ModelError) = error else {
      Issue.record("a damaged block was attended to")
      return
    }
    #expect(found.message.contains("does not match its hash"))
  }

  @Test func `a context that cannot be written leaves nothing behind`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let whole = try wholeModel("llama3")
    let cache = try whole.makeCache(capacity: 100, type: .f16)
    _ = try whole.prefill([1, 2, 3], into: cache)
    #expect(throws: ModelError.self) {
      try whole.write(cache, tokens: [1, 2, 3], to: path("missing/a.ctx"))
    }
    #expect(throws: ModelError.self) {
      try whole.write(cache, tokens: [1, 2], to: path("a.ctx"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}
