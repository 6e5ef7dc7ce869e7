// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

extension Prover {
  /// Runs `body` with an empty cache that goes away afterwards.
  func withCache<Result>(
    _ type: CacheType, on other: CPUTransformer? = nil, capacity: Int? = nil,
    _ body: (CacheHandle) throws -> Result
  ) throws -> Result {
    let model = other ?? self.model
    let cache = try model.makeCache(capacity: capacity ?? tokens.count + 64, type: type)
    defer { model.release(cache) }
    return try body(cache)
  }

  /// Appends tokens to a history in passes of at most `chunk` rows.
  ///
  /// Rows of which `reads` says so, by their index among the tokens, are asked for logits.
  ///
  /// - Returns: the fingerprints of those rows, by index.
  /// - Throws: `ModelError`.
  @discardableResult
  func feed(
    _ tokens: some Collection<Int>, to cache: CacheHandle, on other: CPUTransformer? = nil,
    chunk: Int = CPUTransformer.maximumRowCount, reads: (Int) -> Bool = { _ in true }
  ) throws -> [Int: BitHash] {
    let model = other ?? self.model
    var hashes: [Int: BitHash] = [:]
    var batch = RowBatch()
    var first = 0
    for (index, token) in tokens.enumerated() {
      let row = index - first
      batch.append(
        Row(
          cache: cache, input: .token(token), parent: row == 0 ? .tip : .row(row - 1),
          output: reads(index) ? .logits : .none))
      guard row + 1 == chunk || index + 1 == tokens.count else { continue }
      let pass = try model.submit(batch)
      try pass.finish()
      for row in 0...row where batch.rows[row].output == .logits {
        hashes[first + row] = try pass.withLogits(ofRow: row) { BitHash($0) }
      }
      try model.commit(rows: 0..<batch.count, of: pass, to: cache)
      batch.removeAll()
      first = index + 1
    }
    return hashes
  }

  /// The fingerprint of the logits behind one more token.
  func next(
    _ token: Int, after cache: CacheHandle, on other: CPUTransformer? = nil
  ) throws -> BitHash? {
    try feed(CollectionOfOne(token), to: cache, on: other)[0]
  }

  /// Fingerprints behind the first `count` tokens, made one row at a time and kept.
  func reference(_ type: CacheType, count: Int) throws -> [BitHash] {
    if let known = references[type], known.count >= count { return known }
    let hashes = try withCache(type) { cache in
      try feed(tokens.prefix(count), to: cache, chunk: 1)
    }
    let list = (0..<count).compactMap { hashes[$0] }
    references[type] = list
    return list
  }
}
