// SPDX-License-Identifier: Apache-2.0

/// What was trained for the small model, fitted to the larger one.
///
/// - An exit after s of m layers becomes one after ⌊s · M / m⌋ of M: there the larger model's state is the small
///   one's, with zeros behind it. D is divided by the root of the growth and ε by the growth, so that D · r has
///   the same bits; rows of zeros below U add nothing to the rest of the state.
/// - A stream's vector stands in place of an embedding and gets what embeddings have: zeros, and the marks of a
///   real token if there are any.
extension ModelInflater {
  /// Writes a sidecar file of the small model as one of the larger.
  ///
  /// - Parameters:
  ///   - sidecar: exits or streams of the small model.
  ///   - core: the larger model as it was written; the sidecar names it by its fingerprint.
  ///   - path: the file to make or replace.
  /// - Throws: `.unsuitableTarget` if it is for another model, of another kind, or cannot keep its bits;
  ///   `.invalidValue` if it is damaged; `.unwritable`.
  public func writeSidecar(
    _ sidecar: GGUFFile, for core: GGUFFile, to path: String
  ) throws(CheckpointError) {
    try sidecarWriter(sidecar, for: core).write(to: path)
  }

  /// The sidecar's bytes, in memory.
  package func sidecarBytes(
    _ sidecar: GGUFFile, for core: GGUFFile
  ) throws(CheckpointError) -> [UInt8] {
    try sidecarWriter(sidecar, for: core).bytes()
  }

  /// The layers of the larger model behind which its state is the small one's after `layer` layers.
  func exitLayer(_ layer: Int) -> Int { layer * configuration.layerCount / small.layerCount }

  private func sidecarWriter(
    _ sidecar: GGUFFile, for core: GGUFFile
  ) throws(CheckpointError) -> GGUFWriter {
    let metadata = sidecar.metadata
    let width = try metadata.int(AdapterKey.baseWidth)
    guard try metadata.string("general.type") == "adapter", width == small.hiddenSize else {
      throw ModelInflater.unsuitable(
        "a sidecar for a model of width \(width.map(String.init) ?? "unknown"), expected "
          + "\(small.hiddenSize), the small model's",
        "move it away, or put the one that was trained for this model beside it")
    }
    if let core = try metadata.string(AdapterKey.baseFingerprint) {
      let own = String(source.fingerprint, radix: 16)
      guard core == own else {
        throw ModelInflater.unsuitable(
          "a sidecar for the model \(core), expected \(own)",
          "move it away, or put the one that was trained for this model beside it")
      }
    }
    var changes: [String: MetadataValue] = [
      AdapterKey.baseName: .string(configuration.name),
      AdapterKey.baseWidth: .integer(Int64(configuration.hiddenSize)),
      AdapterKey.baseLayers: .integer(Int64(configuration.layerCount)),
      AdapterKey.baseFingerprint: .string(String(core.fingerprint, radix: 16)),
    ]
    var writer = GGUFWriter()
    switch try metadata.string(AdapterKey.kind) {
    case AdapterKey.exits: try addExits(of: sidecar, to: &writer, &changes)
    case AdapterKey.streams: try addStreams(of: sidecar, to: &writer)
    case let kind:
      throw ModelInflater.unsuitable(
        "a sidecar of kind \(kind ?? "none"), expected \(AdapterKey.exits) or "
          + "\(AdapterKey.streams)", "move it away: only these can be inflated")
    }
    for key in metadata.keys where changes[key] == nil && key != "general.alignment" {
      if let value = metadata[key] { changes[key] = value }
    }
    for (key, value) in changes.sorted(by: { $0.key < $1.key }) {
      try writer.add(key, value, as: ModelInflater.storedType(of: value))
    }
    return writer
  }

  private func addExits(
    of sidecar: GGUFFile, to writer: inout GGUFWriter, _ changes: inout [String: MetadataValue]
  ) throws(CheckpointError) {
    let (narrow, wide) = (small.hiddenSize, configuration.hiddenSize)
    let layers = try sidecar.metadata.integers(AdapterKey.exitLayers) ?? []
    for layer in layers {
      guard (0...Int64(small.layerCount)).contains(layer) else {
        throw ModelInflater.damaged(
          "an exit after layer \(layer), expected 0 to \(small.layerCount)")
      }
      let (old, new) = (Int(layer), exitLayer(Int(layer)))
      let down = try ModelInflater.matrix(AdapterKey.down(old), of: sidecar, columns: narrow)
      let rank = down.count / narrow
      let up = try ModelInflater.matrix(AdapterKey.up(old), of: sidecar, columns: rank)
      guard up.count == rank * narrow else {
        throw ModelInflater.damaged(
          "'\(AdapterKey.up(old))' with \(up.count / rank) rows, expected \(narrow)")
      }
      var wideDown = [Float](repeating: 0, count: rank * wide)
      for row in 0..<rank {
        for column in 0..<narrow {
          wideDown[row * wide + column] = down[row * narrow + column] / Float(widthRoot)
        }
      }
      try writer.addTensor(AdapterKey.down(new), shape: [wide, rank], floats: wideDown)
      try writer.addTensor(
        AdapterKey.up(new), shape: [rank, wide],
        floats: up + [Float](repeating: 0, count: rank * (wide - narrow)))
    }
    let epsilon =
      try sidecar.metadata.float(AdapterKey.exitEpsilon).map { Float($0) }
      ?? AdapterKey.usualExitEpsilon
    changes[AdapterKey.exitLayers] = .integers(layers.map { Int64(exitLayer(Int($0))) })
    changes[AdapterKey.exitEpsilon] = .float(Double(epsilon / Float(widthRoot * widthRoot)))
  }

  private func addStreams(
    of sidecar: GGUFFile, to writer: inout GGUFWriter
  ) throws(CheckpointError) {
    let count = try sidecar.metadata.int(AdapterKey.streamCount) ?? 0
    for place in 0..<max(0, min(count, sidecar.tensors.count)) {
      let name = AdapterKey.stream(place + 1)
      var vector = try ModelInflater.matrix(name, of: sidecar, columns: small.hiddenSize)
      guard vector.count == small.hiddenSize else {
        throw ModelInflater.damaged("'\(name)' with several rows, expected one")
      }
      vector += [Float](repeating: 0, count: configuration.hiddenSize - vector.count)
      if hasMarks {
        // Marks go unheard only in partial sums of squares that are above 2^-23.
        for lane in 14...15 {
          let sum = stride(from: lane, to: small.hiddenSize, by: 16)
            .reduce(Float(0)) { $0 + vector[$1] * vector[$1] }
          guard sum > VocabularyMark.leastPartialSum else {
            throw ModelInflater.unsuitable(
              "stream \(place + 1) so near zero that the marks of spare tokens would change its bits",
              "inflate with --vocabulary keep: without spare tokens there are no marks")
          }
        }
        vector[vector.count - 2] = VocabularyMark.coordinate
        vector[vector.count - 1] = -VocabularyMark.coordinate
      }
      try writer.addTensor(name, shape: [configuration.hiddenSize], floats: vector)
    }
  }

  /// A sidecar's matrix, row after row.
  private static func matrix(
    _ name: String, of sidecar: GGUFFile, columns: Int
  ) throws(CheckpointError) -> [Float] {
    let view = try sidecar.tensor(named: name)
    guard view.info.rowLength == columns, view.info.rowCount > 0 else {
      throw damaged("'\(name)' of shape \(view.info.shape), expected rows of \(columns)")
    }
    return view.floats()
  }

  private static func damaged(_ found: String) -> CheckpointError {
    CheckpointError(.invalidValue, found, remedy: "make the sidecar again, or move it away")
  }
}
