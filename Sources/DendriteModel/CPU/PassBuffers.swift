// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
internal import DendriteCheckpoint
internal import DendriteCompute

/// Scratch memory for passes of up to `capacity` rows.
///
/// Shapes are `[capacity, stride]`.
final class PassBuffers {
  let capacity: Int
  let queryStride: Int
  let keyStride: Int
  let wideStride: Int
  /// Pairs of the usual rotation, then of that of layers with a window if it differs.
  let rotaryStride: Int
  /// The residual stream, `[n, d]`.
  let residual: AlignedBuffer<Float>
  let normed: AlignedBuffer<Float>
  let query: AlignedBuffer<Float>
  let key: AlignedBuffer<Float>
  let value: AlignedBuffer<Float>
  /// Output of attention, `[n, H·D]`.
  let attended: AlignedBuffer<Float>
  let gate: AlignedBuffer<Float>
  let up: AlignedBuffer<Float>
  /// What a block adds to the residual stream, `[n, d]`.
  let delta: AlignedBuffer<Float>
  let cosine: AlignedBuffer<Float>
  let sine: AlignedBuffer<Float>
  /// Inputs of d columns, and of H·D or F columns.
  let narrow: Activations
  /// What a mixture of experts needs; `nil` for other models.
  let mixture: MixtureBuffers?
  let wide: Activations
  /// First layer in which a row was not finite, or -1, `[n]`.
  let fault: AlignedBuffer<Int32>
  /// Scratch of attention for each part: the partial states of a bunch of queries, the queries side by side,
  /// and their outputs.
  let states: AlignedBuffer<Float>
  let statesPerPart: Int
  /// Partial states of all rows and query heads, `[n, H, state]`, where ranks share the context.
  let partials: AlignedBuffer<Float>?
  /// Gathered blocks of one KV head, for each part; empty until a pass has branches.
  private(set) var overlay: AlignedBuffer<UInt8>?
  private(set) var overlayBytesPerPart = 0
  /// Block tables of gathered rows, for each part.
  private(set) var tables: AlignedBuffer<UInt>?
  private(set) var tableEntriesPerPart = 0
  private let parts: Int

  /// Rows that attend together at most: 64 queries of one KV head, whose states fill a part of the second
  /// cache.
  static func bunchLimit(of model: ModelConfiguration) -> Int {
    max(1, 64 * model.kvHeadCount / model.headCount)
  }

  /// Capacities grow by powers of two, so that few sizes are ever allocated.
  static func rounded(_ rows: Int) -> Int {
    var capacity = 1
    while capacity < rows { capacity *= 2 }
    return capacity
  }

  init(
    capacity: Int, model: ModelConfiguration, parts: Int, isSharded: Bool
  ) throws(ComputeError) {
    let heads = model.headCount * model.headDim
    self.capacity = capacity
    self.parts = parts
    queryStride = heads
    keyStride = model.kvHeadCount * model.headDim
    wideStride = model.experts?.feedForwardSize ?? model.feedForwardSize
    rotaryStride = model.ropeDimensionCount / 2 * (model.windowedRopeBase == nil ? 1 : 2)
    residual = try AlignedBuffer(zeroed: capacity * model.hiddenSize)
    normed = try AlignedBuffer(zeroed: capacity * model.hiddenSize)
    query = try AlignedBuffer(zeroed: capacity * heads)
    key = try AlignedBuffer(zeroed: capacity * keyStride)
    value = try AlignedBuffer(zeroed: capacity * keyStride)
    attended = try AlignedBuffer(zeroed: capacity * heads)
    gate = try AlignedBuffer(zeroed: capacity * wideStride)
    up = try AlignedBuffer(zeroed: capacity * wideStride)
    delta = try AlignedBuffer(zeroed: capacity * model.hiddenSize)
    cosine = try AlignedBuffer(zeroed: capacity * rotaryStride)
    sine = try AlignedBuffer(zeroed: capacity * rotaryStride)
    narrow = try Activations(capacity: capacity, columns: model.hiddenSize)
    wide = try Activations(capacity: capacity, columns: max(heads, wideStride))
    mixture = try model.experts.map { experts throws(ComputeError) in
      try MixtureBuffers(capacity: capacity, hiddenSize: model.hiddenSize, experts: experts)
    }
    fault = try AlignedBuffer(zeroed: capacity)
    let group = model.headCount / model.kvHeadCount
    statesPerPart =
      min(capacity, PassBuffers.bunchLimit(of: model)) * group
      * (16 * dendrite_state_floats(model.headDim) + 2 * model.headDim)
    states = try AlignedBuffer(zeroed: parts * statesPerPart)
    partials =
      isSharded
      ? try AlignedBuffer(
        zeroed: capacity * model.headCount * dendrite_state_floats(model.headDim)) : nil
  }

  /// Makes room for rows that see up to `blocks` gathered blocks of a history of `longest` rows.
  func reserveOverlay(blocks: Int, longest: Int, model: ModelConfiguration) throws(ComputeError) {
    guard blocks > 0 else { return }
    // A float cache has the largest head; every type fits into its room.
    let headBytes = dendrite_kv_layout_make(DENDRITE_KV_F32, model.headDim).head_bytes
    if overlayBytesPerPart < blocks * headBytes {
      overlay = nil
      overlayBytesPerPart = blocks * headBytes
      overlay = try AlignedBuffer(zeroed: parts * overlayBytesPerPart)
    }
    let entries = (longest + 63) / 64
    if tableEntriesPerPart < entries {
      tables = nil
      tableEntriesPerPart = PassBuffers.rounded(entries)
      tables = try AlignedBuffer(zeroed: parts * tableEntriesPerPart)
    }
  }
}

/// Memory for what a pass hands out.
final class PassOutputs {
  let logitsCapacity: Int
  let hiddenCapacity: Int
  let logitsStride: Int
  let logits: AlignedBuffer<Float>
  let hidden: AlignedBuffer<Float>
  /// Input of the head: the normed rows that asked for logits.
  let normed: Activations

  init(logits count: Int, hidden hiddenCount: Int, model: ModelConfiguration) throws(ComputeError) {
    logitsCapacity = count
    hiddenCapacity = hiddenCount
    logitsStride = (model.vocabularySize + 15) / 16 * 16
    if count > 1 {
      try MemoryBudget.check(
        count * logitsStride * 4, for: "the logits of \(count) rows",
        remedy: "ask for logits of fewer rows in a pass")
    }
    logits = try AlignedBuffer(zeroed: count * logitsStride)
    hidden = try AlignedBuffer(zeroed: hiddenCount * model.hiddenSize)
    normed = try Activations(capacity: max(1, count), columns: model.hiddenSize)
  }
}

/// Memory for hidden states on their way to early logits.
final class ExitBuffers {
  /// Input of the head.
  let input: Activations
  /// One row behind the final norm, `[d]`.
  let normed: AlignedBuffer<Float>

  init(capacity: Int, columns: Int) throws(ComputeError) {
    input = try Activations(capacity: capacity, columns: columns)
    normed = try AlignedBuffer(zeroed: columns)
  }
}
