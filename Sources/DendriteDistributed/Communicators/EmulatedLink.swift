// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// A communicator whose messages take as long as they would on a slower link: latency + bytes / bandwidth.
///
/// For seeing on one machine what a network would do to it. What is timed through it is *emulated*, and every figure must say
/// so. It delays, and nothing else: bytes, their order and the results are those of the communicator underneath.
///
/// A message leaves when the one before it to the same rank has left, and is handed over when its last byte would have
/// arrived; both directions of a link work at once. What lies underneath must be faster than what is emulated.
///
/// - Threads: as for any communicator. All ranks must share one machine, whose clock stamps the messages.
package final class EmulatedLink: Communicator, @unchecked Sendable {
  // Sendable: one thread at a time calls it; `fail` goes straight on.
  private let base: any Communicator
  private let inside: LinkProfile
  private let between: LinkProfile
  private let ranksPerNode: Int
  /// When the way to each rank is free again, in seconds of the clock.
  private var free: [Double]
  private var scratch: UnsafeMutableRawBufferPointer?
  private var sent = Traffic()

  /// Delays the messages of a communicator.
  ///
  /// - Parameters:
  ///   - base: what carries them.
  ///   - link: between ranks of different nodes.
  ///   - inside: between ranks of a node; as fast as `base` if left out.
  ///   - ranksPerNode: ranks 0 ..< `ranksPerNode` are the first node, and so on.
  /// - Throws: `badSetting` for a link that cannot be.
  package init(
    _ base: any Communicator, link: LinkProfile, inside: LinkProfile? = nil, ranksPerNode: Int = 1
  ) throws(DistributedError) {
    let inside = inside ?? LinkProfile(latency: 0, bandwidth: 1e15, origin: .assumed)
    try link.validate(as: "the emulated link")
    try inside.validate(as: "the emulated link inside a node")
    guard ranksPerNode > 0 else {
      throw DistributedError(
        .badSetting, "\(ranksPerNode) ranks on an emulated node, expected 1 or more",
        remedy: "leave it out for one rank a node")
    }
    self.base = base
    self.inside = inside
    self.ranksPerNode = ranksPerNode
    between = link
    free = Array(repeating: 0, count: base.rankCount)
  }

  deinit { scratch?.deallocate() }

  /// The rank underneath.
  package var rank: Int { base.rank }
  /// The ranks underneath.
  package var rankCount: Int { base.rankCount }
  /// The caller's messages and bytes; what the emulation adds does not count.
  package var traffic: Traffic { sent }

  /// As `Communicator` says; returns when both messages would have arrived.
  package func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    let own = departure(to: partner, bytes: sending.count)
    var stamp = own
    var other = 0.0
    // The times travel first; the bytes follow while the clock runs.
    do {
      try withUnsafeBytes(of: &stamp) { (stamp) throws(DistributedError) in
        try withUnsafeMutableBytes(of: &other) { (other) throws(DistributedError) in
          try base.exchange(with: partner, sending: stamp, receiving: other)
        }
      }
    }
    try base.exchange(with: partner, sending: sending, receiving: receiving)
    wait(until: max(own, other))
    sent.exchanges += 1
    sent.exchangedBytes += sending.count
  }

  /// As `Communicator` says.
  package func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError) {
    let message = room(for: bytes.count + 8)
    message.storeBytes(of: departure(to: rank, bytes: bytes.count), as: Double.self)
    UnsafeMutableRawBufferPointer(rebasing: message[8...]).copyMemory(from: bytes)
    try base.send(UnsafeRawBufferPointer(rebasing: message[..<(bytes.count + 8)]), to: rank)
    sent.messages += 1
    sent.messageBytes += bytes.count
  }

  /// As `Communicator` says.
  package func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
  ) throws(DistributedError) -> Int {
    let message = room(for: buffer.count + 8)
    let count = try base.receive(
      into: UnsafeMutableRawBufferPointer(rebasing: message[..<(buffer.count + 8)]), from: rank,
      patience: patience)
    guard count >= 8 else {
      fail("rank \(rank) sent \(count) bytes past the emulated link of rank \(self.rank)")
      throw DistributedError(
        .badMessage, "rank \(rank) sent \(count) bytes, expected a time and a message",
        remedy: "emulate the link on all ranks or on none")
    }
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: message[8..<count]))
    wait(until: message.load(as: Double.self))
    return count - 8
  }

  /// As `Communicator` says.
  package func fail(_ reason: String) { base.fail(reason) }

  // MARK: Time

  /// Puts a message on the way to a rank; returns when it will be there.
  private func departure(to partner: Int, bytes: Int) -> Double {
    let link = rank / ranksPerNode == partner / ranksPerNode ? inside : between
    let start = max(Clock.seconds(), free[partner])
    let gone = start + Double(bytes) / link.bandwidth
    free[partner] = gone
    return gone + link.latency
  }

  /// Parks until shortly before a moment, then looks at the clock until it has come.
  private func wait(until moment: Double) {
    // A nonsensical stamp must not stop a rank for good.
    let moment = min(moment, Clock.seconds() + 3600)
    let rest = moment - Clock.seconds()
    if rest > 2 * Self.margin {
      _ = Gate().wait(atMost: rest - Self.margin) { false }
    }
    while Clock.seconds() < moment { Clock.giveWay() }
  }

  /// What waking up may take, in seconds.
  private static let margin = 100e-6

  private func room(for bytes: Int) -> UnsafeMutableRawBufferPointer {
    if let scratch, scratch.count >= bytes { return scratch }
    scratch?.deallocate()
    let made = UnsafeMutableRawBufferPointer.allocate(byteCount: max(4096, bytes), alignment: 64)
    scratch = made
    return made
  }
}
