// SPDX-License-Identifier: Apache-2.0

/// The tensors of a transformer and their spelling in GGUF files: the one table of names.
///
/// The spelling of Hugging Face directories is in `TensorName+HuggingFace.swift`.
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
  /// Rows of q, then k, then v.
  case attentionQKV(Int)
  case attentionQBias(Int)
  case attentionKBias(Int)
  case attentionVBias(Int)
  /// One norm for all heads of q.
  case attentionQNorm(Int)
  /// One norm for all heads of k.
  case attentionKNorm(Int)
  case attentionOutput(Int)
  case attentionOutputBias(Int)
  /// One score for each query head.
  case attentionSinks(Int)
  /// Norm of what attention adds.
  case attentionPostNorm(Int)
  case feedForwardNorm(Int)
  case feedForwardGate(Int)
  case feedForwardUp(Int)
  /// Rows of the gate, then of up.
  case feedForwardGateUp(Int)
  case feedForwardDown(Int)
  /// Norm of what the feed-forward network adds.
  case feedForwardPostNorm(Int)
  /// Scores the experts.
  case router(Int)
  case routerBias(Int)
  /// All experts of a layer, one behind the other.
  case expertGates(Int)
  case expertUps(Int)
  case expertDowns(Int)
  case expertGateBiases(Int)
  case expertUpBiases(Int)
  case expertDownBiases(Int)
  /// All experts of a layer, columns (or rows) of gate and up in turns: the matrix, or its blocks and scales.
  case expertGateUps(Int)
  case expertGateUpBlocks(Int)
  case expertGateUpScales(Int)
  case expertGateUpBiases(Int)
  /// All experts of a layer, transposed: the matrix, or its blocks and scales.
  case expertDownsTransposed(Int)
  case expertDownBlocks(Int)
  case expertDownScales(Int)
  /// One expert of a layer.
  case expertGate(Int, Int)
  case expertUp(Int, Int)
  case expertDown(Int, Int)

  /// The name in a GGUF file.
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
    case .attentionQKV(let layer): "blk.\(layer).attn_qkv.weight"
    case .attentionQBias(let layer): "blk.\(layer).attn_q.bias"
    case .attentionKBias(let layer): "blk.\(layer).attn_k.bias"
    case .attentionVBias(let layer): "blk.\(layer).attn_v.bias"
    case .attentionQNorm(let layer): "blk.\(layer).attn_q_norm.weight"
    case .attentionKNorm(let layer): "blk.\(layer).attn_k_norm.weight"
    case .attentionOutput(let layer): "blk.\(layer).attn_output.weight"
    case .attentionOutputBias(let layer): "blk.\(layer).attn_output.bias"
    case .attentionSinks(let layer): "blk.\(layer).attn_sinks.weight"
    case .attentionPostNorm(let layer): "blk.\(layer).post_attention_norm.weight"
    case .feedForwardNorm(let layer): "blk.\(layer).ffn_norm.weight"
    case .feedForwardGate(let layer): "blk.\(layer).ffn_gate.weight"
    case .feedForwardUp(let layer), .feedForwardGateUp(let layer): "blk.\(layer).ffn_up.weight"
    case .feedForwardDown(let layer): "blk.\(layer).ffn_down.weight"
    case .feedForwardPostNorm(let layer): "blk.\(layer).post_ffw_norm.weight"
    case .router(let layer): "blk.\(layer).ffn_gate_inp.weight"
    case .routerBias(let layer): "blk.\(layer).ffn_gate_inp.bias"
    case .expertGateBiases(let layer): "blk.\(layer).ffn_gate_exps.bias"
    case .expertUpBiases(let layer): "blk.\(layer).ffn_up_exps.bias"
    case .expertDownBiases(let layer): "blk.\(layer).ffn_down_exps.bias"
    case .expertGateUps(let layer): "blk.\(layer).ffn_gate_up_exps.weight"
    case .expertGateUpBlocks(let layer): "blk.\(layer).ffn_gate_up_exps.blocks"
    case .expertGateUpScales(let layer): "blk.\(layer).ffn_gate_up_exps.scales"
    case .expertGateUpBiases(let layer): "blk.\(layer).ffn_gate_up_exps.bias"
    case .expertDownsTransposed(let layer): "blk.\(layer).ffn_down_exps.transposed"
    case .expertDownBlocks(let layer): "blk.\(layer).ffn_down_exps.blocks"
    case .expertDownScales(let layer): "blk.\(layer).ffn_down_exps.scales"
    case .expertGates(let layer): "blk.\(layer).ffn_gate_exps.weight"
    case .expertUps(let layer): "blk.\(layer).ffn_up_exps.weight"
    case .expertDowns(let layer): "blk.\(layer).ffn_down_exps.weight"
    case .expertGate(let layer, let expert): "blk.\(layer).ffn_gate.\(expert).weight"
    case .expertUp(let layer, let expert): "blk.\(layer).ffn_up.\(expert).weight"
    case .expertDown(let layer, let expert): "blk.\(layer).ffn_down.\(expert).weight"
    }
  }

  /// Whether the tensor is a vector of norm weights.
  public var isNorm: Bool {
    switch self {
    case .outputNorm, .attentionNorm, .attentionQNorm, .attentionKNorm, .attentionPostNorm,
      .feedForwardNorm, .feedForwardPostNorm:
      true
    default: false
    }
  }

  /// Whether the tensor holds bytes that are taken apart as it is loaded.
  var areBytes: Bool {
    switch self {
    case .expertGateUpBlocks, .expertGateUpScales, .expertDownBlocks, .expertDownScales: true
    default: false
    }
  }

  /// Whether the tensor is a bias.
  public var isBias: Bool {
    switch self {
    case .attentionQBias, .attentionKBias, .attentionVBias, .attentionOutputBias, .routerBias,
      .expertGateBiases, .expertUpBiases, .expertDownBiases, .expertGateUpBiases:
      true
    default: false
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
    let experts = model.experts?.count ?? 0
    let narrow = model.experts?.feedForwardSize ?? 0
    let expertReason = "\(hiddenReason), \(experts) experts of feedForwardSize \(narrow)"
    return switch self {
    case .tokenEmbedding, .output:
      ([hidden, model.vocabularySize], "\(hiddenReason), vocabularySize \(model.vocabularySize)")
    case .outputNorm, .attentionNorm, .feedForwardNorm, .attentionPostNorm, .feedForwardPostNorm,
      .attentionOutputBias:
      ([hidden], hiddenReason)
    case .attentionQNorm, .attentionKNorm: ([model.headDim], "headDim \(model.headDim)")
    case .ropeFrequencies:
      ([model.ropeDimensionCount / 2], "half of ropeDimensionCount \(model.ropeDimensionCount)")
    case .attentionQ: ([hidden, queries], "\(hiddenReason), \(queryReason)")
    case .attentionK, .attentionV: ([hidden, keys], "\(hiddenReason), \(keyReason)")
    case .attentionQKV:
      ([hidden, queries + 2 * keys], "\(hiddenReason), \(queryReason) + 2 × (\(keyReason))")
    case .attentionQBias: ([queries], queryReason)
    case .attentionKBias, .attentionVBias: ([keys], keyReason)
    case .attentionOutput: ([queries, hidden], "\(queryReason), \(hiddenReason)")
    case .feedForwardGate, .feedForwardUp: ([hidden, model.feedForwardSize], wideReason)
    case .feedForwardGateUp: ([hidden, 2 * model.feedForwardSize], "2 × \(wideReason)")
    case .feedForwardDown: ([model.feedForwardSize, hidden], wideReason)
    case .router: ([hidden, experts], expertReason)
    case .attentionSinks: ([model.headCount], "headCount \(model.headCount)")
    case .routerBias: ([experts], expertReason)
    case .expertGateBiases, .expertUpBiases: ([narrow, experts], expertReason)
    case .expertGateUpBiases: ([2 * narrow, experts], expertReason)
    case .expertDownBiases: ([hidden, experts], expertReason)
    case .expertGateUps: ([2 * narrow, hidden, experts], expertReason)
    case .expertGateUpBlocks: ([16, hidden / 32, 2 * narrow, experts], expertReason)
    case .expertGateUpScales: ([hidden / 32, 2 * narrow, experts], expertReason)
    case .expertDownsTransposed: ([hidden, narrow, experts], expertReason)
    case .expertDownBlocks: ([16, narrow / 32, hidden, experts], expertReason)
    case .expertDownScales: ([narrow / 32, hidden, experts], expertReason)
    case .expertGates, .expertUps: ([hidden, narrow, experts], expertReason)
    case .expertDowns: ([narrow, hidden, experts], expertReason)
    case .expertGate, .expertUp: ([hidden, narrow], expertReason)
    case .expertDown: ([narrow, hidden], expertReason)
    }
  }

  /// Every tensor that a model of this configuration has, in the usual order of files.
  public static func all(in model: ModelConfiguration) -> [TensorName] {
    var names: [TensorName] = [.tokenEmbedding]
    for layer in 0..<model.layerCount {
      names += attention(layer, in: model) + feedForward(layer, in: model)
    }
    names.append(.outputNorm)
    if !model.isOutputTied { names.append(.output) }
    if model.hasRopeFrequencies { names.append(.ropeFrequencies) }
    return names
  }

  private static func attention(_ layer: Int, in model: ModelConfiguration) -> [TensorName] {
    var names: [TensorName] = [.attentionNorm(layer)]
    names +=
      model.isQKVFused
      ? [.attentionQKV(layer)] : [.attentionQ(layer), .attentionK(layer), .attentionV(layer)]
    if model.hasQKVBias {
      names += [.attentionQBias(layer), .attentionKBias(layer), .attentionVBias(layer)]
    }
    if model.hasQKNorm { names += [.attentionQNorm(layer), .attentionKNorm(layer)] }
    names.append(.attentionOutput(layer))
    if model.hasOutputBias { names.append(.attentionOutputBias(layer)) }
    if model.hasSinks { names.append(.attentionSinks(layer)) }
    if model.hasPostNorms { names.append(.attentionPostNorm(layer)) }
    return names
  }

  private static func feedForward(_ layer: Int, in model: ModelConfiguration) -> [TensorName] {
    var names: [TensorName] = [.feedForwardNorm(layer)]
    if let experts = model.experts {
      names += [.router(layer)] + mixture(layer, experts)
    } else if model.isGateUpFused {
      names += [.feedForwardGateUp(layer), .feedForwardDown(layer)]
    } else {
      names += [.feedForwardGate(layer), .feedForwardUp(layer), .feedForwardDown(layer)]
    }
    if model.hasPostNorms { names.append(.feedForwardPostNorm(layer)) }
    return names
  }

  private static func mixture(_ layer: Int, _ experts: ExpertConfiguration) -> [TensorName] {
    var names: [TensorName] = []
    switch experts.layout {
    case .separate:
      for expert in 0..<experts.count {
        names += [
          .expertGate(layer, expert), .expertUp(layer, expert), .expertDown(layer, expert),
        ]
      }
    case .stacked: names = [.expertGates(layer), .expertUps(layer), .expertDowns(layer)]
    case .transposed: names = [.expertGateUps(layer), .expertDownsTransposed(layer)]
    case .blocks:
      names = [
        .expertGateUpBlocks(layer), .expertGateUpScales(layer), .expertDownBlocks(layer),
        .expertDownScales(layer),
      ]
    }
    guard experts.hasBiases else { return names }
    names += [.routerBias(layer), .expertDownBiases(layer)]
    names +=
      experts.layout == .stacked
      ? [.expertGateBiases(layer), .expertUpBiases(layer)] : [.expertGateUpBiases(layer)]
    return names
  }
}
