// SPDX-License-Identifier: Apache-2.0

/// A cluster as the cost model sees it: how fast a rank reads its cache, and what lies between ranks.
package struct MachineProfile: Sendable, Hashable {
  /// How the partial states of all ranks meet in one exchange.
  package enum ExchangeStyle: String, Sendable, Hashable, CaseIterable {
    /// What `TreeReduction` does: swap with one rank a round, log₂(ranks) rounds.
    case doubling
    /// Reduce inside each node, double between nodes, spread inside each node.
    case twoLevel
    /// An all-reduce of NCCL in its tree form, whose constants are its own.
    case nccl
  }

  /// What it is called.
  package var name: String
  /// What it is, in words.
  package var summary: String
  /// Bytes a second that one rank reads from memory, all its threads together.
  package var readBandwidth: Double
  /// Where that figure comes from.
  package var readOrigin: LinkProfile.Origin
  /// Ranks that share a node.
  package var ranksPerNode: Int
  /// Between ranks of a node.
  package var inside: LinkProfile
  /// Between nodes; `nil` for a machine that is one node.
  package var between: LinkProfile?
  /// How partial states meet.
  package var style: ExchangeStyle
  /// Bytes of states a second that a rank merges.
  package var mergeRate: Double
  /// Seconds that starting attention takes in a layer, however short the context.
  package var kernelOverhead: Double

  /// Describes a cluster.
  package init(
    _ name: String, summary: String, readBandwidth: Double, readOrigin: LinkProfile.Origin,
    ranksPerNode: Int, inside: LinkProfile, between: LinkProfile?, style: ExchangeStyle,
    mergeRate: Double, kernelOverhead: Double
  ) {
    self.name = name
    self.summary = summary
    self.readBandwidth = readBandwidth
    self.readOrigin = readOrigin
    self.ranksPerNode = ranksPerNode
    self.inside = inside
    self.between = between
    self.style = style
    self.mergeRate = mergeRate
    self.kernelOverhead = kernelOverhead
  }

  /// Checks every parameter.
  ///
  /// - Throws: `badSetting`, naming the first that cannot be.
  package func validate() throws(DistributedError) {
    let rates = [("read bandwidth", readBandwidth), ("merge rate", mergeRate)]
    for (what, rate) in rates where !(rate > 0 && rate.isFinite) {
      throw DistributedError(
        .badSetting, "the \(what) of profile '\(name)' is \(rate) bytes/s, expected more than 0",
        remedy: "give rates in bytes per second")
    }
    guard (1...4096).contains(ranksPerNode) else {
      throw DistributedError(
        .badSetting, "profile '\(name)' has \(ranksPerNode) ranks on a node, expected 1 … 4096",
        remedy: "give the ranks that share a node's memory")
    }
    guard kernelOverhead.isFinite, kernelOverhead >= 0 else {
      throw DistributedError(
        .badSetting,
        "the kernel overhead of profile '\(name)' is \(kernelOverhead) s, expected 0 or more",
        remedy: "give it in seconds")
    }
    try inside.validate(as: "the link inside a node")
    try between?.validate(as: "the link between nodes")
  }

  /// The same cluster with Dendrite's own exchange, unless its accelerators have one of theirs.
  package var asDendriteExchanges: MachineProfile {
    var profile = self
    if style == .twoLevel { profile.style = .doubling }
    return profile
  }

  /// The slowest link that a group of ranks uses.
  ///
  /// - Throws: `badSetting` if they do not fit on a node and nothing is known about the way to the next.
  func slowestLink(ranks: Int) throws(DistributedError) -> LinkProfile {
    guard ranks > ranksPerNode else { return inside }
    guard let between else {
      throw DistributedError(
        .badSetting,
        "\(ranks) ranks, but profile '\(name)' is one node of \(ranksPerNode) and names no link between nodes",
        remedy: "plan for at most \(ranksPerNode) ranks, or name a link between nodes")
    }
    return between
  }
}

// MARK: - The table

extension MachineProfile {
  /// Every profile that plans know by name.
  package static let all: [MachineProfile] = [cpu10GbE, cpu100GbE, h100, rtx4090, mi300x]

  /// The profile of this name, whatever the case of its letters.
  package init?(named name: String) {
    guard let profile = MachineProfile.all.first(where: { $0.name == name.lowercased() }) else {
      return nil
    }
    self = profile
  }

  /// Processors with eight channels of DDR5, one rank a socket, two sockets a node, 10-gigabit Ethernet over TCP.
  ///
  /// - Source: assumed in the specification; the merge rate is fitted to its table of break-even contexts.
  package static let cpu10GbE = MachineProfile(
    "cpu-10gbe", summary: "processors with 8 × DDR5, one rank a socket",
    readBandwidth: 240e9, readOrigin: .assumed, ranksPerNode: 2,
    inside: LinkProfile(latency: 1e-6, bandwidth: 20e9, origin: .assumed),
    between: LinkProfile(latency: 35e-6, bandwidth: 1.1e9, origin: .assumed), style: .twoLevel,
    mergeRate: 16e9, kernelOverhead: 0)

  /// The same nodes behind 100-gigabit Ethernet with remote direct memory access.
  ///
  /// - Source: assumed; kernel-bypass MPI over 40 GbE was published at 1.93 µs.
  package static let cpu100GbE = MachineProfile(
    "cpu-100gbe", summary: "processors with 8 × DDR5, one rank a socket",
    readBandwidth: 240e9, readOrigin: .assumed, ranksPerNode: 2,
    inside: LinkProfile(latency: 1e-6, bandwidth: 20e9, origin: .assumed),
    between: LinkProfile(latency: 3e-6, bandwidth: 11e9, origin: .assumed), style: .twoLevel,
    mergeRate: 16e9, kernelOverhead: 0)

  /// A DGX with eight H100, NVLink 4 inside, NDR between nodes.
  ///
  /// - Source: link speeds from Tree Attention (arXiv:2408.04093) §6, of which 80 and 90 % are assumed usable; latencies of a
  ///   step between two ranks fitted to times of the specification's pure model.
  package static let h100 = MachineProfile(
    "h100", summary: "H100, eight a node over NVLink 4", readBandwidth: 0.8 * 3.35e12,
    readOrigin: .published, ranksPerNode: 8,
    inside: LinkProfile(latency: 15e-6, bandwidth: 360e9, origin: .published),
    between: LinkProfile(latency: 15e-6, bandwidth: 45e9, origin: .published), style: .nccl,
    mergeRate: 2e12, kernelOverhead: 10e-6)

  /// Consumer cards on PCI Express without direct access to each other.
  ///
  /// - Source: bandwidth fitted to the paper's Table 2, latencies assumed.
  package static let rtx4090 = MachineProfile(
    "4090", summary: "RTX 4090 over PCIe without peer access", readBandwidth: 0.8 * 1.0e12,
    readOrigin: .published, ranksPerNode: 8,
    inside: LinkProfile(latency: 12e-6, bandwidth: 4.3e9, origin: .fitted),
    between: LinkProfile(latency: 30e-6, bandwidth: 1.1e9, origin: .assumed), style: .twoLevel,
    mergeRate: 0.5e12, kernelOverhead: 10e-6)

  /// Four to eight MI300X of one node, a ring of Infinity Fabric.
  ///
  /// - Source: bandwidth fitted to the paper's Table 1, latency assumed.
  package static let mi300x = MachineProfile(
    "mi300x", summary: "MI300X, a ring of Infinity Fabric, one node", readBandwidth: 0.8 * 5.3e12,
    readOrigin: .published, ranksPerNode: 8,
    inside: LinkProfile(latency: 15e-6, bandwidth: 45.5e9, origin: .fitted), between: nil,
    style: .twoLevel, mergeRate: 2e12, kernelOverhead: 10e-6)
}
