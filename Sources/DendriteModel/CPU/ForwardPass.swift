// SPDX-License-Identifier: Apache-2.0
internal import CDendriteKernels
internal import DendriteCheckpoint
internal import DendriteCompute

/// The arithmetic of one pass and the buffers it needs.
///
/// Legend: n rows, d hidden size, H query heads, K key-value heads, D head dimension, F feed-forward
/// size, V vocabulary. Every stage works on all rows; a row never reads another row's buffers except
/// keys and values, through the cache.
final class ForwardPass: @unchecked Sendable {
  // Sendable: one pass at a time runs; parts of a stage write disjoint rows or heads. The exits are
  // published through `events`.

  let weights: TransformerWeights
  let model: ModelConfiguration
  let machine: Machine
  let kernels: RowKernels

  private(set) var buffers: PassBuffers?
  private var outputs: PassOutputs?
  private var context: StageContext?
  private let events = Gate()
  private var layersDone = -1
  private var began = 0.0
  /// Seconds from the beginning of the last pass with exit rows to its last exit, and to its end.
  private(set) var times = (exit: 0.0, end: 0.0)
  /// Experts whose weights the last pass read, of all layers together.
  private(set) var expertsTouched = 0
  private var isRunning = false
  private var ended = 0
  /// Who keeps the other blocks of the context, if anybody does.
  let sharding: (any ContextSharding)?
  private var exchanged = 0
  private var reason: ModelError?
  /// Why the last pass ended before its last layer.
  private var failure: ModelError? {
    var found: ModelError?
    events.signal { found = reason }
    return found
  }
  /// What exits are projected through: touched by the asker's thread, never by a pass.
  private var exits: ExitBuffers?

  init(weights: TransformerWeights, machine: Machine, sharding: (any ContextSharding)?) {
    self.weights = weights
    self.sharding = sharding
    model = weights.configuration
    self.machine = machine
    kernels = RowKernels(machine.variant)
  }

  // MARK: Buffers

  /// Makes room for a plan.
  ///
  /// Allocates only when a pass is larger than any before it.
  func prepare(for plan: PassPlan) throws(ModelError) {
    do {
      if (buffers?.capacity ?? 0) < max(1, plan.rows.count) {
        buffers = nil
        buffers = try PassBuffers(
          capacity: PassBuffers.rounded(plan.rows.count), model: model, parts: machine.parts,
          isSharded: (sharding?.rankCount ?? 1) > 1)
      }
      try buffers?.reserveOverlay(blocks: plan.overlayBlocks, longest: plan.longest, model: model)
      if (outputs?.logitsCapacity ?? -1) < plan.logitsCount
        || (outputs?.hiddenCapacity ?? -1) < plan.hiddenCount
      {
        let logits = max(outputs?.logitsCapacity ?? 0, plan.logitsCount)
        let hidden = max(outputs?.hiddenCapacity ?? 0, plan.hiddenCount)
        outputs = nil
        outputs = try PassOutputs(logits: logits, hidden: hidden, model: model)
      }
    } catch {
      throw ModelError(
        .notEnoughMemory, error.message, remedy: "use fewer rows or a smaller context")
    }
  }

  /// Puts a row's vector where its embedding would be.
  func feed(_ vector: [Float], row: Int) {
    guard let buffers else { return }
    for (i, value) in vector.enumerated() {
      buffers.residual.base[row * model.hiddenSize + i] = value
    }
  }

  func logits(_ index: Int) -> UnsafeBufferPointer<Float> {
    guard let outputs else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(
      start: outputs.logits.base + index * outputs.logitsStride, count: model.vocabularySize)
  }

  func hiddenState(_ index: Int) -> UnsafeBufferPointer<Float> {
    guard let outputs else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(
      start: outputs.hidden.base + index * model.hiddenSize, count: model.hiddenSize)
  }

  // MARK: Events

  func begin() {
    events.signal {
      layersDone = -1
      isRunning = true
      reason = nil
      began = Clock.seconds()
    }
  }

  /// Passes in which this rank has nothing more to exchange.
  var exchangedCount: Int {
    var count = 0
    events.signal { count = exchanged }
    return count
  }

  func end() {
    events.signal {
      isRunning = false
      ended += 1
      exchanged = ended
      times.end = Clock.seconds() - began
    }
  }

  func waitForLayer(_ layer: Int) { events.wait { layersDone >= layer || !isRunning } }

  func waitForEnd() { events.wait { !isRunning } }

  // MARK: The pass

  func run(_ plan: PassPlan, caches: [CacheState?]) {
    guard !plan.rows.isEmpty, let buffers else { return }
    let n = plan.rows.count
    let context = self.context ?? StageContext(weights: weights, machine: machine, buffers: buffers)
    self.context = context
    context.begin(plan, caches: caches, buffers: buffers, outputs: outputs)
    defer { context.end() }
    expertsTouched = 0
    context.rows(n) { $0.embed($1) }
    publishExits(plan, afterLayer: 0, buffers)
    let d = model.hiddenSize
    for (index, layer) in weights.layers.enumerated() {
      context.layer = index
      let attention = buffers.narrow.view(rows: n)
      context.rows(n) { $0.normaliseForAttention($1) }
      machine.multiply(
        attention,
        Product(layer.query, into: buffers.query.base, stride: buffers.queryStride),
        Product(layer.key, into: buffers.key.base, stride: buffers.keyStride),
        Product(layer.value, into: buffers.value.base, stride: buffers.keyStride))
      context.rows(n) { $0.rotateAndStore($1) }
      context.items(context.plan.bunches.count * model.kvHeadCount) { $0.attend($1, part: $2) }
      if let sharding, let partials = buffers.partials {
        do {
          try sharding.reduce(
            PartialStates(
              kernels.table, base: partials.base, count: n * model.headCount,
              headDim: model.headDim))
        } catch {
          events.signal { reason = error }
          return
        }
        context.rows(n) { $0.finishAttention($1) }
      }
      context.rows(n) { $0.prepareAttended($1) }
      machine.multiply(
        buffers.wide.view(rows: n), Product(layer.output, into: buffers.delta.base, stride: d))
      context.rows(n) { $0.normaliseForFeedForward($1) }
      switch layer.feedForward {
      case .dense(let network): feed(n, through: network, context, buffers)
      case .mixture(let mixture): feed(n, through: mixture, context, buffers)
      }
      context.rows(n) { $0.addFeedForward($1) }
      publishExits(plan, afterLayer: index + 1, buffers)
    }
    if sharding != nil { events.signal { exchanged = ended + 1 } }
    // Whoever follows another rank never reads logits.
    if plan.logitsCount > 0, sharding?.rank ?? 0 == 0, let outputs {
      context.rows(n) { $0.normaliseForHead($1) }
      machine.multiply(
        outputs.normed.view(rows: plan.logitsCount),
        Product(weights.head, into: outputs.logits.base, stride: outputs.logitsStride))
      if model.outputSoftCap != nil { context.rows(plan.logitsCount) { $0.capLogits($1) } }
    }
  }

  /// All rows through one network, into `delta`.
  private func feed(
    _ rows: Int, through network: GatedNetwork, _ context: StageContext, _ buffers: PassBuffers
  ) {
    context.enter(network, rows: rows)
    multiply(rows, by: network, into: buffers.delta.base, context, buffers)
  }

  /// Rows whose input is prepared, through a network that the context has entered.
  private func multiply(
    _ rows: Int, by network: GatedNetwork, into output: UnsafeMutablePointer<Float>,
    _ context: StageContext, _ buffers: PassBuffers
  ) {
    machine.multiply(
      buffers.narrow.view(rows: rows),
      Product(network.gate, into: buffers.gate.base, stride: buffers.wideStride),
      Product(network.up, into: buffers.up.base, stride: buffers.wideStride))
    context.rows(rows) { $0.activate($1) }
    machine.multiply(
      buffers.wide.view(rows: rows),
      Product(network.down, into: output, stride: model.hiddenSize))
  }

  /// Each row through the experts that it chooses, into `delta`.
  ///
  /// Experts take their turn in order, so a row's sum does not depend on the rows beside it.
  private func feed(
    _ rows: Int, through mixture: Mixture, _ context: StageContext, _ buffers: PassBuffers
  ) {
    guard let own = buffers.mixture else { return }
    machine.multiply(
      buffers.narrow.view(rows: rows),
      Product(mixture.router, into: own.scores.base, stride: own.scoreStride))
    context.rows(rows) { $0.chooseExperts($1) }
    for (index, expert) in mixture.experts.enumerated() {
      let count = context.gather(expert: index)
      if count == 0 { continue }
      expertsTouched += 1
      context.enter(expert, rows: count)
      context.rows(count) { $0.prepareMember($1) }
      multiply(count, by: expert, into: own.output.base, context, buffers)
      context.rows(count) { $0.addMember($1) }
    }
  }

  private func publishExits(_ plan: PassPlan, afterLayer layer: Int, _ buffers: PassBuffers) {
    guard plan.hiddenCount > 0, let outputs else { return }
    let d = model.hiddenSize
    for (index, row) in plan.rows.enumerated() where row.exitLayer == layer {
      times.exit = Clock.seconds() - began
      (outputs.hidden.base + row.exitIndex * d).update(
        from: buffers.residual.base + index * d, count: d)
    }
    events.signal { layersDone = layer }
  }

  // MARK: Checks

  /// Throws if a row that is read out met NaN or infinity.
  func checkFinite(_ plan: PassPlan) throws(ModelError) {
    if let failure { throw failure }
    guard let buffers else { return }
    for (index, row) in plan.rows.enumerated() where row.kind != .none {
      if buffers.fault[index] >= 0 { throw notFinite(row: index, layer: Int(buffers.fault[index])) }
      if row.kind == .logits,
        kernels.argmax(
          logits(row.output).baseAddress.unsafelyUnwrapped, count: model.vocabularySize) == nil
      {
        throw notFinite(row: index, layer: model.layerCount)
      }
    }
  }

  func checkFinite(row: Int, plan: PassPlan, upTo layer: Int) throws(ModelError) {
    if let failure { throw failure }
    let state = hiddenState(plan.rows[row].exitIndex)
    if !state.allSatisfy(\.isFinite) { throw notFinite(row: row, layer: max(0, layer - 1)) }
  }

  private func notFinite(row: Int, layer: Int) -> ModelError {
    let place = layer < model.layerCount ? "in layer \(layer)" : "in the output head"
    return ModelError(
      .notFinite, "row \(row) met NaN or infinity \(place), expected finite numbers",
      remedy: "check the file with `dendrite inspect`; weights of this size overflow Float32")
  }

  // MARK: Exits

  /// Final norm and head of hidden states, all rows together, on the calling thread.
  ///
  /// Allocates only for more rows than ever before.
  func project(
    _ hidden: UnsafeBufferPointer<Float>, rows: Int,
    into logits: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError) {
    let exits: ExitBuffers
    if let known = self.exits, known.input.capacity >= rows {
      exits = known
    } else {
      self.exits = nil
      do {
        exits = try ExitBuffers(capacity: PassBuffers.rounded(rows), columns: model.hiddenSize)
      } catch {
        throw ModelError(.notEnoughMemory, error.message, remedy: error.remedy)
      }
      self.exits = exits
    }
    guard let source = hidden.baseAddress, let target = logits.baseAddress else { return }
    let d = model.hiddenSize
    var view = exits.input.view(rows: rows)
    for row in 0..<rows {
      _ = kernels.rmsNorm(
        exits.normed.base, source + row * d, weight: weights.outputNorm.base, count: d,
        epsilon: model.rmsNormEpsilon)
      kernels.prepare(
        &view, row: row, from: exits.normed.base, columns: d, asIntegers: weights.head.usesIntegers)
    }
    let count = logits.count / rows
    let groups = count == model.vocabularySize ? weights.head.groupCount : count / 16
    weights.head.withShape { shape in
      kernels.table.pointee.matmul(target, count, shape, &view, 0, groups, 0, rows)
    }
    // Groups of sixteen are computed whole; what is left of a shorter list is not.
    for row in 0..<rows {
      if let cap = model.outputSoftCap {
        kernels.softCap(target + row * count, count: min(count, groups * 16), cap: Float(cap))
      }
      for index in min(count, groups * 16)..<count { target[row * count + index] = -.infinity }
    }
  }
}
