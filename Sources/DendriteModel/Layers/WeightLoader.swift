// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

/// Takes tensors from a checkpoint and packs them, counting bytes for a progress display.
///
/// Tensors are asked for by their role; how a checkpoint spells it, and which kind of file it is, the source
/// knows.
struct WeightLoader {
  let source: any ModelSource
  let configuration: ModelConfiguration
  let machine: Machine
  let progress: ((Double) -> Void)?
  private var bytesDone = 0
  private let bytesTotal: Int

  init(
    source: any ModelSource, configuration: ModelConfiguration, machine: Machine,
    progress: ((Double) -> Void)?
  ) {
    self.source = source
    self.configuration = configuration
    self.machine = machine
    self.progress = progress
    bytesTotal = max(1, source.tensorByteCount)
  }

  func tensor(_ name: TensorName) throws(ModelError) -> TensorView {
    do {
      return try source.tensor(name, in: configuration)
    } catch {
      throw ModelError(.badCheckpoint, error.message, remedy: error.remedy, cause: nil)
    }
  }

  /// A matrix `[output features, input features]`; its pages of the file are released as they are packed.
  ///
  /// So loading takes little more memory than the packed weights; rows of a tied embedding come back page by
  /// page as they are read.
  ///
  /// - Parameters:
  ///   - name: the tensor.
  ///   - rows: a part of its rows, where one tensor holds several matrices; all if left out.
  /// - Returns: the packed matrix.
  /// - Throws: `badCheckpoint`, `notEnoughMemory`.
  mutating func matrix(
    _ name: TensorName, rows: Range<Int>? = nil
  ) throws(ModelError) -> PackedMatrix {
    let view = try tensor(name)
    let rows = rows ?? 0..<view.info.rowCount
    let skipped = rows.lowerBound * view.info.rowBytes
    let packed: PackedMatrix
    do {
      packed = try PackedMatrix(
        name: view.info.name, type: Int(view.info.type.rawValue), rows: rows.count,
        columns: view.info.rowLength, source: view.baseAddress + skipped,
        rowBytes: view.info.rowBytes, machine: machine
      ) { range in
        let start = view.info.byteRange.lowerBound + skipped
        view.file.adviseDontNeed(start + range.lowerBound..<start + range.upperBound)
      }
    } catch {
      throw ModelError(
        error.code == .notEnoughMemory ? .notEnoughMemory : .badCheckpoint, error.message,
        remedy: error.remedy)
    }
    report(rows.count * view.info.rowBytes)
    return packed
  }

  /// Packs rows that were put together in memory.
  mutating func pack(_ matrix: AssembledMatrix) throws(ModelError) -> PackedMatrix {
    let rowBytes = matrix.bytes.count / matrix.rows
    let machine = machine
    let result = matrix.bytes.withUnsafeBytes { source -> Result<PackedMatrix, ComputeError> in
      guard let first = source.baseAddress else { preconditionFailure("a matrix without rows") }
      return Result { () throws(ComputeError) in
        try PackedMatrix(
          name: matrix.name, type: Int(matrix.type.rawValue), rows: matrix.rows,
          columns: matrix.columns, source: first, rowBytes: rowBytes, machine: machine)
      }
    }
    report(matrix.bytes.count)
    switch result {
    case .success(let packed): return packed
    case .failure(let error):
      throw ModelError(
        error.code == .notEnoughMemory ? .notEnoughMemory : .badCheckpoint, error.message,
        remedy: error.remedy)
    }
  }

  /// One row of a tensor as floats, or every `step`-th value of it.
  func row(
    _ row: Int, of name: TensorName, from first: Int = 0, step: Int = 1
  ) throws(ModelError) -> AlignedBuffer<Float> {
    let view = try tensor(name)
    let values = try finite(view.floats(rows: row..<row + 1), of: view)
    return try buffer(stride(from: first, to: values.count, by: step).map { values[$0] })
  }

  private func buffer(_ values: [Float]) throws(ModelError) -> AlignedBuffer<Float> {
    do {
      let buffer = try AlignedBuffer<Float>(zeroed: values.count)
      for (i, value) in values.enumerated() { buffer[i] = value }
      return buffer
    } catch {
      throw ModelError(.notEnoughMemory, error.message, remedy: error.remedy)
    }
  }

  /// A vector of floats: norms, to which what the file's kind lacks is added, and biases.
  mutating func vector(_ name: TensorName) throws(ModelError) -> AlignedBuffer<Float> {
    let view = try tensor(name)
    let values = try decoded(view)
    let offset = name.isNorm ? configuration.normOffset : 0
    report(view.info.byteCount)
    return try buffer(offset == 0 ? values : values.map { $0 + offset })
  }

  private func decoded(_ view: TensorView) throws(ModelError) -> [Float] {
    try finite(view.floats(), of: view)
  }

  private func finite(_ values: [Float], of view: TensorView) throws(ModelError) -> [Float] {
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError(
        .badCheckpoint,
        "tensor '\(view.info.name)' holds \(values[index]) at index \(index), expected finite weights",
        remedy: "the file is damaged or was converted wrongly: get it again")
    }
    return values
  }

  private mutating func report(_ bytes: Int) {
    bytesDone += bytes
    progress?(min(1, Double(bytesDone) / Double(bytesTotal)))
  }

  // MARK: The model

  /// All weights of the model.
  mutating func transformer() throws(ModelError) -> TransformerWeights {
    let embedding = try tensor(.tokenEmbedding)
    var layers: [DecoderLayer] = []
    for index in 0..<configuration.layerCount { layers.append(try layer(index)) }
    return TransformerWeights(
      configuration: configuration,
      embedding: embedding,
      layers: layers,
      outputNorm: try vector(.outputNorm),
      head: try matrix(configuration.isOutputTied ? .tokenEmbedding : .output),
      rotary: try rotary(),
      windowedRotary: configuration.windowedRopeBase.map {
        RotaryFrequencies(dimensions: configuration.ropeDimensionCount, base: $0)
      })
  }

  /// Frequencies by base, scaling and the divisors of `rope_freqs.weight`.
  private func rotary() throws(ModelError) -> RotaryFrequencies {
    var divisors: [Float] = []
    if configuration.hasRopeFrequencies {
      divisors = try decoded(try tensor(.ropeFrequencies))
      if let bad = divisors.first(where: { $0 <= 0 }) {
        throw ModelError(
          .badCheckpoint, "tensor 'rope_freqs.weight' holds \(bad), expected positive divisors",
          remedy: "convert the model again: the divisors follow from its llama3 rope scaling")
      }
    }
    return RotaryFrequencies(
      dimensions: configuration.ropeDimensionCount, base: configuration.ropeBase,
      divisors: divisors, scaling: configuration.ropeScaling)
  }
}
