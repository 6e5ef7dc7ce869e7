// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
package import DendriteDistributed
package import DendriteReport

/// The report of `dendrite lab probe`.
package enum ProbeReport {
  /// Puts samples beside each other.
  ///
  /// - Parameters:
  ///   - findings: the samples.
  ///   - profile: what was made of them.
  /// - Returns: two tables of medians.
  package static func make(
    _ findings: ClusterProbe.Findings, profile: MachineProfile
  ) -> Report {
    var rates: [Measurement] = []
    func add(_ name: String, _ samples: [Double], unit: String, scale: Double) {
      guard let estimate = Statistics.estimate(samples) else { return }
      rates.append(Measurement(name, estimate.scaled(by: scale), unit: unit))
    }
    add("memory, read", findings.reads, unit: "GB/s", scale: 1e-9)
    add("states merged by a thread", findings.merges, unit: "GB/s", scale: 1e-9)
    var exchanges: [Measurement] = []
    for exchange in findings.exchanges {
      guard let estimate = Statistics.estimate(exchange.seconds) else { continue }
      exchanges.append(
        Measurement(
          "exchange of \(exchange.bytes / 1024) KB", estimate.scaled(by: 1e6), unit: "µs"))
    }
    return Report(
      "lab probe",
      facts: [
        .init("machine", profile.summary),
        .init("ranks on it", "\(profile.ranksPerNode)"),
        .init("a rank reads", "\(Figures.text(profile.readBandwidth / 1e9)) GB/s"),
        .init(
          "between its ranks",
          "\(Figures.text(profile.inside.latency * 1e6)) µs, "
            + "\(Figures.text(profile.inside.bandwidth / 1e9)) GB/s"),
      ],
      sections: [
        Report.Section("Rates", rates),
        Report.Section("Two ranks that are threads of one process", exchanges),
      ],
      notes: [
        "Medians with the interval that holds them with 95 % confidence. Latency and bandwidth between ranks are a line "
          + "through the times. What lies between machines is not measured here: name it with `plan cluster --link`."
      ])
  }
}
