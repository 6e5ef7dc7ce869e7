// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Memory that the ranks of one node share: boxes for messages, who waits for whom, and whether the group has ended.
///
/// ```text
/// page 0   fate      who says why the group ended
/// then     members   one record each: whom it waits for, its process
/// then     headers   [member][bit]: written · length of slot 0 · length of slot 1
/// then     boxes     [member][bit][2 slots][capacity]
/// ```
///
/// Every member has a box for each partner whose number differs from its own in one bit; only its owner writes to it. Two
/// slots suffice without a receipt: a rank that has received message k + 1 of its partner knows that the partner
/// ended exchange k, so that the slot of message k is free for message k + 2.
///
/// - Safety: what other processes write is checked before use: a length against the buffer, a partner against the group.
package final class NodeWindow {
  /// Numbers of the ranks on this node, ascending.
  package let members: [Int]
  private let base: UnsafeMutableRawPointer
  private let rank: Int
  private let own: Int
  /// The place among the members of every rank, -1 for ranks of other nodes.
  private let places: [Int]
  private let bits: Int
  private let capacity: Int
  // Messages so far, by bit of the partner's number.
  private var written: [Int]
  private var taken: [Int]

  private static let page = 4096
  private static let line = 128

  /// Bytes of a message that fits into a box; longer ones travel another way, and their length alone through here.
  package static let standardCapacity = 256 << 10

  /// Lays a window over memory that all members see.
  ///
  /// - Parameters:
  ///   - base: `byteCount` bytes, aligned to 64, zeroed once by `clear` before any member uses them.
  ///   - members: numbers of the ranks on this node, ascending.
  ///   - rank: this rank's number, one of them.
  ///   - rankCount: ranks of the whole group.
  ///   - capacity: bytes of a slot, a multiple of 64.
  package init(
    base: UnsafeMutableRawPointer, members: [Int], rank: Int, rankCount: Int,
    capacity: Int = standardCapacity
  ) {
    precondition(capacity % 64 == 0, "a capacity that is no multiple of 64")
    self.base = base
    self.members = members
    self.rank = rank
    self.capacity = capacity
    places = (0..<rankCount).map { members.firstIndex(of: $0) ?? -1 }
    own = max(0, places[rank])
    bits = NodeWindow.bits(rankCount)
    written = Array(repeating: 0, count: bits)
    taken = Array(repeating: 0, count: bits)
  }

  private static func bits(_ rankCount: Int) -> Int {
    max(1, Int.bitWidth - max(0, rankCount - 1).leadingZeroBitCount)
  }

  private static func frontBytes(_ members: Int, _ bits: Int) -> Int {
    let bytes = page + members * line * (1 + bits)
    return (bytes + page - 1) / page * page
  }

  /// Bytes of a window.
  package static func byteCount(members: Int, rankCount: Int, capacity: Int = standardCapacity)
    -> Int
  {
    frontBytes(members, bits(rankCount)) + members * bits(rankCount) * 2 * capacity
  }

  /// Empties the window, but not the boxes; one member calls it before any other uses the window.
  package func clear() {
    base.initializeMemory(
      as: UInt8.self, repeating: 0, count: NodeWindow.frontBytes(members.count, bits))
  }

  // MARK: Messages

  /// The bit in which a partner's number differs, if it is a member and differs in one only.
  package func bit(of partner: Int) -> Int? {
    let difference = rank ^ partner
    guard difference > 0, difference & (difference - 1) == 0, partner >= 0, partner < places.count,
      places[partner] >= 0
    else { return nil }
    return difference.trailingZeroBitCount
  }

  /// Whether a message of so many bytes fits into a box.
  package func holds(_ count: Int) -> Bool { count <= capacity }

  /// Puts a message into the box for the partner of this bit; if it does not fit, only its length.
  package func put(_ bytes: UnsafeRawBufferPointer, bit: Int) {
    let number = written[bit]
    let header = header(of: own, bit)
    if holds(bytes.count), let source = bytes.baseAddress {
      slot(of: own, bit, number).copyMemory(from: source, byteCount: bytes.count)
    }
    header.storeBytes(of: bytes.count, toByteOffset: 8 + number % 2 * 8, as: Int.self)
    written[bit] = number + 1
    atomic(header).pointee.store(number + 1, ordering: .releasing)
  }

  /// The length of the partner's next message, once it is there.
  package func nextCount(from partner: Int, bit: Int) -> Int? {
    let number = taken[bit]
    let header = header(of: index(of: partner), bit)
    guard atomic(header).pointee.load(ordering: .acquiring) > number else { return nil }
    return header.load(fromByteOffset: 8 + number % 2 * 8, as: Int.self)
  }

  /// Takes the partner's next message, whose length `nextCount` gave; copies it if it fits into a box and the buffer.
  package func take(
    into buffer: UnsafeMutableRawBufferPointer, count: Int, from partner: Int, bit: Int
  ) {
    let number = taken[bit]
    if holds(count), count <= buffer.count, let target = buffer.baseAddress {
      target.copyMemory(from: slot(of: index(of: partner), bit, number), byteCount: count)
    }
    taken[bit] = number + 1
  }

  // MARK: Who waits for whom

  /// Says which process this member is.
  package func introduce(process: Int) {
    processID(of: own).pointee.store(process, ordering: .releasing)
  }

  /// Says whom this member waits for.
  package func setPartner(_ partner: Int?) {
    atomic(record(of: own)).pointee.store((partner ?? -1) + 1, ordering: .relaxed)
  }

  /// The ranks from `partner` on of which each waits for the next; the last one waits for nobody, or outside this node.
  package func chain(from partner: Int) -> [Int] {
    var chain = [partner]
    while let member = members.firstIndex(of: chain[chain.count - 1]) {
      let next = atomic(record(of: member)).pointee.load(ordering: .relaxed) - 1
      guard next >= 0, next != rank, !chain.contains(next) else { break }
      chain.append(next)
    }
    return chain
  }

  /// The process of a member, once it has introduced itself.
  package func process(of partner: Int) -> Int? {
    guard let member = members.firstIndex(of: partner) else { return nil }
    let process = processID(of: member).pointee.load(ordering: .acquiring)
    return process > 0 ? process : nil
  }

  // MARK: Fate

  /// Claims to be the one that says why the group ends.
  ///
  /// - Returns: whether nobody has claimed it before.
  package func claimFate() -> Bool {
    atomic(base).pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiringAndReleasing)
      .exchanged
  }

  /// Whether a member has ended the group.
  package var isOver: Bool { atomic(base).pointee.load(ordering: .acquiring) != 0 }

  // MARK: Places

  private func index(of partner: Int) -> Int { max(0, places[partner]) }

  private func record(of member: Int) -> UnsafeMutableRawPointer {
    base + NodeWindow.page + member * NodeWindow.line
  }

  private func header(of member: Int, _ bit: Int) -> UnsafeMutableRawPointer {
    base + NodeWindow.page + (members.count + member * bits + bit) * NodeWindow.line
  }

  private func slot(of member: Int, _ bit: Int, _ number: Int) -> UnsafeMutableRawPointer {
    base + NodeWindow.frontBytes(members.count, bits)
      + ((member * bits + bit) * 2 + number % 2) * capacity
  }

  private func processID(of member: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    atomic(record(of: member) + 64)
  }

  /// An `Atomic<Int>` has the size and the alignment of an `Int`, and zeroed memory is one that holds 0.
  private func atomic(_ place: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<Int>> {
    place.assumingMemoryBound(to: Atomic<Int>.self)
  }
}
