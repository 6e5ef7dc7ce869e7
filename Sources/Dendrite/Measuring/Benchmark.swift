// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
package import DendriteCompute
internal import DendriteDecoding
package import DendriteModel

/// Times passes of a model against the limits of its machine, both in the same loop.
///
/// A loop runs every task once, in turn, each for at least `sampleSeconds`; the first loop warms
/// caches and pages and is dropped. What drifts (clocks, neighbours on the same host) then meets
/// all tasks alike, and ratios within a repetition are worth more than the figures themselves.
///
/// - Source: `Docs/Benchmarks.md`.
package final class Benchmark {
  /// Tokens that a decoding sample adds before it goes back to the context's length.
  static let decodedBetweenTruncations = 32

  package let settings: BenchmarkSettings
  package let machine: Machine
  package let cost: PassCost
  private var samples = BenchmarkSamples()

  let model: CPUTransformer
  /// The context behind which rows are decoded and verified.
  private let history: CacheHandle
  /// Where prompts go.
  private let prompt: CacheHandle
  private let probe: ReadProbe
  private var random: RandomTokens
  private var batch = RowBatch()

  /// Reserves memory and fills the context with made-up keys and values.
  ///
  /// The read limit is measured on a buffer as large as the weights (16 MB to 1 GB): what fits a
  /// cache must be compared with the cache.
  ///
  /// - Throws: `ModelError` or `ComputeError` if there is not enough memory.
  package init(model: CPUTransformer, file: any ModelSource, settings: BenchmarkSettings) throws {
    precondition(settings.repetitions > 0, "\(settings.repetitions) repetitions")
    self.settings = settings
    self.model = model
    machine = model.machine
    cost = PassCost(of: model, file: file, cacheType: settings.cacheType)
    random = RandomTokens(seed: settings.seed)
    let bytes = min(max(cost.weightBytes, 16 << 20), 1 << 30)
    probe = try ReadProbe(machine: machine, byteCount: bytes / 4096 * 4096)
    history = try model.makeCache(capacity: settings.historyCapacity, type: settings.cacheType)
    prompt = try model.makeCache(
      capacity: max(1, settings.promptLengths.max() ?? 1), type: settings.cacheType)
    try model.appendRandomHistory(settings.contextLength, to: history)
  }

  deinit {
    model.release(history)
    model.release(prompt)
  }

  /// Runs all repetitions.
  ///
  /// - Parameter progress: called with a share 0 … 1 after every task.
  /// - Returns: the samples of all repetitions but the first.
  /// - Throws: `ModelError`.
  package func run(progress: (Double) -> Void = { _ in }) throws -> BenchmarkResult {
    samples = BenchmarkSamples()
    let tasks = self.tasks()
    let steps = Double(tasks.count * (settings.repetitions + 1))
    for repetition in 0...settings.repetitions {
      for (index, task) in tasks.enumerated() {
        let value = try task.sample()
        if repetition > 0 { samples[keyPath: task.list].append(value) }
        progress(Double(repetition * tasks.count + index + 1) / steps)
      }
    }
    let place = BenchmarkResult.Place(
      threads: machine.threads, parts: machine.parts, variant: machine.variant.name)
    return BenchmarkResult(settings: settings, cost: cost, place: place, samples: samples)
  }

  // MARK: Tasks

  /// Something to sample, and the list that its samples go to.
  private struct Task {
    let list: WritableKeyPath<BenchmarkSamples, [Double]>
    let sample: () throws -> Double
  }

  private func tasks() -> [Task] {
    var tasks = [
      Task(list: \.readRate, sample: sampleReadRate),
      Task(list: \.int8Rate, sample: sampleInt8Rate),
    ]
    if !settings.topics.isDisjoint(with: [.decode, .verify, .sample]) {
      tasks.append(Task(list: \.decode, sample: sampleDecode))
    }
    if settings.topics.contains(.prefill) {
      samples.prefills = settings.promptLengths.map { .init(length: $0) }
      for (index, length) in settings.promptLengths.enumerated() {
        tasks.append(Task(list: \.prefills[index].seconds) { try self.samplePrefill(length) })
      }
    }
    if settings.topics.contains(.verify) {
      let kinds = BenchmarkSamples.Shape.allCases
      samples.verifications = settings.verifyRows.flatMap { rows in
        kinds.map { BenchmarkSamples.Verification(rows: rows, shape: $0) }
      }
      for (index, kind) in samples.verifications.enumerated() {
        tasks.append(
          Task(list: \.verifications[index].seconds) {
            try self.sampleVerification(rows: kind.rows, shape: kind.shape)
          })
      }
    }
    if settings.topics.contains(.sample) {
      let ways: [(String, SamplerSettings)] = [
        ("greedy", .greedy), ("sampled as by default", SamplerSettings(seed: 1)),
        ("sampled from all tokens", .pure(seed: 1)),
      ]
      samples.choosing = ways.map { .init(name: $0.0) }
      for (index, way) in ways.enumerated() {
        tasks.append(
          Task(list: \.choosing[index].seconds) { try self.sampleChoosing(way.1) })
      }
    }
    if settings.topics.contains(.pool) {
      tasks.append(Task(list: \.forkJoin, sample: sampleForkJoin))
      tasks.append(Task(list: \.meeting, sample: sampleMeeting))
    }
    return tasks
  }

  /// Seconds of one call, averaged over as many calls as a sample needs.
  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = Clock.seconds()
    var calls = 0
    var elapsed = 0.0
    repeat {
      try body()
      calls += 1
      elapsed = Clock.seconds() - start
    } while elapsed < settings.sampleSeconds
    return elapsed / Double(calls)
  }

  // MARK: Limits

  /// The best pattern's average: one lucky read does not make a limit.
  private func sampleReadRate() -> Double {
    let patterns = [1, 2, 4, 8]
    var sums = [Double](repeating: 0, count: patterns.count)
    var rounds = 0.0
    let start = Clock.seconds()
    repeat {
      for (index, streams) in patterns.enumerated() {
        sums[index] += 1 / probe.measure(streams: streams)
      }
      rounds += 1
    } while Clock.seconds() - start < settings.sampleSeconds
    return rounds / (sums.min() ?? .infinity)
  }

  private func sampleInt8Rate() -> Double {
    let start = Clock.seconds()
    var best = 0.0
    repeat {
      best = max(best, machine.measureInt8Rate())
    } while Clock.seconds() - start < settings.sampleSeconds
    return best
  }

  private func sampleForkJoin() -> Double {
    let rounds = 1_000
    return seconds {
      for _ in 0..<rounds { machine.run(parts: machine.parts, 0) { _, _ in } }
    } / Double(rounds)
  }

  private func sampleMeeting() -> Double {
    let meeting = Meeting(threads: machine.threads)
    let rounds = 100
    return seconds {
      for _ in 0..<rounds { meeting.hold(on: machine) }
    } / Double(rounds)
  }

  // MARK: Passes

  private func sampleDecode() throws -> Double {
    var decoded = 0
    let time = try seconds {
      if decoded == Benchmark.decodedBetweenTruncations {
        try rewind()
        decoded = 0
      }
      try feed(1, to: history)
      decoded += 1
    }
    try rewind()
    return time
  }

  private func samplePrefill(_ length: Int) throws -> Double {
    try seconds {
      _ = try model.truncate(prompt, to: 0)
      try feed(length, to: prompt)
    }
  }

  private func sampleVerification(
    rows: Int, shape: BenchmarkSamples.Shape
  ) throws -> Double {
    batch.removeAll()
    for row in 0..<rows {
      let parent: Row.Parent =
        row == 0 ? .tip : .row(shape == .chain ? row - 1 : (row - 1) / 2)
      batch.append(
        Row(cache: history, input: .token(token()), parent: parent, output: .logits))
    }
    return try seconds {
      try model.submit(batch).finish()
      try model.discard(history)
    }
  }

  /// Seconds to choose a token from the scores of the history's last row.
  private func sampleChoosing(_ way: SamplerSettings) throws -> Double {
    var sampler = try Sampler(way, vocabularySize: model.description.vocabularySize)
    batch.removeAll()
    batch.append(Row(cache: history, input: .token(token()), parent: .tip, output: .logits))
    let pass = try model.submit(batch)
    let time = try pass.withLogits(ofRow: 0) { logits in
      var position = settings.contextLength
      return seconds {
        _ = sampler.sample(logits, history: EmptyCollection<Int>(), position: position)
        position += 1
      }
    }
    try model.discard(history)
    return time
  }

  private func token() -> Int { random.below(model.description.vocabularySize) }

  private func rewind() throws { _ = try model.truncate(history, to: settings.contextLength) }

  /// Appends random tokens to the history, in passes of at most 512 rows, with logits for the last.
  private func feed(_ count: Int, to cache: CacheHandle) throws {
    var rest = count
    while rest > 0 {
      let rows = min(rest, CPUTransformer.maximumRowCount)
      rest -= rows
      batch.removeAll()
      for row in 0..<rows {
        batch.append(
          Row(
            cache: cache, input: .token(token()), parent: row == 0 ? .tip : .row(row - 1),
            output: rest == 0 && row == rows - 1 ? .logits : .none))
      }
      let pass = try model.submit(batch)
      try pass.finish()
      try model.commit(rows: 0..<rows, of: pass, to: cache)
    }
  }
}
