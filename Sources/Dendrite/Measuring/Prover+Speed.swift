// SPDX-License-Identifier: Apache-2.0
internal import DendriteReport

extension Prover {
  /// Promise 3 as a figure: it depends on what else the machine is doing, so it proves nothing.
  func speed() throws -> Finding {
    let settings = BenchmarkSettings(
      topics: [.decode], repetitions: 9, sampleSeconds: min(0.1, self.settings.budget / 1200),
      promptLengths: [], verifyRows: [],
      contextLength: min(64, model.description.contextLength / 2))
    let benchmark = try Benchmark(model: model, file: file, settings: settings).run()
    let share = benchmark.decodeShare.map {
      "\(Figures.percent($0.value)) (\(Figures.text($0.scaled(by: 100).interval)))"
    }
    let rate = Statistics.median(benchmark.samples.readRate) ?? 0
    var tally = Tally()
    for _ in benchmark.samples.decode { tally.check(true, "") }
    return Finding(
      claim: "decoding reads weights at \(share ?? "–") of the read limit, "
        + "\(Figures.text(rate * 1e-9)) GB/s",
      unit: "samples", tally: tally, isInformation: true)
  }
}
