// SPDX-License-Identifier: Apache-2.0
package import CDendriteKernels

/// Which blocks of every context a model keeps, and how its partial attention becomes that of the whole context.
///
/// A model without a sharding keeps all blocks. With one, it is a *rank* of a group: all ranks hold all weights and run
/// the same passes, each attends to the blocks of its own, and `reduce` merges what they found. Block b belongs to class
/// b mod 16, and class c to rank c mod `rankCount`; so every rank owns a whole subtree of the fixed tree in which classes
/// merge, and the bits are those of one model with the whole context.
///
/// - Source: Tree Attention (arXiv:2408.04093), Algorithm 3, with one exchange in place of three.
public protocol ContextSharding: AnyObject, Sendable {
  /// This model's number, 0 ..< `rankCount`.
  var rank: Int { get }
  /// How many models share the context: 1, 2, 4, 8 or 16.
  var rankCount: Int { get }

  /// Merges every state with the other ranks' states of the same number; all ranks end with equal bits.
  ///
  /// Called once a layer, by all ranks for equally many states.
  ///
  /// - Throws: whatever became of another rank; the pass then ends with it.
  func reduce(_ states: borrowing PartialStates) throws(ModelError)
}

/// Partial states of attention, one for each row of a pass and query head.
///
/// A state is (m, l, n): an integer bound of the base-2 scores, the sum of the weights by key lane (16), and the
/// weighted sum of the values. Rescaling by powers of two is exact, so two states merge to the same bits in either order.
public struct PartialStates: ~Copyable {
  let kernels: UnsafePointer<dendrite_kernels>
  let base: UnsafeMutablePointer<Float>
  let headDim: Int
  /// The number of states.
  public let count: Int

  /// States that lie at `base`, each in the layout that the kernels use; the memory stays its owner's.
  package init(
    _ kernels: UnsafePointer<dendrite_kernels>, base: UnsafeMutablePointer<Float>, count: Int,
    headDim: Int
  ) {
    self.kernels = kernels
    self.base = base
    self.count = count
    self.headDim = headDim
  }

  /// Bytes of all states as they travel: 17 + headDim floats each.
  public var packedByteCount: Int { count * PartialStates.packedFloats(headDim: headDim) * 4 }

  /// Floats of one state as it travels: m, l on sixteen lanes, n.
  public static func packedFloats(headDim: Int) -> Int { dendrite_state_wire_floats(headDim) }

  /// Writes the states as they travel.
  ///
  /// - Shapes: `bytes` has room for `packedByteCount`, aligned to four.
  public func pack(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count >= packedByteCount, "a buffer that is too short for the states")
    guard let target = bytes.baseAddress else { return }
    dendrite_state_pack(target.assumingMemoryBound(to: Float.self), base, count, headDim)
  }

  /// Merges states that arrived into these.
  ///
  /// - Shapes: `bytes` as `pack` wrote them on the other rank.
  /// - Precision: exact rescaling, one rounding of each sum; the same bits whichever side calls it.
  public func merge(packed bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count >= packedByteCount, "a buffer that is too short for the states")
    guard let source = bytes.baseAddress else { return }
    dendrite_state_merge_packed(
      kernels, base, source.assumingMemoryBound(to: Float.self), count, headDim)
  }
}

/// A rank's blocks of a context.
struct BlockShard: Hashable {
  var rank = 0
  var count = 1

  /// Whether a block is this rank's.
  func owns(_ block: Int) -> Bool { block % count == rank }

  /// How many of the first `total` blocks are.
  func owned(of total: Int) -> Int { total > rank ? (total - rank + count - 1) / count : 0 }
}
