// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteReport
import DendriteTestSupport
import Foundation
import Testing

/// Benchmarks measure what they say; how fast it is, tests do not judge.
@Suite struct BenchmarkTests {
  static let settings = BenchmarkSettings(
    repetitions: 3, sampleSeconds: 0.001, promptLengths: [5, 40], verifyRows: [2, 7],
    contextLength: 20)

  private func model(_ path: String) throws -> (CPUTransformer, GGUFFile) {
    let file = try GGUFFile(path: path)
    return (try CPUTransformer(file: file, machine: Machine(threads: 2)), file)
  }

  @Test func `every list has a value for each repetition but the dropped one`() throws {
    let (model, file) = try model(Repository.golden("logits/llama3.gguf"))
    var shares: [Double] = []
    let result = try Benchmark(model: model, file: file, settings: Self.settings).run {
      shares.append($0)
    }
    let samples = result.samples
    #expect(samples.prefills.map(\.length) == [5, 40])
    #expect(samples.verifications.map(\.rows) == [2, 2, 7, 7])
    let lists =
      [samples.readRate, samples.int8Rate, samples.decode, samples.forkJoin, samples.meeting]
      + samples.prefills.map(\.seconds) + samples.verifications.map(\.seconds)
    for list in lists {
      #expect(list.count == 3)
      #expect(list.allSatisfy { $0.isFinite && $0 > 0 })
    }
    #expect(shares == shares.sorted() && shares.last == 1)
  }

  @Test func `a topic that was not asked for is not measured`() throws {
    let (model, file) = try model(Repository.golden("logits/qwen2.gguf"))
    var settings = Self.settings
    settings.topics = [.prefill]
    let samples = try Benchmark(model: model, file: file, settings: settings).run().samples
    #expect(samples.decode.isEmpty && samples.verifications.isEmpty && samples.forkJoin.isEmpty)
    #expect(samples.prefills.map(\.seconds.count) == [3, 3] && samples.readRate.count == 3)
  }

  @Test func `the report of two machines fits a terminal and is JSON`() throws {
    let (model, file) = try model(Repository.golden("logits/qwen2.gguf"))
    let machines = [
      try Machine(threads: 1), try Machine(threads: 2, variant: .init(named: "generic")),
    ]
    let report = try BenchmarkReport.make(
      model: model, file: file, machines: machines, settings: Self.settings)
    #expect(report.sections.count == 8)
    #expect(report.sections[0].title.hasPrefix("Limits, 1 thread, "))
    #expect(report.sections[6].title == "Rows of one pass behind 20 tokens, 2 threads, generic")
    let lines = report.text().split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 100 })
    #expect(report.notes.contains { $0.hasPrefix("3 repetitions are too few") })
    _ = try JSONSerialization.jsonObject(with: Data(report.json.text().utf8))
    let names = report.sections.flatMap(\.measurements).map(\.name)
    for name in [
      "decode at 20", "prefill 40", "verify 7 as a tree", "memory, read", "choosing, greedy",
    ] {
      #expect(names.contains(name), "\(name)")
    }
  }

  @Test func `the cost of a pass is counted from the shapes`() throws {
    let (model, file) = try model(Repository.bundledModel)
    let cost = PassCost(of: model, file: file, cacheType: .q8)
    let c = model.configuration
    let attention = c.hiddenSize * c.headDim * (2 * c.headCount + 2 * c.kvHeadCount)
    let layer = attention + 3 * c.hiddenSize * c.feedForwardSize
    #expect(cost.productsPerRow == c.layerCount * layer)
    #expect(cost.productsPerOutput == c.hiddenSize * c.vocabularySize)
    #expect(cost.weightBytes == model.description.weightByteCount)
    #expect(cost.integerShare == 1)
    let bytes = CPUTransformer.cacheByteCount(of: c, type: .q8)
    #expect(cost.bytes(context: 10) == Double(cost.weightBytes + 10 * bytes))
    let floats = try self.model(Repository.golden("logits/llama2.gguf"))
    #expect(PassCost(of: floats.0, file: floats.1, cacheType: .f32).integerShare == 0)
  }

  /// 100 MB of weights, 40 GB/s, 1 T/s; every second repetition meets a machine half as fast.
  private var result: BenchmarkResult {
    let slow = (0..<30).map { $0 % 2 == 0 ? 1.0 : 2.0 }
    var samples = BenchmarkSamples()
    samples.readRate = slow.map { 40e9 / $0 }
    samples.int8Rate = slow.map { 1e12 / $0 }
    samples.decode = slow.map { 0.003_125 * $0 }
    samples.prefills = [.init(length: 500, seconds: slow.map { 0.1 * $0 })]
    samples.verifications = [.init(rows: 8, shape: .chain, seconds: slow.map { 0.004 * $0 })]
    return BenchmarkResult(
      settings: BenchmarkSettings(contextLength: 0),
      cost: PassCost(
        weightBytes: 100_000_000, cacheBytesPerPosition: 1_000, productsPerRow: 100_000_000,
        productsPerOutput: 0, integerShare: 1),
      place: .init(threads: 2, parts: 8, variant: "avx2"), samples: samples)
  }

  @Test func `shares are taken within a repetition, so a slow machine does not blur them`() throws {
    func isExactly(_ estimate: Estimate?, _ value: Double) -> Bool {
      guard let estimate, let interval = estimate.interval else { return false }
      return [estimate.value, interval.lower, interval.upper].allSatisfy { abs($0 - value) < 1e-9 }
    }
    #expect(isExactly(result.decodeShare, 0.8))
    #expect(isExactly(result.prefillShare(result.samples.prefills[0]), 0.5))
    #expect(isExactly(result.timesOneRow(result.samples.verifications[0]), 1.28))
    #expect(isExactly(result.timesRead(result.samples.verifications[0]), 1.6))
    #expect(isExactly(result.integerShare(result.samples.verifications[0]), 0.2))
    #expect(result.notes().isEmpty)
  }

  @Test func `a share above the limit is called wrong, and floats have no integer limit`() {
    var result = result
    result.samples.decode = result.samples.decode.map { $0 / 2 }
    #expect(result.notes().contains { $0.hasPrefix("a share above 100 %") })
    result.cost.integerShare = 0
    #expect(result.prefillShare(result.samples.prefills[0]) == nil)
    #expect(result.notes().contains { $0.hasPrefix("the weights are stored as floats") })
  }
}
