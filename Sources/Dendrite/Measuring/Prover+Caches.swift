// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// Caches: their types, and histories that were forked, cut, committed from a tree, or saved.
extension Prover {
  /// Other cache types change the numbers, but are as indifferent to how the work is divided.
  func cacheTypes() throws -> Finding {
    var tally = Tally()
    let count = effort.short
    for type in CacheType.allCases where type != .f16 {
      let want = try reference(type, count: count)
      for size in [7, 64] {
        let got = try withCache(type) { cache in
          try feed(tokens.prefix(count), to: cache, chunk: size) { $0 % 2 == 0 }
        }
        for (index, hash) in got {
          tally.compare(
            hash, want[index], "position \(index) in chunks of \(size), \(type.rawValue) cache")
        }
      }
      try compareTree(type, &tally)
    }
    return Finding(claim: "the same for chunks and trees with f32 and q8 caches", tally: tally)
  }

  /// A history that was operated on goes on like one that was only ever fed.
  func cacheOperations() throws -> Finding {
    var tally = Tally()
    for type in CacheType.allCases {
      let want = Array(try reference(type, count: effort.short).prefix(effort.short))
      try compareForks(type, want, &tally)
      try compareTruncation(type, want, &tally)
      try compareBranches(type, want, &tally)
      try compareSaving(type, want, &tally)
    }
    return Finding(
      claim: "a history forked, truncated, committed from a tree, discarded, saved and restored "
        + "= never touched",
      tally: tally)
  }

  /// Two forks go different ways; neither disturbs the other nor the original.
  private func compareForks(
    _ type: CacheType, _ want: [BitHash], _ tally: inout Tally
  ) throws {
    let middle = want.count - 6
    try withCache(type) { original in
      try feed(tokens.prefix(middle), to: original, reads: { _ in false })
      let copy = try model.fork(original)
      defer { model.release(copy) }
      try feed(random.ids(5, vocabulary: vocabulary), to: copy, reads: { _ in false })
      for index in middle..<want.count - 3 {
        tally.compare(
          try next(tokens[index], after: original), want[index],
          "position \(index) of a \(type.rawValue) history after its fork went another way")
      }
      let late = try model.fork(original)
      defer { model.release(late) }
      for index in want.count - 3..<want.count {
        tally.compare(
          try next(tokens[index], after: late), want[index],
          "position \(index) of a fork of a \(type.rawValue) history")
      }
    }
  }

  /// What was fed and forgotten leaves no trace, within a block and across blocks.
  private func compareTruncation(
    _ type: CacheType, _ want: [BitHash], _ tally: inout Tally
  ) throws {
    for kept in [want.count / 3, want.count - 2] {
      try withCache(type) { cache in
        try feed(tokens.prefix(kept), to: cache, reads: { _ in false })
        try feed(random.ids(30, vocabulary: vocabulary), to: cache, reads: { _ in false })
        _ = try model.truncate(cache, to: kept)
        for index in kept..<min(kept + 2, want.count) {
          tally.compare(
            try next(tokens[index], after: cache), want[index],
            "position \(index) of a \(type.rawValue) history truncated to \(kept)")
        }
      }
    }
  }

  /// A branch of a tree that is committed is history like any other; a discarded tree is none.
  private func compareBranches(
    _ type: CacheType, _ want: [BitHash], _ tally: inout Tally
  ) throws {
    let kept = want.count - 5
    try withCache(type) { cache in
      try feed(tokens.prefix(kept), to: cache, reads: { _ in false })
      _ = try grow(9, then: 5, behind: cache)
      try model.discard(cache)
      tally.compare(
        try next(tokens[kept], after: cache), want[kept],
        "position \(kept) of a \(type.rawValue) history after a discarded tree")
      // The sequence's next three tokens as a branch among others, then its last one behind them.
      var batch = RowBatch()
      var branch: [Int] = []
      for step in 1...3 {
        let parent: Row.Parent = branch.last.map { .row($0) } ?? .tip
        for _ in 0..<2 {
          batch.append(
            Row(cache: cache, input: .token(random.below(vocabulary)), parent: parent))
        }
        branch.append(
          batch.append(
            Row(
              cache: cache, input: .token(tokens[kept + step]), parent: parent, output: .logits)))
      }
      let pass = try model.submit(batch)
      for (step, row) in branch.enumerated() {
        let got = try pass.withLogits(ofRow: row) { BitHash($0) }
        tally.compare(got, want[kept + 1 + step], "a \(type.rawValue) branch, step \(step)")
      }
      try model.commit(try branch.map { try pass.node(ofRow: $0) }, to: cache)
      tally.compare(
        try next(tokens[kept + 4], after: cache), want[kept + 4],
        "position \(kept + 4) of a \(type.rawValue) history after a committed branch")
    }
  }

  /// Bytes that were saved are the history.
  private func compareSaving(
    _ type: CacheType, _ want: [BitHash], _ tally: inout Tally
  ) throws {
    let kept = want.count - 2
    let bytes = try withCache(type) { cache in
      try feed(tokens.prefix(kept), to: cache, reads: { _ in false })
      return try model.save(cache)
    }
    let restored = try model.restore(bytes, capacity: want.count + 7)
    defer { model.release(restored) }
    for index in kept..<want.count {
      tally.compare(
        try next(tokens[index], after: restored), want[index],
        "position \(index) of a \(type.rawValue) history saved and restored")
    }
  }
}
