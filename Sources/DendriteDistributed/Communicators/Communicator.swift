// SPDX-License-Identifier: Apache-2.0

/// Ranks that pass bytes to each other: all that sharded attention asks of a transport.
///
/// Existing engines carry the bytes; what is merged with what, and in which order, is decided here, so that it is
/// the same on every transport and every number of ranks. Ranks number 0 ..< `rankCount`; rank 0 decides, the others
/// follow.
///
/// - Threads: one thread of a rank at a time calls its communicator.
/// - Time: a call that waits for another rank longer than the communicator's deadline throws `rankStalled`, and the
///   group has failed: every later call of every rank throws. Nothing hangs because a rank died, stopped or lost its way.
/// - Memory: `exchange` and `send` allocate nothing once a message of that size has passed.
public protocol Communicator: AnyObject, Sendable {
  /// This rank's number.
  var rank: Int { get }
  /// The number of ranks.
  var rankCount: Int { get }
  /// What this rank has sent so far.
  var traffic: Traffic { get }

  /// Sends bytes to a rank and receives equally many from it, which calls `exchange` with this one.
  ///
  /// On return both buffers belong to the caller again.
  ///
  /// - Parameters:
  ///   - partner: another rank.
  ///   - sending: what the partner receives.
  ///   - receiving: where the partner's bytes go; as long as `sending`, and apart from it.
  /// - Throws: `rankStalled`, `rankLost`; `badMessage` if the partner sent another number of bytes.
  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(DistributedError)

  /// Sends a message; returns as soon as the bytes may be reused, which may be before they arrive.
  ///
  /// - Throws: `rankStalled`, `rankLost`.
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError)

  /// Waits for the next message of a rank.
  ///
  /// - Parameters:
  ///   - buffer: where it goes.
  ///   - rank: whose message.
  ///   - patience: seconds to wait, instead of the communicator's deadline.
  /// - Returns: the number of bytes.
  /// - Throws: `rankStalled`, `rankLost`; `badMessage` if it is longer than the buffer.
  func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
  ) throws(DistributedError) -> Int

  /// Ends the group: every call of every rank throws from now on, with these words.
  func fail(_ reason: String)
}

/// Messages and bytes that a rank has sent, for the accounts that tests and benchmarks keep.
public struct Traffic: Sendable, Hashable {
  /// Messages of `exchange`.
  public var exchanges = 0
  /// Bytes of `exchange`.
  public var exchangedBytes = 0
  /// Messages of `send`.
  public var messages = 0
  /// Bytes of `send`.
  public var messageBytes = 0

  /// An empty account.
  public init() {}
}

extension Communicator {
  /// Waits for the next message of a rank, as long as the communicator allows.
  ///
  /// - Parameters:
  ///   - buffer: where it goes.
  ///   - rank: whose message.
  /// - Returns: the number of bytes.
  /// - Throws: as `receive(into:from:patience:)`.
  public func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int
  ) throws(DistributedError) -> Int {
    try receive(into: buffer, from: rank, patience: nil)
  }

  /// Passes a message from rank 0 on to all ranks, along a binomial tree: every rank but 0 receives it once.
  ///
  /// - Parameters:
  ///   - buffer: the message on rank 0; room for it on the others.
  ///   - count: its bytes on rank 0; ignored on the others.
  ///   - patience: seconds that a rank waits for it.
  /// - Returns: the number of bytes.
  /// - Throws: as `send` and `receive`.
  /// - Complexity: ⌈log₂ ranks⌉ rounds.
  public func broadcast(
    _ buffer: UnsafeMutableRawBufferPointer, count: Int, patience: Double? = nil
  ) throws(DistributedError) -> Int {
    var count = count
    // The parent of a rank lacks its highest bit.
    var bit = 1
    while bit * 2 <= rank { bit *= 2 }
    if rank > 0 {
      count = try receive(into: buffer, from: rank - bit, patience: patience)
      bit *= 2
    }
    while rank + bit < rankCount {
      try send(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: rank + bit)
      bit *= 2
    }
    return count
  }
}
