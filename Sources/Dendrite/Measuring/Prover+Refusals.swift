// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteModel
internal import DendriteTokenizer

/// What the world sends: requests that cannot be met and files that are damaged.
extension Prover {
  /// Requests that no cache, row or handle can meet are refused, and nothing changes.
  func requests() throws -> Finding {
    var tally = Tally()
    let kept = min(20, tokens.count - 2)
    let want = try reference(.f16, count: kept + 1)
    try withCache(.f16) { cache in
      let early = try pass(tokens[0], in: cache)
      let node = try early.node(ofRow: 0)
      try model.commit(rows: 0..<1, of: early, to: cache)
      try feed(tokens[1..<kept], to: cache, reads: { _ in false })
      let released = try model.makeCache(capacity: 8, type: .f16)
      model.release(released)
      let saved = try model.save(cache)
      var tests = impossibleRows(for: cache)
      tests += impossibleHandles(cache, released: released, old: node, pass: early)
      tests += impossibleContexts(saved)
      for test in tests {
        do {
          try test.attempt()
          tally.check(false, "\(test.name) was accepted")
        } catch let error as ModelError {
          tally.check(!error.message.isEmpty && !error.remedy.isEmpty, "\(test.name): no remedy")
        }
        try model.discard(cache)
      }
      tally.compare(
        try next(tokens[kept], after: cache), want[kept], "the history after refused requests")
    }
    return Finding(
      claim: "impossible rows, handles and contexts are refused with a remedy and change nothing",
      unit: "requests", tally: tally)
  }

  private struct Attempt {
    let name: String
    let attempt: () throws -> Void

    init(_ name: String, _ attempt: @escaping () throws -> Void) {
      self.name = name
      self.attempt = attempt
    }
  }

  private func pass(_ token: Int, in cache: CacheHandle) throws -> Pass {
    var batch = RowBatch()
    batch.append(chain: CollectionOfOne(token), to: cache, lastOutput: .logits)
    let pass = try model.submit(batch)
    try pass.finish()
    return pass
  }

  private func impossibleRows(for cache: CacheHandle) -> [Attempt] {
    let model = self.model
    let layers = model.description.layerCount
    func row(_ name: String, _ change: @escaping (inout Row) -> Void) -> Attempt {
      Attempt(name) {
        var row = Row(cache: cache, input: .token(0), parent: .tip, output: .logits)
        change(&row)
        var batch = RowBatch()
        batch.append(row)
        try model.submit(batch).finish()
      }
    }
    let width = model.description.hiddenSize
    return [
      row("token −1") { $0.input = .token(-1) },
      row("a token outside the vocabulary") { [vocabulary] in $0.input = .token(vocabulary) },
      row("the largest integer as a token") { $0.input = .token(.max) },
      row("a vector of another width") { $0.input = .vector([1, 2, 3]) },
      row("a vector with NaN") { $0.input = .vector(Array(repeating: .nan, count: width)) },
      row("a vector with infinity") {
        $0.input = .vector(Array(repeating: .infinity, count: width))
      },
      row("a row as its own parent") { $0.parent = .row(0) },
      row("row −1 as a parent") { $0.parent = .row(-1) },
      row("position −1") { $0.position = -1 },
      row("layer −1") { $0.output = .hiddenState(afterLayer: -1) },
      row("a layer too many") { $0.output = .hiddenState(afterLayer: layers + 1) },
      Attempt("too many rows") { [tokens] in
        var batch = RowBatch()
        let rows = Array(repeating: tokens[0], count: CPUTransformer.maximumRowCount + 1)
        batch.append(chain: rows, to: cache, lastOutput: .logits)
        try model.submit(batch).finish()
      },
    ]
  }

  private func impossibleHandles(
    _ cache: CacheHandle, released: CacheHandle, old node: NodeID, pass old: Pass
  ) -> [Attempt] {
    let model = self.model
    return [
      Attempt("a released cache") { _ = try model.length(of: released) },
      Attempt("a row in a released cache") { _ = try self.pass(0, in: released) },
      Attempt("a committed node as a parent") {
        var batch = RowBatch()
        batch.append(Row(cache: cache, input: .token(0), parent: .node(node)))
        _ = try model.submit(batch)
      },
      Attempt("a committed node once more") { try model.commit([node], to: cache) },
      Attempt("results of an old pass") { _ = try old.withLogits(ofRow: 0) { $0.count } },
      Attempt("rows that the pass does not have") {
        let pass = try self.pass(0, in: cache)
        try model.commit(rows: 0..<2, of: pass, to: cache)
      },
      Attempt("a truncation beyond the end") { _ = try model.truncate(cache, to: 1 << 20) },
      Attempt("a truncation to −1") { _ = try model.truncate(cache, to: -1) },
    ]
  }

  private func impossibleContexts(_ saved: [UInt8]) -> [Attempt] {
    let model = self.model
    var flipped = saved
    flipped[saved.count / 2] ^= 0x10
    return [
      Attempt("a cache for no tokens") { _ = try model.makeCache(capacity: 0, type: .f16) },
      Attempt("a cache for 2⁴⁰ tokens") {
        _ = try model.makeCache(capacity: 1 << 40, type: .f16)
      },
      Attempt("more rows than a cache holds") {
        let small = try model.makeCache(capacity: 1, type: .f16)
        defer { model.release(small) }
        try self.feed([0, 0], to: small)
      },
      Attempt("a context of no bytes") { _ = try model.restore([], capacity: 8) },
      Attempt("half a context") {
        _ = try model.restore(Array(saved.prefix(saved.count / 2)), capacity: 1 << 10)
      },
      Attempt("a context with a flipped bit") { [flipped] in
        _ = try model.restore(flipped, capacity: 1 << 10)
      },
      Attempt("a context in too small a cache") { _ = try model.restore(saved, capacity: 1) },
    ]
  }

  // MARK: Files

  /// A header that is cut off or damaged is read or refused, never more.
  ///
  /// A trap ends the program, so having come to the end is the proof. Large files are represented by
  /// their header; the fuzzer of the test suite damages small ones as a whole.
  func files() throws -> Finding {
    var tally = Tally()
    let bytes = headerBytes()
    let deadline = settings.budget / 12
    let start = ContinuousClock.now
    func hasTime() -> Bool { ContinuousClock.now - start < .seconds(deadline) }
    var refused = 0
    for percent in 0..<100 where hasTime() {
      let length = max(1, bytes.count * percent / 100)
      if !reads(Array(bytes.prefix(length))) { refused += 1 }
      tally.check(true, "")
    }
    for _ in 0..<400 where hasTime() {
      var damaged = bytes
      for _ in 0...random.below(4) { damage(&damaged) }
      if !reads(damaged) { refused += 1 }
      tally.check(true, "")
    }
    return Finding(
      claim: "its header cut off at every percent and damaged at random: "
        + "\(refused) refused, the rest read, none trapped",
      unit: "files", tally: tally)
  }

  /// The whole of a small file; of a large one everything before the first tensor.
  private func headerBytes() -> [UInt8] {
    guard let name = file.tensors.first(where: { $0.shard == 0 })?.name,
      let mapped = file.tensorIfPresent(named: name)?.file
    else { return [0] }
    let first = file.tensors.lazy.filter { $0.shard == 0 }.map(\.byteRange.lowerBound).min()
    let count = mapped.count <= 16 << 20 ? mapped.count : min(first ?? mapped.count, mapped.count)
    return mapped.withUnsafeBytes(in: 0..<count) { Array($0) }
  }

  /// Overwrites up to eight bytes, mostly near the beginning, where the structure is.
  private func damage(_ bytes: inout [UInt8]) {
    let reach = random.below(2) == 0 ? min(bytes.count, 4096) : bytes.count
    let place = random.below(reach)
    let values: [UInt64] = [0, .max, 1 << 63, 1 << 31, random.next(), UInt64(bytes.count)]
    let value = values[random.below(values.count)]
    for byte in 0..<min(1 + random.below(8), bytes.count - place) {
      bytes[place + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
    }
  }

  /// Reads everything that loading would, short of the weights.
  private func reads(_ bytes: [UInt8]) -> Bool {
    do {
      let damaged: any ModelSource =
        if let directory = file as? ModelDirectory {
          try directory.replacingFirstFile(by: bytes)
        } else {
          try GGUFFile(bytes: bytes)
        }
      let configuration = try damaged.modelConfiguration()
      try damaged.checkTensors(for: configuration)
      _ = try Tokenizer(damaged.vocabularyDescription())
      return true
    } catch {
      return false
    }
  }
}
