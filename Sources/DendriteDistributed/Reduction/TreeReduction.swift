// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
public import DendriteModel

/// Merges the partial attention of all ranks by recursive doubling: one exchange a layer in log₂(ranks) rounds.
///
/// Round by round a rank swaps its states with the rank whose number differs in one bit, from the highest bit to the
/// lowest, and both merge. That is the tree c, c + 8, c + 4, c + 2, c + 1 of classes, cut where ranks meet; and since two
/// states merge to the same bits in either order, all ranks hold the same result after the last round, on any number of ranks.
///
/// - Complexity: log₂(ranks) messages of rows × heads × (17 + headDim) × 4 bytes a layer; no allocation once a pass of
///   that many rows has been seen.
/// - Source: Tree Attention (arXiv:2408.04093) §5.2, with (m, l, n) in one exchange in place of three all-reduces.
public final class TreeReduction: ContextSharding, @unchecked Sendable {
  // Sendable: called by the thread that runs the pass, one at a time.
  private let communicator: any Communicator
  private var outgoing: AlignedBuffer<UInt8>?
  private var incoming: AlignedBuffer<UInt8>?
  private var capacity = 0

  /// This rank's number.
  public var rank: Int { communicator.rank }
  /// The number of ranks.
  public var rankCount: Int { communicator.rankCount }

  /// A reduction over all ranks of a communicator.
  ///
  /// - Throws: `badGroup` unless there are 1, 2, 4, 8 or 16 ranks.
  public init(_ communicator: any Communicator) throws(DistributedError) {
    guard [1, 2, 4, 8, 16].contains(communicator.rankCount) else {
      throw DistributedError(
        .badGroup,
        "\(communicator.rankCount) ranks for one context, expected 1, 2, 4, 8 or 16",
        remedy: "the sixteen classes of a context go to so many ranks in equal parts only")
    }
    self.communicator = communicator
  }

  /// As `ContextSharding` says.
  public func reduce(_ states: borrowing PartialStates) throws(ModelError) {
    let bytes = states.packedByteCount
    try reserve(bytes)
    guard let outgoing, let incoming else { return }
    let sending = UnsafeMutableRawBufferPointer(start: outgoing.base, count: bytes)
    let receiving = UnsafeMutableRawBufferPointer(start: incoming.base, count: bytes)
    var bit = rankCount / 2
    while bit > 0 {
      states.pack(into: sending)
      do {
        try communicator.exchange(
          with: rank ^ bit, sending: UnsafeRawBufferPointer(sending), receiving: receiving)
      } catch {
        throw ModelError(.rankLost, error.message, remedy: error.remedy, cause: error)
      }
      states.merge(packed: UnsafeRawBufferPointer(receiving))
      bit /= 2
    }
  }

  private func reserve(_ bytes: Int) throws(ModelError) {
    guard capacity < bytes else { return }
    var size = 4096
    while size < bytes { size *= 2 }
    do {
      outgoing = try AlignedBuffer(zeroed: size)
      incoming = try AlignedBuffer(zeroed: size)
      capacity = size
    } catch {
      throw ModelError(.notEnoughMemory, error.message, remedy: "feed fewer rows in a pass")
    }
  }
}
