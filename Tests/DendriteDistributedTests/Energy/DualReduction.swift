// SPDX-License-Identifier: Apache-2.0
import DendriteDistributed

/// The energy of one query over some keys, with its derivatives by the source: the dual that travels between ranks.
typealias EnergyDual = Dual<Double>

/// The engine's order of reduction, for duals: blocks fold into sixteen classes, classes merge in a tree, ranks go on.
enum DualReduction {
  static let positions = 64
  static let classes = 16

  /// Folds a rank's blocks class by class, each in order, and merges the classes c with c + 8, c + 4, c + 2, c + 1.
  ///
  /// - Returns: `nil` if the rank holds no key.
  static func own(
    keys count: Int, rank: Int, of ranks: Int, term: (Int) -> EnergyDual
  ) -> EnergyDual? {
    var states = [EnergyDual?](repeating: nil, count: classes)
    for block in 0..<(count + positions - 1) / positions where block % ranks == rank {
      for key in block * positions..<min(count, (block + 1) * positions) {
        states[block % classes] = merged(states[block % classes], term(key))
      }
    }
    var half = classes / 2
    while half > 0 {
      for index in 0..<half { states[index] = merged(states[index], states[index + half]) }
      half /= 2
    }
    return states[0]
  }

  /// Log-add-exp, where nothing is the energy −∞.
  static func merged(_ left: EnergyDual?, _ right: EnergyDual?) -> EnergyDual? {
    guard let left, let right else { return left ?? right }
    return logAddExp(left, right)
  }

  /// Recursive doubling over ranks, from the highest bit of their numbers to the lowest.
  static func reduce(
    _ own: EnergyDual?, dimensions: Int, over communicator: any Communicator
  ) throws -> EnergyDual? {
    var state = own
    var bit = communicator.rankCount / 2
    while bit > 0 {
      let energy: Double = state?.value ?? -.infinity
      let outgoing = [energy] + (state?.gradient ?? Array(repeating: 0, count: dimensions))
      var incoming = [Double](repeating: 0, count: dimensions + 1)
      try outgoing.withUnsafeBytes { sending in
        try incoming.withUnsafeMutableBytes {
          try communicator.exchange(
            with: communicator.rank ^ bit, sending: sending, receiving: $0)
        }
      }
      let arrived =
        incoming[0] == -.infinity
        ? nil : EnergyDual(incoming[0], gradient: Array(incoming.dropFirst()))
      state = merged(state, arrived)
      bit /= 2
    }
    return state
  }
}

/// Passes calls on and remembers with whom bytes were exchanged.
final class RecordingCommunicator: Communicator, @unchecked Sendable {
  // Sendable: one thread at a time calls it.
  private let base: any Communicator
  private(set) var partners: [Int] = []

  init(_ base: any Communicator) { self.base = base }

  var rank: Int { base.rank }
  var rankCount: Int { base.rankCount }
  var traffic: Traffic { base.traffic }

  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    partners.append(partner)
    try base.exchange(with: partner, sending: sending, receiving: receiving)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError) {
    try base.send(bytes, to: rank)
  }

  func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
  ) throws(DistributedError) -> Int {
    try base.receive(into: buffer, from: rank, patience: patience)
  }

  func fail(_ reason: String) { base.fail(reason) }
}
