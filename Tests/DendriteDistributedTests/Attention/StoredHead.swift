// SPDX-License-Identifier: Apache-2.0
import CDendriteKernels
import DendriteCompute
import DendriteModel
import DendriteTestSupport

/// Keys and values of one KV head as caches store them, attended with the engine's kernels.
final class StoredHead {
  let kernels: UnsafePointer<dendrite_kernels>
  let headDim: Int
  let count: Int
  private var layout: dendrite_kv_layout
  private let memory: AlignedBuffer<UInt8>
  private let blocks: [UnsafeRawPointer?]

  /// Stores `count` keys and values, both `[position][headDim]`.
  init(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, count: Int, headDim: Int,
    type: dendrite_kv_type = DENDRITE_KV_F32, variant: KernelVariant = .best
  ) throws {
    kernels = RowKernels(variant).table
    self.headDim = headDim
    self.count = count
    layout = dendrite_kv_layout_make(type, headDim)
    let size = layout.head_bytes
    memory = try AlignedBuffer(zeroed: max(1, (count + 63) / 64) * size)
    let base = memory.base
    blocks = (0..<(count + 63) / 64).map { UnsafeRawPointer(base + $0 * size) }
    for position in 0..<count {
      kernels.pointee.store(
        base + position / 64 * size, &layout, position % 64, keys + position * headDim,
        values + position * headDim)
    }
  }

  convenience init(
    keys: [Float], values: [Float], headDim: Int, type: dendrite_kv_type = DENDRITE_KV_F32,
    variant: KernelVariant = .best
  ) throws {
    try self.init(
      keys: keys, values: values, count: keys.count / headDim, headDim: headDim, type: type,
      variant: variant)
  }

  /// What queries `[query][headDim]`, scaled for scores in base 2, find at some positions.
  ///
  /// Blocks that are not owned are another rank's.
  func attend(
    _ queries: [Float], to range: Range<Int>? = nil, blocks isOwned: (Int) -> Bool = { _ in true }
  ) throws -> PartialAttention {
    let queryCount = queries.count / headDim
    let result = try PartialAttention(kernels, queryCount: queryCount, headDim: headDim)
    let range = range ?? 0..<count
    let floats = dendrite_state_floats(headDim)
    let classes = try AlignedBuffer<Float>(zeroed: 16 * queryCount * floats)
    let input = try AlignedBuffer<Float>(zeroed: queries.count)
    input.base.update(from: queries, count: queries.count)
    dendrite_attend_begin(classes.base, queryCount, headDim)
    let table = blocks.enumerated().map { isOwned($0.offset) ? $0.element : nil }
    table.withUnsafeBufferPointer { table in
      withUnsafePointer(to: layout) { layout in
        guard !range.isEmpty, let table = table.baseAddress else { return }
        var history = dendrite_history(
          kernels: kernels, layout: layout, blocks: table, offset: 0, cap: 0)
        dendrite_attend_fold(
          &history, classes.base, queryCount, 0, queryCount, input.base, range.lowerBound,
          range.upperBound)
      }
    }
    dendrite_attend_merge(kernels, classes.base, queryCount, headDim)
    result.states.base.update(from: classes.base, count: queryCount * floats)
    return result
  }
}

/// Partial states (m, l, n) of some queries, merged and finished by the engine's kernels.
final class PartialAttention {
  let kernels: UnsafePointer<dendrite_kernels>
  let queryCount: Int
  let headDim: Int
  let states: AlignedBuffer<Float>

  /// States that have seen no key.
  init(_ kernels: UnsafePointer<dendrite_kernels>, queryCount: Int, headDim: Int) throws {
    self.kernels = kernels
    self.queryCount = queryCount
    self.headDim = headDim
    let floats = dendrite_state_floats(headDim)
    states = try AlignedBuffer(zeroed: queryCount * floats)
    for query in 0..<queryCount { states.base[query * floats] = -.infinity }
  }

  var floats: Int { dendrite_state_floats(headDim) }

  func copy() throws -> PartialAttention {
    let other = try PartialAttention(kernels, queryCount: queryCount, headDim: headDim)
    other.states.base.update(from: states.base, count: queryCount * floats)
    return other
  }

  func merge(_ other: PartialAttention) {
    kernels.pointee.merge(states.base, other.states.base, queryCount, headDim)
  }

  /// Both merged into a third.
  func merged(with other: PartialAttention) throws -> PartialAttention {
    let result = try copy()
    result.merge(other)
    return result
  }

  /// The states as a rank sends them.
  var packed: [Float] {
    var wire = [Float](repeating: 0, count: queryCount * dendrite_state_wire_floats(headDim))
    dendrite_state_pack(&wire, states.base, queryCount, headDim)
    return wire
  }

  /// Merges states that came over a wire.
  func merge(packed wire: [Float]) {
    dendrite_state_merge_packed(kernels, states.base, wire, queryCount, headDim)
  }

  /// n / l, `[query][headDim]`.
  var output: [Float] {
    var output = [Float](repeating: 0, count: queryCount * headDim)
    kernels.pointee.finish(&output, states.base, queryCount, headDim)
    return output
  }

  /// The bound m of a query's scores; −∞ if it has seen no key.
  func bound(_ query: Int) -> Float { states.base[query * floats] }

  /// The energy of a query in base 2, m + log₂ l.
  func energy(_ query: Int) -> Double {
    let state = states.base + query * floats
    let sum = (0..<16).reduce(0.0) { $0 + Double(state[16 + $1]) }
    return Double(state[0]) + sum.logarithm / 2.0.logarithm
  }

  /// m, l and n of all queries, bit by bit.
  var bits: [UInt32] { packed.map(\.bitPattern) }
}
