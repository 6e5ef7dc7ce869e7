// SPDX-License-Identifier: Apache-2.0
package import DendriteCheckpoint
package import DendriteCompute
internal import DendriteDistributed
package import DendriteModel
package import DendriteReport

/// Times attention over long contexts on ranks of this process, against reading the keys and values once.
///
/// The model has a published shape's heads and layers and next to nothing else, so that a pass is its attention and the
/// exchange between ranks. All numbers of ranks are in one loop, each with its share of the threads; the first round is dropped.
package final class AttentionBenchmark {
  /// What is measured.
  package struct Settings: Sendable {
    /// Whose heads and layers.
    package var shape: ModelShape
    /// Tokens of history.
    package var context: Int
    package var cacheType: CacheType
    /// Numbers of ranks.
    package var ranks: [Int]
    package var repetitions: Int
    /// Seconds of a sample at least.
    package var sampleSeconds = 0.2

    /// What is measured, by name.
    package init(
      shape: ModelShape, context: Int, cacheType: CacheType, ranks: [Int], repetitions: Int
    ) {
      self.shape = shape
      self.context = context
      self.cacheType = cacheType
      self.ranks = ranks
      self.repetitions = repetitions
    }
  }

  private let settings: Settings
  private let machine: Machine
  private let model: CPUTransformer
  private let probe: ReadProbe
  private var groups: [Group] = []
  private var readRates: [Double] = []

  /// So many ranks with a history of their own.
  private struct Group {
    let ranks: Int
    let leader: DistributedModel
    let cache: CacheHandle
    var seconds: [Double] = []
    /// Messages and bytes of the last sample's passes, for each pass.
    var exchanges = 0.0
    var bytes = 0.0
  }

  /// Makes the model and all histories.
  ///
  /// - Throws: `ModelError`, `ComputeError` if there is not enough memory; `DistributedError`.
  package init(_ settings: Settings, machine: Machine) throws {
    self.settings = settings
    self.machine = machine
    let model = try CPUTransformer(
      file: Self.file(for: settings.shape.configuration), machine: machine)
    self.model = model
    let bytes = Self.cacheBytes(of: settings)
    probe = try ReadProbe(
      machine: machine, byteCount: min(max(bytes, 16 << 20), 1 << 30) / 4096 * 4096)
    for ranks in settings.ranks {
      let joined = try ContextRanks.threads(ranks).join(machine)
      let own = try joined.machine(machine)
      let first = try model.copy(on: own, sharding: TreeReduction(joined.communicator))
      let leader = try joined.lead(first)
      let cache = try leader.makeCache(
        capacity: settings.context + 64, type: settings.cacheType)
      try leader.appendRandomHistory(settings.context, to: cache)
      groups.append(Group(ranks: ranks, leader: leader, cache: cache))
    }
  }

  deinit { for group in groups { group.leader.close() } }

  /// Runs all rounds.
  ///
  /// - Parameter progress: called with a share 0 … 1.
  /// - Returns: a table of all numbers of ranks.
  /// - Throws: `ModelError`.
  package func run(progress: (Double) -> Void = { _ in }) throws -> Report {
    let steps = Double((settings.repetitions + 1) * groups.count)
    for round in 0...settings.repetitions {
      let rate = probe.measureBest()
      if round > 0 { readRates.append(rate) }
      for index in groups.indices {
        let seconds = try sample(&groups[index])
        if round > 0 { groups[index].seconds.append(seconds) }
        progress(Double(round * groups.count + index + 1) / steps)
      }
    }
    return report()
  }

  /// Seconds of a pass of one row.
  private func sample(_ group: inout Group) throws -> Double {
    var batch = RowBatch()
    batch.append(Row(cache: group.cache, input: .token(1), parent: .tip, output: .logits))
    let before = group.leader.traffic
    let began = Clock.seconds()
    var passes = 0
    repeat {
      try group.leader.submit(batch).finish()
      try group.leader.discard(group.cache)
      passes += 1
    } while Clock.seconds() - began < settings.sampleSeconds
    let seconds = (Clock.seconds() - began) / Double(passes)
    let after = group.leader.traffic
    group.exchanges = Double(after.exchanges - before.exchanges) / Double(passes)
    group.bytes = Double(after.exchangedBytes - before.exchangedBytes) / Double(passes)
    return seconds
  }

  // MARK: What it shows

  private func report() -> Report {
    var table = Table([
      .figures("ranks"), .figures("threads each"), .figures("ms a token"),
      .figures("of the read limit"),
      .figures("÷ first"), .figures("messages"), .figures("bytes"), .figures("by the formula"),
    ])
    var figures: [Measurement] = []
    let bytes = Double(Self.cacheBytes(of: settings))
    let shape = settings.shape.configuration
    for group in groups {
      guard let time = Statistics.estimate(group.seconds.map { $0 * 1e3 }),
        let share = Statistics.ratio(
          zip(group.seconds, readRates).map { bytes / $0 / $1 },
          to: group.seconds.map { _ in 1 }),
        let ratio = Statistics.ratio(group.seconds, to: groups[0].seconds)
      else { continue }
      let rounds = group.ranks.trailingZeroBitCount
      let formula =
        shape.layerCount * rounds * shape.headCount
        * PartialStates.packedFloats(headDim: shape.headDim) * 4
      table.append([
        "\(group.ranks)", "\(max(1, machine.threads / group.ranks))", Self.text(time),
        Self.percent(share), Self.text(ratio), Figures.text(group.exchanges),
        Figures.text(group.bytes), Figures.text(formula),
      ])
      let name = "\(group.ranks) ranks"
      figures.append(Measurement("\(name): time of a token", time, unit: "ms"))
      figures.append(Measurement("\(name): share of the read limit", share, ceiling: 1))
      figures.append(Measurement("\(name): time over that of the first row", ratio))
      figures.append(Measurement("\(name): bytes exchanged a token", group.bytes, unit: "B"))
    }
    return Report(
      "bench attention",
      facts: [
        .init("shape", "\(settings.shape.name): attention alone, made-up keys and values"),
        .init(
          "context",
          "\(Figures.text(settings.context)) tokens, \(settings.cacheType.rawValue), \(MemoryBudget.text(Int(bytes)))"
        ),
        .init("machine", "\(machine.threads) threads, \(machine.variant.name)"),
        .init(
          "memory read",
          Statistics.estimate(readRates.map { $0 / 1e9 }).map { Self.text($0) + " GB/s" } ?? ""),
      ],
      sections: [
        .init("Attention over ranks of this process", table: table, measurements: figures)
      ],
      notes: ["messages and bytes: of rank 0, for one token; ranks beyond the cores take turns"])
  }

  private static func text(_ estimate: Estimate) -> String {
    Figures.text(estimate.value) + (estimate.interval.map { " (\(Figures.text($0)))" } ?? "")
  }

  private static func percent(_ estimate: Estimate) -> String {
    Figures.percent(estimate.value)
      + (estimate.interval.map {
        " (\(Figures.percent($0.lower)) … \(Figures.percent($0.upper)))"
      } ?? "")
  }

  /// Bytes of keys and values of the whole history.
  package static func cacheBytes(of settings: Settings) -> Int {
    CPUTransformer.cacheByteCount(of: settings.shape.configuration, type: settings.cacheType)
      * settings.context
  }

  /// A model of the shape's heads and layers, with a narrow residual stream.
  private static func file(for shape: ModelConfiguration) throws -> GGUFFile {
    let configuration = ModelConfiguration(
      architecture: .llama, name: "attention of \(shape.name)", vocabularySize: 384,
      contextLength: 1 << 24, hiddenSize: 32, layerCount: shape.layerCount, feedForwardSize: 32,
      headCount: shape.headCount, kvHeadCount: shape.kvHeadCount, headDim: shape.headDim)
    let maker = ModelMaker(
      shape: ModelShape("attention", configuration, .llama3(firstSpecial: 374)),
      format: .uniform(.f32))
    return try GGUFFile(bytes: maker.bytes())
  }
}
