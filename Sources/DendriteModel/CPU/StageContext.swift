// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
internal import DendriteCheckpoint
internal import DendriteCompute

/// What the stages of a running pass share, and how they are cut into parts.
///
/// A stage is a function of one row, or of one (row, KV head); parts take stretches of them.
final class StageContext {
  let model: ModelConfiguration
  let machine: Machine
  let kernels: RowKernels
  let transformer: TransformerWeights
  /// log₂(e) / √D, rounded once: scores are in base 2.
  let queryScale: Float
  private(set) var plan = PassPlan()
  private(set) var caches: [CacheState?] = []
  private(set) var buffers: PassBuffers
  private(set) var outputs: PassOutputs?
  var layer = 0

  typealias RowStage = (StageContext, Int) -> Void
  typealias ItemStage = (StageContext, Int, Int) -> Void

  init(weights: TransformerWeights, machine: Machine, buffers: PassBuffers) {
    transformer = weights
    model = weights.configuration
    self.machine = machine
    self.buffers = buffers
    kernels = RowKernels(machine.variant)
    queryScale = Float(1.4426950408889634 / Double(model.headDim).squareRoot())
  }

  /// Takes up a pass.
  func begin(_ plan: PassPlan, caches: [CacheState?], buffers: PassBuffers, outputs: PassOutputs?) {
    self.plan = plan
    self.caches = caches
    self.buffers = buffers
    self.outputs = outputs
    layer = 0
    for row in 0..<plan.rows.count { buffers.fault.base[row] = -1 }
  }

  /// Lets go of the pass, so that its owner can change the plan in place.
  func end() {
    plan = PassPlan()
    caches = []
  }

  var weights: DecoderLayer { transformer.layers[layer] }

  private struct Job {
    let context: Unmanaged<StageContext>
    let row: RowStage?
    let item: ItemStage?
    let count: Int
    let parts: Int
  }

  /// Runs a stage for rows `0 ..< count`.
  func rows(_ count: Int, _ stage: @escaping RowStage) {
    run(
      Job(
        context: .passUnretained(self), row: stage, item: nil, count: count,
        parts: min(count, machine.parts)))
  }

  /// Runs a stage for items `0 ..< count`; the stage also learns its part, which owns scratch memory.
  func items(_ count: Int, _ stage: @escaping ItemStage) {
    run(
      Job(
        context: .passUnretained(self), row: nil, item: stage, count: count,
        parts: min(count, machine.parts)))
  }

  private func run(_ job: Job) {
    machine.run(parts: job.parts, job) { pointer, part in
      let job = pointer.assumingMemoryBound(to: Job.self)
      let count = job.pointee.count
      let parts = job.pointee.parts
      job.pointee.context._withUnsafeGuaranteedRef { context in
        for index in count * part / parts..<count * (part + 1) / parts {
          if let row = job.pointee.row {
            row(context, index)
          } else {
            job.pointee.item?(context, index, part)
          }
        }
      }
    }
  }

  // MARK: Stages of one row

  /// Residual stream = embedding (or the vector that was fed); cosines and sines of the position.
  func embed(_ row: Int) {
    let planned = plan.rows[row]
    let d = model.hiddenSize
    if planned.token >= 0 {
      let view = transformer.embedding
      let bytes = UnsafeRawBufferPointer(
        start: view.baseAddress + planned.token * view.info.rowBytes, count: view.info.rowBytes)
      BlockCodec.dequantize(
        view.info.type, from: bytes,
        into: UnsafeMutableBufferPointer(start: buffers.residual.base + row * d, count: d))
    }
    let pairs = transformer.rotary.pairs
    transformer.rotary.write(
      position: planned.position, cosine: buffers.cosine.base + row * pairs,
      sine: buffers.sine.base + row * pairs)
  }

  func normaliseForAttention(_ row: Int) {
    let layer = weights
    normalise(row, weight: layer.attentionNorm, afterLayer: self.layer - 1)
    prepare(
      buffers.narrow, row: row, from: buffers.normed.base + row * model.hiddenSize,
      columns: model.hiddenSize, for: layer.query, layer.key, layer.value)
  }

  /// Adds biases, rotates queries and keys, scales queries, and stores keys and values.
  func rotateAndStore(_ row: Int) {
    let planned = plan.rows[row]
    let dim = model.headDim
    let pairs = transformer.rotary.pairs
    let query = buffers.query.base + row * buffers.queryStride
    let key = buffers.key.base + row * buffers.keyStride
    let value = buffers.value.base + row * buffers.keyStride
    if let biases = weights.biases {
      kernels.add(query, biases.query.base, count: buffers.queryStride)
      kernels.add(key, biases.key.base, count: buffers.keyStride)
      kernels.add(value, biases.value.base, count: buffers.keyStride)
    }
    let cosine = buffers.cosine.base + row * pairs
    let sine = buffers.sine.base + row * pairs
    let interleaved = transformer.rotatesInterleaved
    kernels.rotate(
      query, cosine: cosine, sine: sine, heads: model.headCount, headDim: dim, pairs: pairs,
      interleaved: interleaved, factor: queryScale)
    kernels.rotate(
      key, cosine: cosine, sine: sine, heads: model.kvHeadCount, headDim: dim, pairs: pairs,
      interleaved: interleaved, factor: 1)
    guard let pool = caches[planned.cache]?.pool, let block = planned.base else { return }
    withUnsafePointer(to: pool.layout) { layout in
      let base = block + layer * pool.layerBytes
      for head in 0..<model.kvHeadCount {
        kernels.table.pointee.store(
          base + head * layout.pointee.head_bytes, layout, planned.place, key + head * dim,
          value + head * dim)
      }
    }
  }

  /// Attention of a row from its merged partial states.
  func finishAttention(_ row: Int) {
    guard let partials = buffers.partials else { return }
    let floats = dendrite_state_floats(model.headDim)
    kernels.table.pointee.finish(
      buffers.attended.base + row * buffers.queryStride,
      partials.base + row * model.headCount * floats, model.headCount, model.headDim)
  }

  func prepareAttended(_ row: Int) {
    prepare(
      buffers.wide, row: row, from: buffers.attended.base + row * buffers.queryStride,
      columns: buffers.queryStride, for: weights.output)
  }

  func normaliseForFeedForward(_ row: Int) {
    let layer = weights
    addDelta(row)
    normalise(row, weight: layer.feedForwardNorm, afterLayer: self.layer)
    prepare(
      buffers.narrow, row: row, from: buffers.normed.base + row * model.hiddenSize,
      columns: model.hiddenSize, for: layer.gate, layer.up)
  }

  func activate(_ row: Int) {
    let gate = buffers.gate.base + row * buffers.wideStride
    kernels.swiGLU(
      gate, gate: gate, up: buffers.up.base + row * buffers.wideStride, count: model.feedForwardSize
    )
    prepare(buffers.wide, row: row, from: gate, columns: model.feedForwardSize, for: weights.down)
  }

  func addFeedForward(_ row: Int) { addDelta(row) }

  /// Final norm of the rows that asked for logits, into the head's input.
  func normaliseForHead(_ row: Int) {
    let planned = plan.rows[row]
    guard planned.kind == .logits, let outputs else { return }
    let d = model.hiddenSize
    normalise(row, weight: transformer.outputNorm, afterLayer: model.layerCount - 1)
    var view = outputs.normed.view(rows: plan.logitsCount)
    kernels.prepare(
      &view, row: planned.output, from: buffers.normed.base + row * d, columns: d,
      asIntegers: transformer.head.usesIntegers)
  }

  // MARK: Pieces

  private func addDelta(_ row: Int) {
    let d = model.hiddenSize
    kernels.add(buffers.residual.base + row * d, buffers.delta.base + row * d, count: d)
  }

  /// RMSNorm of the residual stream; notes the layer that left it not finite.
  private func normalise(_ row: Int, weight: AlignedBuffer<Float>, afterLayer layer: Int) {
    let d = model.hiddenSize
    let mean = kernels.rmsNorm(
      buffers.normed.base + row * d, buffers.residual.base + row * d, weight: weight.base, count: d,
      epsilon: model.rmsNormEpsilon)
    if !mean.isFinite, buffers.fault.base[row] < 0 {
      buffers.fault.base[row] = Int32(max(0, layer))
    }
  }

  /// Writes a row as the matrices that read it want it: as codes, as floats, or as both.
  private func prepare(
    _ activations: Activations, row: Int, from source: UnsafePointer<Float>, columns: Int,
    for first: PackedMatrix, _ second: PackedMatrix? = nil, _ third: PackedMatrix? = nil
  ) {
    var view = activations.view(rows: plan.rows.count)
    let integers = first.usesIntegers || second?.usesIntegers == true || third?.usesIntegers == true
    let floats =
      !first.usesIntegers || second?.usesIntegers == false || third?.usesIntegers == false
    if integers {
      kernels.prepare(&view, row: row, from: source, columns: columns, asIntegers: true)
    }
    if floats {
      kernels.prepare(&view, row: row, from: source, columns: columns, asIntegers: false)
    }
  }
}
