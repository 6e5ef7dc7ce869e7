// SPDX-License-Identifier: Apache-2.0

/// What a way between two ranks costs: a message of n bytes takes latency + n / bandwidth.
package struct LinkProfile: Sendable, Hashable {
  /// Seconds until the first byte arrives, software included.
  package var latency: Double
  /// Bytes a second, each way.
  package var bandwidth: Double
  /// Where the figures come from.
  package var origin: Origin

  /// Where a parameter comes from.
  package enum Origin: String, Sendable, Hashable, CaseIterable {
    /// Somebody's publication or data sheet.
    case published
    /// Chosen so that formulas reproduce published times.
    case fitted
    /// A plausible figure: measure before you rely on it.
    case assumed
    /// Timed on the machine itself.
    case measured
  }

  /// A link.
  package init(latency: Double, bandwidth: Double, origin: Origin) {
    self.latency = latency
    self.bandwidth = bandwidth
    self.origin = origin
  }

  /// Seconds of a message.
  package func time(_ bytes: Double) -> Double { latency + bytes / bandwidth }

  /// Checks that time goes forward on it.
  ///
  /// - Parameter name: what to call it in the error.
  /// - Throws: `badSetting` for a latency below 0 or a bandwidth that is not above 0.
  package func validate(as name: String) throws(DistributedError) {
    guard latency.isFinite, latency >= 0, latency <= 10 else {
      throw DistributedError(
        .badSetting, "the latency of \(name) is \(latency) s, expected 0 … 10 s",
        remedy: "give latencies in seconds")
    }
    guard bandwidth.isFinite, bandwidth > 0 else {
      throw DistributedError(
        .badSetting, "the bandwidth of \(name) is \(bandwidth) bytes/s, expected more than 0",
        remedy: "give bandwidths in bytes per second")
    }
  }

  /// Links between nodes that plans know by name.
  ///
  /// - Source: Tree Attention's specification of machines for simulation; to be replaced by measurements.
  package static let named: [(name: String, link: LinkProfile)] = [
    ("1gbe", LinkProfile(latency: 50e-6, bandwidth: 0.117e9, origin: .assumed)),
    ("10gbe", LinkProfile(latency: 35e-6, bandwidth: 1.1e9, origin: .assumed)),
    ("100gbe", LinkProfile(latency: 3e-6, bandwidth: 11e9, origin: .assumed)),
    ("ndr", LinkProfile(latency: 15e-6, bandwidth: 45e9, origin: .fitted)),
  ]
}
