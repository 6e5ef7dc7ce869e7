// SPDX-License-Identifier: Apache-2.0
package import DendriteReport

/// What a benchmark found: shares of limits, repetition by repetition, and tables that show them.
package struct BenchmarkResult: Sendable {
  /// What was measured, and how often.
  package var settings: BenchmarkSettings
  /// What passes cost at least.
  package var cost: PassCost
  /// Where: threads, parts and kernels.
  package var place: Place
  /// The values.
  package var samples: BenchmarkSamples

  /// Threads, parts and kernels.
  package struct Place: Sendable, Hashable, CustomStringConvertible {
    package var threads: Int
    package var parts: Int
    package var variant: String

    /// Names a machine.
    package init(threads: Int, parts: Int, variant: String) {
      self.threads = threads
      self.parts = parts
      self.variant = variant
    }

    /// For example `2 threads, avx2`.
    package var description: String { "\(threads) thread\(threads == 1 ? "" : "s"), \(variant)" }
  }

  /// Puts values and their circumstances together.
  package init(
    settings: BenchmarkSettings, cost: PassCost, place: Place, samples: BenchmarkSamples
  ) {
    self.settings = settings
    self.cost = cost
    self.place = place
    self.samples = samples
  }

  // MARK: Shares

  /// The part of the read limit at which weights and cache were read while decoding one row.
  package var decodeShare: Estimate? {
    let bytes = cost.bytes(context: settings.contextLength)
    return Statistics.ratio(samples.decode.map { bytes / $0 }, to: samples.readRate)
  }

  /// The part of the int8 rate at which a prompt's products were formed.
  ///
  /// - Returns: `nil` for weights that are stored as floats, for which it is no limit.
  package func prefillShare(_ prefill: BenchmarkSamples.Prefill) -> Estimate? {
    integerShare(prefill.seconds, rows: prefill.length, outputs: 1)
  }

  /// The time of a verifying pass as a multiple of the time of one row.
  package func timesOneRow(_ verification: BenchmarkSamples.Verification) -> Estimate? {
    Statistics.ratio(verification.seconds, to: samples.decode)
  }

  /// The time of a verifying pass as a multiple of the time to read the weights at the limit.
  package func timesRead(_ verification: BenchmarkSamples.Verification) -> Estimate? {
    let bytes = Double(cost.weightBytes)
    return Statistics.ratio(verification.seconds, to: samples.readRate.map { bytes / $0 })
  }

  /// The part of the int8 rate at which a verifying pass formed its products.
  package func integerShare(_ verification: BenchmarkSamples.Verification) -> Estimate? {
    integerShare(verification.seconds, rows: verification.rows, outputs: verification.rows)
  }

  private func integerShare(_ seconds: [Double], rows: Int, outputs: Int) -> Estimate? {
    guard cost.integerShare > 0.95 else { return nil }
    let products = cost.products(rows: rows, outputs: outputs)
    return Statistics.ratio(seconds.map { products / $0 }, to: samples.int8Rate)
  }

  // MARK: Sections

  /// Tables and figures of everything that was measured.
  package func sections() -> [Report.Section] {
    var sections = [limits()]
    let speeds = self.speeds()
    if !speeds.measurements.isEmpty { sections.append(speeds) }
    if !samples.verifications.isEmpty { sections.append(verifications()) }
    if !samples.choosing.isEmpty { sections.append(choosing()) }
    return sections
  }

  private func limits() -> Report.Section {
    var measurements: [Measurement] = []
    func add(_ name: String, _ samples: [Double], _ factor: Double, _ unit: String) {
      guard let estimate = Statistics.estimate(samples) else { return }
      measurements.append(Measurement(name, estimate.scaled(by: factor), unit: unit))
    }
    add("memory, read", samples.readRate, 1e-9, "GB/s")
    add("int8 multiply-adds", samples.int8Rate, 1e-12, "T/s")
    add("fork and join, no work", samples.forkJoin, 1e6, "µs")
    add("fork and join, every thread there", samples.meeting, 1e6, "µs")
    var table = Table([
      .words("limit"), .figures("median"), .figures("interval"), .words("unit"),
    ])
    for measurement in measurements {
      table.append([
        measurement.name, Figures.text(measurement.value), Figures.text(measurement.interval),
        measurement.unit,
      ])
    }
    return Report.Section("Limits, \(place)", table: table, measurements: measurements)
  }

  private func speeds() -> Report.Section {
    var section = Report.Section(
      "Speed, \(place)",
      table: Table([
        .words("what"), .figures("tok/s"), .figures("interval"), .figures("limit"),
        .figures("share"), .figures("interval"), .words("of"),
      ]), measurements: [])
    func add(_ name: String, _ rates: [Double], share: Estimate?, of limit: String) {
      guard let rate = Statistics.estimate(rates) else { return }
      let ceiling = share.flatMap { $0.value > 0 ? rate.value / $0.value : nil }
      section.measurements.append(Measurement(name, rate, unit: "tok/s", ceiling: ceiling))
      section.table.append([
        name, Figures.text(rate.value), Figures.text(rate.interval),
        ceiling.map(Figures.text) ?? "–", share.map { Figures.percent($0.value) } ?? "–",
        Figures.text(share?.scaled(by: 100).interval), limit,
      ])
      guard let share else { return }
      section.measurements.append(
        Measurement(
          "\(name), share of the \(limit)", share.scaled(by: 100), unit: "%", ceiling: 100))
    }
    if settings.topics.contains(.decode) {
      add(
        "decode at \(settings.contextLength)", samples.decode.map { 1 / $0 }, share: decodeShare,
        of: "read limit")
    }
    for prefill in samples.prefills {
      add(
        "prefill \(prefill.length)", prefill.seconds.map { Double(prefill.length) / $0 },
        share: prefillShare(prefill), of: "int8 rate")
    }
    return section
  }

  private func verifications() -> Report.Section {
    var table = Table([
      .figures("rows"), .words("as"), .figures("ms"), .figures("rows/s"), .figures("÷ one row"),
      .figures("interval"), .figures("÷ reading weights"), .figures("of int8"),
    ])
    var measurements: [Measurement] = []
    for verification in samples.verifications {
      guard let time = Statistics.estimate(verification.seconds),
        let one = timesOneRow(verification), let read = timesRead(verification)
      else { continue }
      let share = integerShare(verification)
      let name = "verify \(verification.rows) as a \(verification.shape.rawValue)"
      table.append([
        "\(verification.rows)", verification.shape.rawValue, Figures.text(time.value * 1e3),
        Figures.text(Double(verification.rows) / time.value), Figures.text(one.value),
        Figures.text(one.interval), Figures.text(read.value),
        share.map { Figures.percent($0.value) } ?? "–",
      ])
      measurements += [
        Measurement(name, time.scaled(by: 1e3), unit: "ms"),
        Measurement("\(name), in times of one row", one, floor: 1),
        Measurement("\(name), in times of reading the weights", read, floor: 1),
      ]
      if let share {
        measurements.append(
          Measurement(
            "\(name), share of the int8 rate", share.scaled(by: 100), unit: "%", ceiling: 100))
      }
    }
    return Report.Section(
      "Rows of one pass behind \(settings.contextLength) tokens, \(place)", table: table,
      measurements: measurements)
  }

  private func choosing() -> Report.Section {
    var table = Table([
      .words("choosing a token"), .figures("µs"), .figures("interval"), .figures("of decoding it"),
      .figures("interval"),
    ])
    var measurements: [Measurement] = []
    for way in samples.choosing {
      guard let time = Statistics.estimate(way.seconds),
        let share = Statistics.ratio(way.seconds, to: samples.decode)
      else { continue }
      table.append([
        way.name, Figures.text(time.value * 1e6), Figures.text(time.scaled(by: 1e6).interval),
        "\(Figures.text(share.value * 100)) %", Figures.text(share.scaled(by: 100).interval),
      ])
      measurements += [
        Measurement("choosing, \(way.name)", time.scaled(by: 1e6), unit: "µs"),
        Measurement(
          "choosing, \(way.name), share of decoding", share.scaled(by: 100), unit: "%"),
      ]
    }
    return Report.Section("Choosing, one thread", table: table, measurements: measurements)
  }

  // MARK: Notes

  /// What a reader must know to judge the figures.
  package func notes() -> [String] {
    var notes: [String] = []
    if cost.integerShare <= 0.95 {
      notes.append("the weights are stored as floats: the int8 rate is no limit for them")
    }
    let shares =
      [decodeShare] + samples.prefills.map(prefillShare) + samples.verifications.map(integerShare)
    if shares.contains(where: { ($0?.interval?.lower ?? $0?.value ?? 0) > 1 }) {
      notes.append(
        "a share above 100 %: that limit was measured wrongly, because something else ran or "
          + "because a cache holds part of what was read")
    }
    if settings.repetitions < 6 {
      notes.append(
        "\(settings.repetitions) repetitions are too few for a 95 % interval: intervals are the "
          + "whole range; run without --quick for figures to quote")
    }
    return notes
  }
}
