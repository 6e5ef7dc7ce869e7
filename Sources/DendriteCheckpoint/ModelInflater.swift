// SPDX-License-Identifier: Apache-2.0

/// Writes a small model as a larger network that computes the same function, bit for bit.
///
/// The larger network costs what its shape costs and says what the small model says, so it stands
/// in for a real target where acceptance is measured. Nothing of the extra weights reaches a logit:
///
/// - The residual stream is zero in the extra coordinates. A width that grows by 4^k divides the
///   mean of squares by 4^k and multiplies a norm's output by 2^k; ε is divided by 4^k and norm
///   weights by 2^k, all exactly.
/// - Extra heads and feed-forward channels compute, and meet zero columns of the output
///   projections. Extra layers add zero; the small model's layers are spread evenly among them.
/// - Sums run over blocks of 32 columns in order, so blocks of zeros behind the others change no
///   bit. Weights are random wherever they meet zeros or are thrown away, and zero where needed.
/// - Extra rows of the vocabulary get logits near −2^20, whose weight in a softmax is exactly 0:
///   two marked coordinates, see `VocabularyMark`.
///
/// Weights that are stored in the type asked for are copied as they are; others are decoded and
/// quantised, and then the larger model says what the small one says *in that type*, which is what
/// inflating it to its own sizes writes.
///
/// - Edge cases: marks add 2^-48 to two of sixteen partial sums of squares. That changes no bit of
///   a sum above 2^-23; embeddings of trained models are far above.
public struct ModelInflater: Sendable {
  /// The small model.
  let source: GGUFFile
  /// The small model's sizes.
  let small: ModelConfiguration
  /// What is written.
  public let configuration: ModelConfiguration
  /// How matrices are stored: Q4_0 or Q8_0.
  public let type: TensorType
  /// Whether every matrix of the small model is copied as it is stored.
  public let isVerbatim: Bool
  /// Determines the extra weights.
  public let seed: UInt64
  /// The width grows by the square of this power of two.
  let widthRoot: Int

  /// Checks that a model can be inflated; nothing is written yet.
  ///
  /// - Parameters:
  ///   - source: the small model.
  ///   - target: the sizes to reach.
  ///   - type: how matrices are stored; `nil` for the small model's own type.
  ///   - seed: determines the extra weights.
  /// - Throws: `.unsuitableTarget` if sizes or type do not allow sameness; what
  ///   `GGUFFile.modelConfiguration()` and `checkTensors(for:)` throw.
  public init(
    _ source: GGUFFile, to target: InflationTarget, type: TensorType? = nil, seed: UInt64 = 0
  ) throws(CheckpointError) {
    let small = try source.modelConfiguration()
    try source.checkTensors(for: small)
    try ModelInflater.checkGraph(of: small)
    let plan = InflationPlan(small: small, target: target)
    widthRoot = try plan.widthRoot()
    configuration = try plan.configuration()
    let matrices = try ModelInflater.matrices(of: source, small)
    let stored = if let type { type } else { try ModelInflater.commonType(of: matrices) }
    guard VocabularyMark.supports(stored) else {
      throw ModelInflater.unsuitable(
        "matrices in \(stored), expected Q4_0 or Q8_0",
        "choose --type q4_0 or --type q8_0: the model's weights are quantised again")
    }
    self.type = stored
    isVerbatim = matrices.allSatisfy { $0.type == stored }
    self.source = source
    self.small = small
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
  private func writer() throws(CheckpointError) -> GGUFWriter {
    var writer = GGUFWriter()
    try addMetadata(to: &writer)
    for (index, name) in TensorName.all(in: configuration).enumerated() {
      try addTensor(name, seed: SplitMix64.draw(seed: seed, counter: UInt64(index)), to: &writer)
    }
    return writer
  }

  /// Only graphs whose every tensor has a place in the larger model can be inflated.
  private static func checkGraph(of small: ModelConfiguration) throws(CheckpointError) {
    let isPlain =
      [.llama, .qwen2].contains(small.architecture) && small.experts == nil && !small.isQKVFused
      && !small.hasOutputBias
    guard isPlain else {
      throw unsuitable(
        "a model of architecture '\(small.architecture.rawValue)' with more than Llama's or Qwen 2's "
          + "tensors, expected a plain one",
        "inflate a model of the Llama or Qwen 2 family")
    }
  }

  // MARK: Types

  /// The small model's matrices.
  private static func matrices(
    of source: GGUFFile, _ small: ModelConfiguration
  ) throws(CheckpointError) -> [TensorInfo] {
    var matrices: [TensorInfo] = []
    for name in TensorName.all(in: small) {
      let info = try source.tensor(name, in: small).info
      if info.rowCount > 1 { matrices.append(info) }
    }
    return matrices
  }

  private static func commonType(of matrices: [TensorInfo]) throws(CheckpointError) -> TensorType {
    let types = Set(matrices.map(\.type))
    if types.count == 1, let type = types.first { return type }
    let names = types.map(\.name).sorted().joined(separator: ", ")
    throw unsuitable(
      "matrices in \(names), expected one type for all",
      "choose --type q4_0 or --type q8_0: they are quantised again")
  }

  static func unsuitable(_ message: String, _ remedy: String) -> CheckpointError {
    CheckpointError(.unsuitableTarget, message, remedy: remedy)
  }
}
