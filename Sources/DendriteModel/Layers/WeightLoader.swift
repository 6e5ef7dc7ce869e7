// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

/// Takes tensors from a checkpoint and packs them, counting bytes for a progress display.
struct WeightLoader {
  let file: GGUFFile
  let configuration: ModelConfiguration
  let machine: Machine
  let progress: ((Double) -> Void)?
  private var bytesDone = 0
  private let bytesTotal: Int

  init(
    file: GGUFFile, configuration: ModelConfiguration, machine: Machine,
    progress: ((Double) -> Void)?
  ) {
    self.file = file
    self.configuration = configuration
    self.machine = machine
    self.progress = progress
    bytesTotal = max(1, file.tensorByteCount)
  }

  func tensor(_ name: TensorName) throws(ModelError) -> TensorView {
    let expected = name.expectedShape(in: configuration)
    do {
      return try file.tensor(name, shape: expected.shape, because: expected.reason)
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy, cause: nil)
    }
  }

  /// A matrix `[output features, input features]`; its pages of the file are released as they are packed.
  ///
  /// So loading takes little more memory than the packed weights; rows of a tied embedding come back page by
  /// page as they are read.
  mutating func matrix(_ name: TensorName) throws(ModelError) -> PackedMatrix {
    let view = try tensor(name)
    let packed: PackedMatrix
    do {
      packed = try PackedMatrix(
        name: name.description, type: Int(view.info.type.rawValue), rows: view.info.rowCount,
        columns: view.info.rowLength, source: view.baseAddress, rowBytes: view.info.rowBytes,
        machine: machine
      ) { range in
        let start = view.info.byteRange.lowerBound
        view.file.adviseDontNeed(start + range.lowerBound..<start + range.upperBound)
      }
    } catch {
      throw ModelError(
        error.code == .notEnoughMemory ? .notEnoughMemory : .badCheckpoint, error.message,
        remedy: error.remedy)
    }
    report(view.info.byteCount)
    return packed
  }

  /// A vector of floats: norms and biases.
  mutating func vector(_ name: TensorName) throws(ModelError) -> AlignedBuffer<Float> {
    let view = try tensor(name)
    let values = try decoded(view, name)
    do {
      let buffer = try AlignedBuffer<Float>(zeroed: values.count)
      for (i, value) in values.enumerated() { buffer[i] = value }
      report(view.info.byteCount)
      return buffer
    } catch {
      throw ModelError(.notEnoughMemory, error.message, remedy: error.remedy)
    }
  }

  func decoded(_ view: TensorView, _ name: TensorName) throws(ModelError) -> [Float] {
    let values = view.floats()
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError(
        .badCheckpoint,
        "tensor '\(name)' holds \(values[index]) at index \(index), expected finite weights",
        remedy: "the file is damaged or was converted wrongly: get it again")
    }
    return values
  }

  private mutating func report(_ bytes: Int) {
    bytesDone += bytes
    progress?(min(1, Double(bytesDone) / Double(bytesTotal)))
  }

  // MARK: Parts that families share

  /// One layer by the usual names.
  mutating func layer(_ index: Int) throws(ModelError) -> DecoderLayer {
    var biases: (AlignedBuffer<Float>, AlignedBuffer<Float>, AlignedBuffer<Float>)?
    if configuration.hasQKVBias {
      biases = (
        try vector(.attentionQBias(index)), try vector(.attentionKBias(index)),
        try vector(.attentionVBias(index))
      )
    }
    return DecoderLayer(
      attentionWindow: configuration.slidingWindow,
      attentionNorm: try vector(.attentionNorm(index)),
      query: try matrix(.attentionQ(index)),
      key: try matrix(.attentionK(index)),
      value: try matrix(.attentionV(index)),
      biases: biases.map { (query: $0.0, key: $0.1, value: $0.2) },
      output: try matrix(.attentionOutput(index)),
      feedForwardNorm: try vector(.feedForwardNorm(index)),
      gate: try matrix(.feedForwardGate(index)),
      up: try matrix(.feedForwardUp(index)),
      down: try matrix(.feedForwardDown(index)))
  }

  mutating func layers() throws(ModelError) -> [DecoderLayer] {
    var layers: [DecoderLayer] = []
    for index in 0..<configuration.layerCount { layers.append(try layer(index)) }
    return layers
  }

  /// The head: its own matrix, or the embedding if they are tied.
  mutating func head() throws(ModelError) -> PackedMatrix {
    try matrix(configuration.isOutputTied ? .tokenEmbedding : .output)
  }

  /// Frequencies by base, linear scaling and the divisors of `rope_freqs.weight`.
  func rotary() throws(ModelError) -> RotaryFrequencies {
    var divisors: [Float] = []
    if configuration.hasRopeFrequencies {
      divisors = try decoded(try tensor(.ropeFrequencies), .ropeFrequencies)
      if let bad = divisors.first(where: { $0 <= 0 }) {
        throw ModelError(
          .badCheckpoint, "tensor 'rope_freqs.weight' holds \(bad), expected positive divisors",
          remedy: "convert the model again: the divisors follow from its llama3 rope scaling")
      }
    }
    var linear = 1.0
    if case .linear(let factor) = configuration.ropeScaling { linear = Double(factor) }
    return RotaryFrequencies(
      dimensions: configuration.ropeDimensionCount, base: configuration.ropeBase,
      divisors: divisors,
      linearFactor: linear)
  }
}
