// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

extension CPUTransformer {
  /// Checks every row and gives it a place; on an error all caches are as before.
  func resolve(_ batch: RowBatch) throws(ModelError) {
    plan.removeAll()
    marks.removeAll(keepingCapacity: true)
    guard batch.count <= CPUTransformer.maximumRowCount else {
      throw ModelError(
        .badRow,
        "a pass of \(batch.count) rows, expected at most \(CPUTransformer.maximumRowCount)",
        remedy: "feed long prompts in chunks")
    }
    do {
      for index in 0..<batch.count { try resolve(batch.rows[index], index: index, in: batch) }
    } catch {
      for (cache, mark) in marks { caches[cache]?.rewind(to: mark) }
      plan.removeAll()
      throw error
    }
  }

  private func resolve(_ row: Row, index: Int, in batch: RowBatch) throws(ModelError) {
    let cache = try state(of: row.cache)
    if !marks.contains(where: { $0.cache == row.cache.index }) {
      try checkFile(of: cache)
      marks.append((row.cache.index, cache.mark))
    }
    let parent = try parentNode(of: row, index: index, in: batch, cache: cache)
    let token = try checkedToken(row, index)
    try checkOutput(row, index)
    let node = try cache.append(parent: parent, isStored: row.isStored)
    let logical = Int(cache.nodes[node].logical)
    let position = row.position ?? logical
    guard position >= 0, position < 1 << 40 else {
      throw ModelError(
        .badRow, "row \(index) has position \(position), expected 0 or more",
        remedy: "leave the position out unless you shift a history on purpose")
    }
    let place = cache.place(of: cache.nodes[node])
    let gathered = gather(node, of: cache)
    plan.longest = max(plan.longest, logical + 1)
    var output = -1
    switch row.output {
    case .none: break
    case .logits:
      output = plan.logitsCount
      plan.logitsCount += 1
    case .hiddenState: output = plan.hiddenCount
    }
    var exit = (layer: -1, index: -1)
    if let layer = exitLayer(of: row) {
      exit = (layer, plan.hiddenCount)
      plan.hiddenCount += 1
    }
    plan.rows.append(
      PlannedRow(
        cache: row.cache.index, logical: logical, position: position, token: token, node: node,
        base: place.base, place: place.position, firstGathered: logical + 1 - gathered.count,
        gathered: gathered, output: output, kind: row.output, exitLayer: exit.layer,
        exitIndex: exit.index))
    if !gathered.isEmpty {
      let blocks = logical / 64 - (logical + 1 - gathered.count) / 64 + 1
      plan.overlayBlocks = max(plan.overlayBlocks, blocks)
    }
  }

  private func parentNode(
    of row: Row, index: Int, in batch: RowBatch, cache: CacheState
  ) throws(ModelError) -> Int32 {
    switch row.parent {
    case .tip: return -1
    case .node(let id):
      guard id.generation == cache.scratchGeneration, id.index < cache.nodes.count,
        !cache.nodes[id.index].isEphemeral
      else {
        throw ModelError(
          .staleHandle, "row \(index) follows a scratch node that was committed or discarded",
          remedy: "follow .tip after a commit")
      }
      return Int32(id.index)
    case .row(let earlier):
      guard earlier >= 0, earlier < index, batch.rows[earlier].cache == row.cache,
        batch.rows[earlier].isStored
      else {
        throw ModelError(
          .badRow,
          "row \(index) follows row \(earlier), expected an earlier stored row of the same cache",
          remedy: "order the batch so that parents come first")
      }
      return Int32(plan.rows[earlier].node)
    }
  }

  private func checkedToken(_ row: Row, _ index: Int) throws(ModelError) -> Int {
    switch row.input {
    case .token(let token):
      guard token >= 0, token < configuration.vocabularySize else {
        throw ModelError(
          .badRow,
          "row \(index) has token \(token), expected 0 ..< \(configuration.vocabularySize)",
          remedy: "encode the text with this model's own vocabulary")
      }
      return token
    case .vector(let vector):
      guard vector.count == configuration.hiddenSize else {
        throw ModelError(
          .badRow,
          "row \(index) has a vector of \(vector.count), expected \(configuration.hiddenSize)",
          remedy: "give one value for each feature of the hidden state")
      }
      return -1
    }
  }

  private func checkOutput(_ row: Row, _ index: Int) throws(ModelError) {
    guard let layer = exitLayer(of: row) else { return }
    guard (0...configuration.layerCount).contains(layer) else {
      throw ModelError(
        .badRow, "row \(index) asks for layer \(layer), expected 0 … \(configuration.layerCount)",
        remedy: "0 is the embedding, \(configuration.layerCount) the last layer")
    }
    if case .hiddenState(let output) = row.output, output != layer {
      throw ModelError(
        .badRow,
        "row \(index) asks for the hidden states of layers \(output) and \(layer), expected one",
        remedy: "ask for logits and an exit layer, or for one hidden state")
    }
  }

  /// The layer whose residual stream a row is to show.
  private func exitLayer(of row: Row) -> Int? {
    if let layer = row.exitLayer { return layer }
    if case .hiddenState(let layer) = row.output { return layer }
    return nil
  }

  /// Lists the places of a node and of its ancestors that are not stored in place, oldest first.
  private func gather(_ node: Int, of cache: CacheState) -> Range<Int> {
    let start = plan.gathered.count
    var next = Int32(node)
    while next >= 0, !cache.nodes[Int(next)].isInPlace {
      let current = cache.nodes[Int(next)]
      let place = cache.place(of: current)
      // Nodes beside the trunk are stored on every rank.
      if let base = place.base { plan.gathered.append((base, place.position)) }
      next = current.parent
    }
    plan.gathered[start...].reverse()
    return start..<plan.gathered.count
  }
}
