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
  /// What queries are multiplied by: log₂(e) / √D, rounded once, because scores are in base 2.
  ///
  /// With a soft cap c it is 1 / (c·√D), so that a score is in units of the cap.
  let queryScale: Float
  /// log₂(e) · c of a soft cap c; 0 for none.
  let scoreCap: Float
  private(set) var plan = PassPlan()
  private(set) var caches: [CacheState?] = []
  private(set) var buffers: PassBuffers
  private(set) var outputs: PassOutputs?
  var layer = 0
  /// The feed-forward network whose turn it is, and how many rows go through it together.
  private(set) var network: (weights: GatedNetwork, rows: Int)?
  /// The expert whose turn it is, and the rows that go through it, ascending.
  var expert = 0
  var members: [Int] = []

  typealias RowStage = (StageContext, Int) -> Void
  typealias ItemStage = (StageContext, Int, Int) -> Void

  init(weights: TransformerWeights, machine: Machine, buffers: PassBuffers) {
    transformer = weights
    model = weights.configuration
    self.machine = machine
    self.buffers = buffers
    kernels = RowKernels(machine.variant)
    let log2e = 1.4426950408889634
    let scaled = model.attentionScale.map { log2e * $0 }
    let usual = scaled ?? log2e / Double(model.headDim).squareRoot()
    let cap = model.attentionSoftCap ?? 0
    queryScale = Float(cap == 0 ? usual : usual / log2e / cap)
    scoreCap = Float(cap * log2e)
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
    network = nil
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
      if let scale = model.embeddingScale {
        let factor = Float(scale)
        for i in row * d..<(row + 1) * d { buffers.residual.base[i] *= factor }
      }
    }
    let cosine = buffers.cosine.base + row * buffers.rotaryStride
    let sine = buffers.sine.base + row * buffers.rotaryStride
    transformer.rotary.write(position: planned.position, cosine: cosine, sine: sine)
    let pairs = transformer.rotary.pairs
    transformer.windowedRotary?.write(
      position: planned.position, cosine: cosine + pairs, sine: sine + pairs)
  }

  func normaliseForAttention(_ row: Int) {
    let layer = weights
    normalise(row, weight: layer.attentionNorm, afterLayer: self.layer - 1)
    prepare(
      buffers.narrow, row: row, from: buffers.normed.base + row * model.hiddenSize,
      columns: model.hiddenSize, for: layer.query, layer.key, layer.value)
  }

  /// Adds biases, norms heads, rotates queries and keys, scales queries, and stores keys and values.
  func rotateAndStore(_ row: Int) {
    let planned = plan.rows[row]
    let dim = model.headDim
    let query = buffers.query.base + row * buffers.queryStride
    let key = buffers.key.base + row * buffers.keyStride
    let value = buffers.value.base + row * buffers.keyStride
    if let biases = weights.biases {
      kernels.add(query, biases.query.base, count: buffers.queryStride)
      kernels.add(key, biases.key.base, count: buffers.keyStride)
      kernels.add(value, biases.value.base, count: buffers.keyStride)
    }
    if let norms = weights.headNorms {
      normaliseHeads(query, count: model.headCount, weight: norms.query)
      normaliseHeads(key, count: model.kvHeadCount, weight: norms.key)
    }
    let skipped = weights.rotation == .windowed ? transformer.rotary.pairs : 0
    let pairs = weights.rotation == .none ? 0 : transformer.rotary.pairs
    let cosine = buffers.cosine.base + row * buffers.rotaryStride + skipped
    let sine = buffers.sine.base + row * buffers.rotaryStride + skipped
    let interleaved = model.rotatesInterleaved
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
    addDelta(row, bias: layer.outputBias, norm: layer.postNorms?.attention)
    normalise(row, weight: layer.feedForwardNorm, afterLayer: self.layer)
    let normed = buffers.normed.base + row * model.hiddenSize
    switch layer.feedForward {
    case .dense(let network):
      prepare(
        buffers.narrow, row: row, from: normed, columns: model.hiddenSize, for: network.gate,
        network.up)
    case .mixture(let mixture):
      prepare(
        buffers.narrow, row: row, from: normed, columns: model.hiddenSize, for: mixture.router)
    }
  }

  /// Takes up a network: stages are told of it here, because a closure that held it would be allocated.
  func enter(_ weights: GatedNetwork, rows: Int) { network = (weights, rows) }

  /// The product of gate and up, as input of the network's `down`.
  func activate(_ row: Int) {
    guard let (network, rows) = network else { return }
    let gate = buffers.gate.base + row * buffers.wideStride
    let up = buffers.up.base + row * buffers.wideStride
    let width = network.down.columns
    if let biases = network.biases {
      kernels.add(gate, biases.gate.base, count: width)
      kernels.add(up, biases.up.base, count: width)
    }
    switch model.activation {
    case .silu: kernels.swiGLU(gate, gate: gate, up: up, count: width)
    case .clampedSiLU: kernels.clampedSwiGLU(gate, gate: gate, up: up, count: width)
    case .geluTanh: kernels.geGLU(gate, gate: gate, up: up, count: width)
    }
    prepare(buffers.wide, row: row, from: gate, columns: width, for: network.down, rows: rows)
  }

  func addFeedForward(_ row: Int) { addDelta(row, norm: weights.postNorms?.feedForward) }

  /// Caps the logits of the output with this index.
  func capLogits(_ output: Int) {
    guard let cap = model.outputSoftCap, let outputs else { return }
    kernels.softCap(
      outputs.logits.base + output * outputs.logitsStride, count: model.vocabularySize,
      cap: Float(cap))
  }

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

  /// Adds what a block gives to the residual stream, with its bias and through its norm if it has them.
  private func addDelta(
    _ row: Int, bias: AlignedBuffer<Float>? = nil, norm: AlignedBuffer<Float>? = nil
  ) {
    let d = model.hiddenSize
    let delta = buffers.delta.base + row * d
    if let bias { kernels.add(delta, bias.base, count: d) }
    if let norm {
      _ = kernels.rmsNorm(delta, delta, weight: norm.base, count: d, epsilon: model.rmsNormEpsilon)
    }
    kernels.add(buffers.residual.base + row * d, delta, count: d)
  }

  /// RMSNorm of each head by itself.
  private func normaliseHeads(
    _ heads: UnsafeMutablePointer<Float>, count: Int, weight: AlignedBuffer<Float>
  ) {
    for head in 0..<count {
      let values = heads + head * model.headDim
      _ = kernels.rmsNorm(
        values, values, weight: weight.base, count: model.headDim, epsilon: model.rmsNormEpsilon)
    }
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
  ///
  /// `rows` are multiplied together; those of the pass if left out.
  func prepare(
    _ activations: Activations, row: Int, from source: UnsafePointer<Float>, columns: Int,
    for first: PackedMatrix, _ second: PackedMatrix? = nil, _ third: PackedMatrix? = nil,
    rows: Int? = nil
  ) {
    var view = activations.view(rows: rows ?? plan.rows.count)
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
