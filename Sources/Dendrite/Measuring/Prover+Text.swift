// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute
internal import DendriteDecoding
internal import DendriteModel
internal import DendriteTokenizer

/// The text of a fixed prompt and seed, as a number that two machines can compare.
extension Prover {
  /// The same prompt, seed and file give the same tokens and probabilities on every variant.
  ///
  /// A hash is taken after 4, 16 and 64 tokens, so that a slow variant can be compared as far as it
  /// comes in a quarter of the budget.
  func textHashes() throws -> Finding {
    var tally = Tally()
    let prompt = hashPrompt()
    for variant in KernelVariant.available {
      let machine = try Machine(threads: model.machine.threads, variant: variant)
      let hashes = try textHashes(of: prompt, on: model.copy(on: machine))
      record.hashes.append(TextHash(variant: variant.name, hashes: hashes))
      for (stage, pair) in zip(record.hashes[0].hashes, hashes).enumerated() {
        guard variant.name != record.hashes[0].variant, let want = pair.0, let got = pair.1 else {
          continue
        }
        tally.check(got == want, "\(TextHash.lengths[stage]) tokens of \(variant)")
      }
    }
    return Finding(
      claim: "up to \(TextHash.lengths.max() ?? 0) tokens, greedy and sampled, and their "
        + "probabilities, on all variants",
      unit: "hashes", tally: tally)
  }

  /// The model's own tokenizer; `nil` if its vocabulary cannot be read or is larger than the model's.
  func ownTokenizer() -> Tokenizer? {
    guard let description = try? file.vocabularyDescription(),
      let tokenizer = try? Tokenizer(description), tokenizer.vocabularySize <= vocabulary
    else { return nil }
    return tokenizer
  }

  /// A fixed text in the model's own tokens; fixed ids if its vocabulary cannot be read.
  func hashPrompt() -> [Int] {
    if let description = try? file.vocabularyDescription(),
      let tokenizer = try? Tokenizer(description)
    {
      let ids = tokenizer.encode("Once upon a time").filter { $0 < self.vocabulary }
      if !ids.isEmpty { return ids }
    }
    return (1...4).map { $0 % vocabulary }
  }

  /// Continues the prompt twice in the same passes, greedily and with a seed, and fingerprints the
  /// ids and the bits of their log-probabilities.
  ///
  /// - Returns: a hash for each length; `nil` for those that would take too long.
  private func textHashes(of prompt: [Int], on other: CPUTransformer) throws -> [String?] {
    var text = TwinText(
      prompt: prompt,
      samplers: [
        try Sampler(.greedy, vocabularySize: vocabulary),
        try Sampler(SamplerSettings(seed: 42), vocabularySize: vocabulary),
      ])
    let longest = TextHash.lengths.max() ?? 0
    let first = try other.makeCache(capacity: prompt.count + longest / 2, type: .f16)
    defer { other.release(first) }
    let probe = Clock.seconds()
    try feed(prompt.prefix(1), to: first, on: other)
    let row = Clock.seconds() - probe
    var hashes: [String?] = []
    var caches: [CacheHandle] = [first]
    defer { for cache in caches.dropFirst() { other.release(cache) } }
    let start = Clock.seconds()
    for length in TextHash.lengths {
      let rows = (hashes.isEmpty ? prompt.count : 0) + length - text.count
      let isAffordable = Clock.seconds() - start + row * Double(rows) < settings.budget / 4
      guard isAffordable, hashes.count == text.stage else {
        hashes.append(nil)
        continue
      }
      while text.count < length {
        if text.count == 0 {
          try text.begin(prompt, in: first, on: other)
          caches.append(try other.fork(first))
        } else {
          try text.advance(caches, on: other)
        }
      }
      text.stage += 1
      hashes.append(text.hash.text)
    }
    return hashes
  }
}

/// Two continuations of one prompt, a token each at a time.
private struct TwinText {
  var histories: [[Int]]
  var samplers: [Sampler]
  var hash = BitHash()
  /// Tokens in both continuations together.
  var count = 0
  /// Lengths that were reached.
  var stage = 0

  init(prompt: [Int], samplers: [Sampler]) {
    self.samplers = samplers
    histories = Array(repeating: prompt, count: samplers.count)
  }

  /// Reads the rest of the prompt, of which one token is in the cache, and takes the first tokens.
  mutating func begin(
    _ prompt: [Int], in cache: CacheHandle, on model: CPUTransformer
  ) throws {
    let known = min(1, prompt.count - 1)  // the last token's scores are needed
    _ = try model.truncate(cache, to: known)
    var batch = RowBatch()
    batch.append(chain: prompt.dropFirst(known), to: cache, lastOutput: .logits)
    let pass = try model.submit(batch)
    for index in samplers.indices { try take(index, from: pass, row: batch.count - 1) }
    try model.commit(rows: 0..<batch.count, of: pass, to: cache)
  }

  /// Feeds the last token of both and takes the next.
  mutating func advance(_ caches: [CacheHandle], on model: CPUTransformer) throws {
    var batch = RowBatch()
    for (cache, history) in zip(caches, histories) {
      batch.append(chain: history.suffix(1), to: cache, lastOutput: .logits)
    }
    let pass = try model.submit(batch)
    for index in samplers.indices { try take(index, from: pass, row: index) }
    for (index, cache) in caches.enumerated() {
      try model.commit(rows: index..<index + 1, of: pass, to: cache)
    }
  }

  private mutating func take(_ index: Int, from pass: Pass, row: Int) throws {
    let history = histories[index]
    let token = try pass.withLogits(ofRow: row) { logits in
      samplers[index].sample(logits, history: history, position: history.count)
    }
    hash.combine(UInt32(token.id))
    hash.combine(token.logProbability.bitPattern)
    histories[index].append(token.id)
    count += 1
  }
}
