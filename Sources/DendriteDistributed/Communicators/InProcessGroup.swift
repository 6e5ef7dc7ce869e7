// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import Synchronization

/// Ranks that are threads of one process: for tests, for NUMA domains, and to read before the others.
///
/// ```swift
/// let group = try InProcessGroup(rankCount: 4)
/// let leader = group.communicators[0]
/// ```
public final class InProcessGroup: Sendable {
  /// One communicator for each rank.
  public let communicators: [any Communicator]

  /// Makes a group.
  ///
  /// - Parameters:
  ///   - rankCount: 1 or more.
  ///   - threadsPerRank: threads that compute on each rank; ranks look for each other before they sleep only if all
  ///     of them have a core.
  ///   - deadline: seconds that a rank waits for another.
  /// - Throws: `badGroup` if there would be no rank.
  public init(
    rankCount: Int, threadsPerRank: Int = 1, deadline: Double = 10
  ) throws(DistributedError) {
    guard (1...1024).contains(rankCount) else {
      throw DistributedError(
        .badGroup, "\(rankCount) ranks, expected 1 … 1024", remedy: "start at least one rank")
    }
    let fate = GroupFate()
    let spins = rankCount * threadsPerRank <= AvailableCores.count()
    let channels = (0..<rankCount * rankCount).map { _ in Channel(spins: spins) }
    fate.channels = channels
    communicators = (0..<rankCount).map {
      InProcessCommunicator(
        rank: $0, rankCount: rankCount, channels: channels, fate: fate, deadline: deadline)
    }
  }
}

/// Why a group has ended, if it has.
private final class GroupFate: @unchecked Sendable {
  // Sendable: `reason` is touched under the gate's lock; `channels` is set once, before anybody shares it.
  private let gate = Gate()
  private var reason: String?
  var channels: [Channel] = []

  var failure: String? {
    var found: String?
    gate.signal { found = reason }
    return found
  }

  func fail(_ words: String) {
    gate.signal { if reason == nil { reason = words } }
    for channel in channels { channel.breakOff() }
  }
}

/// The way from one rank to another: room for one message at a time.
///
/// Who waits looks for some microseconds, if there is a core for every rank, and then sleeps.
private final class Channel: Sendable {
  enum Outcome { case done, failed, late }

  /// Whether bytes lie here that were not taken yet.
  ///
  /// The sender owns `message` while it is false, the receiver while it
  /// is true.
  private let isFull = Atomic(false)
  private let isBroken = Atomic(false)
  private let sleepers = Atomic(0)
  private let gate = Gate()
  private let spins: Bool
  private let message = Message()

  /// What lies in a channel.
  private final class Message: @unchecked Sendable {
    // Sendable: handed over by `isFull`.
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    var copy = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    deinit { copy.deallocate() }
  }

  init(spins: Bool) { self.spins = spins }

  /// Ends all waiting.
  func breakOff() {
    isBroken.store(true, ordering: .sequentiallyConsistent)
    gate.signal()
  }

  private func wait(until full: Bool, atMost seconds: Double) -> Outcome {
    if spins {
      for _ in 0..<Channel.looks {
        if isBroken.load(ordering: .acquiring) { return .failed }
        if isFull.load(ordering: .acquiring) == full { return .done }
        Clock.pause()
      }
    }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    var isOver = false
    let held = gate.wait(atMost: seconds) {
      isOver = isBroken.load(ordering: .sequentiallyConsistent)
      return isOver || isFull.load(ordering: .sequentiallyConsistent) == full
    }
    return isOver ? .failed : held ? .done : .late
  }

  /// About twenty microseconds of looking.
  private static let looks = 500

  private func set(full: Bool) {
    isFull.store(full, ordering: .sequentiallyConsistent)
    // A sleeper counts itself before it looks for the last time, so one of the two sees the other.
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { gate.signal() }
  }

  /// Shows bytes to the other side, which stay the caller's until `waitUntilTaken`.
  func publish(_ bytes: UnsafeRawBufferPointer, atMost seconds: Double) -> Outcome {
    let outcome = wait(until: false, atMost: seconds)
    guard outcome == .done else { return outcome }
    message.bytes = bytes
    set(full: true)
    return .done
  }

  /// Leaves a copy of the bytes for the other side.
  func post(_ bytes: UnsafeRawBufferPointer, atMost seconds: Double) -> Outcome {
    let outcome = wait(until: false, atMost: seconds)
    guard outcome == .done else { return outcome }
    if message.copy.count < bytes.count {
      message.copy.deallocate()
      message.copy = .allocate(byteCount: max(4096, bytes.count), alignment: 64)
    }
    message.copy.copyMemory(from: bytes)
    message.bytes = UnsafeRawBufferPointer(rebasing: message.copy[..<bytes.count])
    set(full: true)
    return .done
  }

  func waitUntilTaken(atMost seconds: Double) -> Outcome { wait(until: false, atMost: seconds) }

  /// Takes what was published; `count` is its length even if the buffer is too short for it.
  func take(
    into buffer: UnsafeMutableRawBufferPointer, atMost seconds: Double
  ) -> (outcome: Outcome, count: Int) {
    let outcome = wait(until: true, atMost: seconds)
    guard outcome == .done else { return (outcome, 0) }
    let count = message.bytes.count
    if count <= buffer.count { buffer.copyMemory(from: message.bytes) }
    set(full: false)
    return (.done, count)
  }
}

private final class InProcessCommunicator: Communicator, @unchecked Sendable {
  // Sendable: one thread at a time calls it; `fail` touches only the shared fate.
  let rank: Int
  let rankCount: Int
  private let channels: [Channel]
  private let fate: GroupFate
  private let deadline: Double
  private(set) var traffic = Traffic()

  init(rank: Int, rankCount: Int, channels: [Channel], fate: GroupFate, deadline: Double) {
    self.rank = rank
    self.rankCount = rankCount
    self.channels = channels
    self.fate = fate
    self.deadline = deadline
  }

  func fail(_ reason: String) { fate.fail(reason) }

  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(DistributedError) {
    let outgoing = channel(to: partner)
    let incoming = channel(from: partner)
    try check(outgoing.publish(sending, atMost: deadline), partner)
    let taken = incoming.take(into: receiving, atMost: deadline)
    try check(taken.outcome, partner)
    try checkLength(taken.count, expected: sending.count, partner)
    try check(outgoing.waitUntilTaken(atMost: deadline), partner)
    traffic.exchanges += 1
    traffic.exchangedBytes += sending.count
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws(DistributedError) {
    try check(channel(to: rank).post(bytes, atMost: deadline), rank)
    traffic.messages += 1
    traffic.messageBytes += bytes.count
  }

  func receive(
    into buffer: UnsafeMutableRawBufferPointer, from rank: Int, patience: Double?
  ) throws(DistributedError) -> Int {
    let taken = channel(from: rank).take(into: buffer, atMost: patience ?? deadline)
    try check(taken.outcome, rank, patience)
    if taken.count > buffer.count { try checkLength(taken.count, expected: buffer.count, rank) }
    return taken.count
  }

  private func channel(to partner: Int) -> Channel { channels[rank * rankCount + partner] }
  private func channel(from partner: Int) -> Channel { channels[partner * rankCount + rank] }

  private func check(
    _ outcome: Channel.Outcome, _ partner: Int, _ patience: Double? = nil
  ) throws(DistributedError) {
    let seconds = patience ?? deadline
    switch outcome {
    case .done: return
    case .failed: throw lost()
    case .late:
      fail("rank \(rank) waited \(seconds) s for rank \(partner)")
      throw DistributedError(
        .rankStalled, "rank \(rank) waited \(seconds) s for rank \(partner)",
        remedy: "see what rank \(partner) is doing; a longer deadline helps if it is only slow")
    }
  }

  private func checkLength(_ count: Int, expected: Int, _ partner: Int) throws(DistributedError) {
    guard count != expected else { return }
    fail("rank \(partner) sent \(count) bytes to rank \(rank), which expected \(expected)")
    throw DistributedError(
      .badMessage, "rank \(partner) sent \(count) bytes to rank \(rank), expected \(expected)",
      remedy: "start all ranks with the same program, model and options")
  }

  private func lost() -> DistributedError {
    DistributedError(
      .rankLost, "the group of ranks has ended: \(fate.failure ?? "a rank left")",
      remedy: "start the ranks again")
  }
}
