// SPDX-License-Identifier: Apache-2.0

/// Makes model files of a published shape with random weights.
///
/// Speed does not depend on the values of weights, so such a file stands in for the real one in
/// benchmarks; it loads in llama.cpp too. Its text is noise. Matrices hold values with a standard
/// deviation near 0.02, norms are 1, so that logits stay finite at any depth.
public struct ModelMaker: Sendable {
  /// The shape.
  public let shape: ModelShape
  /// How matrices are stored.
  public let format: WeightFormat
  /// Determines every weight.
  public let seed: UInt64

  /// Prepares a model; nothing is written yet.
  public init(shape: ModelShape, format: WeightFormat, seed: UInt64 = 0) {
    self.shape = shape
    self.format = format
    self.seed = seed
  }

  /// Writes the model to a file; as `GGUFWriter.write`, never leaves half a file.
  ///
  /// - Parameters:
  ///   - path: the file to make or replace.
  ///   - progress: called after each piece with the bytes written and the total.
  /// - Throws: `.unwritable` or `.cancelled`.
  public func write(
    to path: String, progress: (_ written: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(CheckpointError) {
    try writer().write(to: path, progress: progress)
  }

  /// The file's bytes, in memory; for tiny shapes.
  package func bytes() throws(CheckpointError) -> [UInt8] { try writer().bytes() }

  /// The file, ready to be written.
  package func writer() throws(CheckpointError) -> GGUFWriter {
    let model = shape.configuration
    var writer = GGUFWriter()
    try addMetadata(model, to: &writer)
    try SyntheticVocabulary(shape.vocabulary, size: model.vocabularySize).add(to: &writer)
    for (index, name) in TensorName.all(in: model).enumerated() {
      try addTensor(name, index: index, in: model, to: &writer)
    }
    return writer
  }

  private func addMetadata(
    _ model: ModelConfiguration, to writer: inout GGUFWriter
  ) throws(CheckpointError) {
    let architecture = model.architecture.rawValue
    try writer.add("general.architecture", string: architecture)
    try writer.add("general.type", string: "model")
    try writer.add("general.name", string: "\(shape.name) (random weights)")
    try writer.add("general.file_type", uint32: format.fileType)
    try writer.add("general.quantization_version", uint32: 2)
    try writer.add("\(architecture).block_count", uint32: model.layerCount)
    try writer.add("\(architecture).context_length", uint32: model.contextLength)
    try writer.add("\(architecture).embedding_length", uint32: model.hiddenSize)
    try writer.add("\(architecture).feed_forward_length", uint32: model.feedForwardSize)
    try writer.add("\(architecture).attention.head_count", uint32: model.headCount)
    try writer.add("\(architecture).attention.head_count_kv", uint32: model.kvHeadCount)
    try writer.add("\(architecture).attention.key_length", uint32: model.headDim)
    try writer.add("\(architecture).attention.value_length", uint32: model.headDim)
    try writer.add(
      "\(architecture).attention.layer_norm_rms_epsilon", float32: model.rmsNormEpsilon)
    try writer.add("\(architecture).rope.dimension_count", uint32: model.ropeDimensionCount)
    try writer.add("\(architecture).rope.freq_base", float32: Float(model.ropeBase))
    try writer.add("\(architecture).vocab_size", uint32: model.vocabularySize)
  }

  private func addTensor(
    _ name: TensorName, index: Int, in model: ModelConfiguration, to writer: inout GGUFWriter
  ) throws(CheckpointError) {
    let dimensions = name.expectedShape(in: model).shape
    let tensorSeed = SplitMix64.draw(seed: seed, counter: UInt64(index))
    switch name {
    case .ropeFrequencies:
      let divisors = shape.ropeFrequencies ?? [Float](repeating: 1, count: dimensions[0])
      try writer.addTensor(name.description, shape: dimensions, floats: divisors)
    case _ where name.isNorm:
      let ones = [Float](repeating: 1, count: dimensions[0])
      try writer.addTensor(name.description, shape: dimensions, floats: ones)
    default:
      let type = format.type(of: name, rowLength: dimensions[0], in: model)
      let blocks = RandomBlocks(type, seed: tensorSeed)
      try writer.addTensor(name.description, shape: dimensions, type: type) { chunk, offset in
        blocks.fill(chunk, byteOffset: offset)
      }
    }
  }
}
