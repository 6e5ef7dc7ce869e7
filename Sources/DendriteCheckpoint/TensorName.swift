// SPDX-License-Identifier: Apache-2.0

/// The tensors of a transformer and their spelling in GGUF files: the one table of names.
///
/// - Source: llama.cpp `gguf-py/gguf/constants.py`.
public enum TensorName: Hashable, Sendable, CustomStringConvertible {
  case tokenEmbedding
  case outputNorm
  /// Absent if the output is tied to the embedding.
  case output
  /// Divisors of the rotary angles; present with llama3 scaling.
  case ropeFrequencies
  case attentionNorm(Int)
  case attentionQ(Int)
  case attentionK(Int)
  case attentionV(Int)
  case attentionQBias(Int)
  case attentionKBias(Int)
  case attentionVBias(Int)
  case attentionOutput(Int)
  case feedForwardNorm(Int)
  case feedForwardGate(Int)
  case feedForwardUp(Int)
  case feedForwardDown(Int)

  /// The name in the file.
  public var description: String {
    switch self {
    case .tokenEmbedding: "token_embd.weight"
    case .outputNorm: "output_norm.weight"
    case .output: "output.weight"
    case .ropeFrequencies: "rope_freqs.weight"
    case .attentionNorm(let layer): "blk.\(layer).attn_norm.weight"
    case .attentionQ(let layer): "blk.\(layer).attn_q.weight"
    case .attentionK(let layer): "blk.\(layer).attn_k.weight"
    case .attentionV(let layer): "blk.\(layer).attn_v.weight"
    case .attentionQBias(let layer): "blk.\(layer).attn_q.bias"
    case .attentionKBias(let layer): "blk.\(layer).attn_k.bias"
    case .attentionVBias(let layer): "blk.\(layer).attn_v.bias"
    case .attentionOutput(let layer): "blk.\(layer).attn_output.weight"
    case .feedForwardNorm(let layer): "blk.\(layer).ffn_norm.weight"
    case .feedForwardGate(let layer): "blk.\(layer).ffn_gate.weight"
    case .feedForwardUp(let layer): "blk.\(layer).ffn_up.weight"
    case .feedForwardDown(let layer): "blk.\(layer).ffn_down.weight"
    }
  }
}

// MARK: - Shapes

extension TensorName {
  /// The shape that follows from a configuration (ne0 first), and why, in words.
  public func expectedShape(
    in model: ModelConfiguration
  ) -> (shape: [Int], reason: String) {
    let hidden = model.hiddenSize
    let queries = model.headCount * model.headDim
    let keys = model.kvHeadCount * model.headDim
    let hiddenReason = "hiddenSize \(hidden)"
    let queryReason = "headCount \(model.headCount) × headDim \(model.headDim)"
    let keyReason = "kvHeadCount \(model.kvHeadCount) × headDim \(model.headDim)"
    let wideReason = "\(hiddenReason), feedForwardSize \(model.feedForwardSize)"
    return switch self {
    case .tokenEmbedding, .output:
      ([hidden, model.vocabularySize], "\(hiddenReason), vocabularySize \(model.vocabularySize)")
    case .outputNorm, .attentionNorm, .feedForwardNorm: ([hidden], hiddenReason)
    case .ropeFrequencies:
      ([model.ropeDimensionCount / 2], "half of ropeDimensionCount \(model.ropeDimensionCount)")
    case .attentionQ: ([hidden, queries], "\(hiddenReason), \(queryReason)")
    case .attentionK, .attentionV: ([hidden, keys], "\(hiddenReason), \(keyReason)")
    case .attentionQBias: ([queries], queryReason)
    case .attentionKBias, .attentionVBias: ([keys], keyReason)
    case .attentionOutput: ([queries, hidden], "\(queryReason), \(hiddenReason)")
    case .feedForwardGate, .feedForwardUp: ([hidden, model.feedForwardSize], wideReason)
    case .feedForwardDown: ([model.feedForwardSize, hidden], wideReason)
    }
  }

  /// Every tensor that a model of this configuration has, in the usual order of files.
  public static func all(in model: ModelConfiguration) -> [TensorName] {
    var names: [TensorName] = [.tokenEmbedding]
    for layer in 0..<model.layerCount {
      names += [.attentionNorm(layer), .attentionQ(layer), .attentionK(layer), .attentionV(layer)]
      if model.hasQKVBias {
        names += [.attentionQBias(layer), .attentionKBias(layer), .attentionVBias(layer)]
      }
      names += [
        .attentionOutput(layer), .feedForwardNorm(layer), .feedForwardGate(layer),
        .feedForwardUp(layer), .feedForwardDown(layer),
      ]
    }
    names.append(.outputNorm)
    if !model.isOutputTied { names.append(.output) }
    if model.hasRopeFrequencies { names.append(.ropeFrequencies) }
    return names
  }
}

// MARK: - Lookup

extension GGUFFile {
  /// The tensor of this name, or `nil`.
  public func tensorIfPresent(_ name: TensorName) -> TensorView? {
    tensorIfPresent(named: name.description)
  }

  /// The tensor of this name, of this shape (ne0 first); `reason` says where the shape comes from.
  ///
  /// - Throws: `.missingTensor` or `.wrongShape`, with both shapes and `reason`.
  public func tensor(
    _ name: TensorName, shape: [Int], because reason: String = ""
  ) throws(CheckpointError) -> TensorView {
    let tensor = try tensor(named: name.description)
    guard GGUFFile.isSameShape(tensor.info.shape, shape) else {
      throw CheckpointError(
        .wrongShape,
        "tensor '\(name)' has shape \(tensor.info.shape), expected \(shape)"
          + (reason.isEmpty ? "" : "\n(\(reason))"),
        remedy: "get metadata and weights from the same revision; `dendrite inspect` lists both")
    }
    guard !tensor.info.type.isInteger else {
      throw CheckpointError(
        .unsupportedTensorType,
        "tensor '\(name)' is stored as \(tensor.info.type), expected one of\n"
          + TensorType.supportedNames,
        remedy: "get the model in another quantisation, for example Q8_0 or Q4_K_M")
    }
    return tensor
  }

  /// Whether two shapes are alike; dimensions of 1 at the end do not count.
  private static func isSameShape(_ left: [Int], _ right: [Int]) -> Bool {
    let rank = max(left.count, right.count)
    return (0..<rank).allSatisfy { axis in
      (axis < left.count ? left[axis] : 1) == (axis < right.count ? right[axis] : 1)
    }
  }

  /// The tensor of this name, of the shape that the configuration demands.
  ///
  /// - Throws: `.missingTensor` or `.wrongShape`.
  public func tensor(
    _ name: TensorName, in model: ModelConfiguration
  ) throws(CheckpointError) -> TensorView {
    let (shape, reason) = name.expectedShape(in: model)
    return try tensor(name, shape: shape, because: reason)
  }

  /// Checks that every tensor of the configuration is there, in its shape, and no other.
  ///
  /// A tensor that the model's graph has no place for would be ignored in silence and change the
  /// answer, so it is refused.
  ///
  /// - Throws: the first `.missingTensor`, `.wrongShape`, or `.unsupportedModel`.
  public func checkTensors(for model: ModelConfiguration) throws(CheckpointError) {
    let names = TensorName.all(in: model)
    for name in names { _ = try tensor(name, in: model) }
    guard tensors.count > names.count else { return }
    let known = Set(names.map(\.description))
    guard let extra = tensors.first(where: { !known.contains($0.name) }) else { return }
    throw CheckpointError(
      .unsupportedModel,
      "tensor \(quoted(extra.name)) has no place in architecture '\(model.architecture.rawValue)' "
        + "with \(model.layerCount) layers,\nexpected only the \(names.count) tensors it uses",
      remedy: "choose another file of the model; `dendrite inspect` lists the tensors")
  }
}
