// SPDX-License-Identifier: Apache-2.0

extension TensorName {
  /// The name in a Hugging Face directory; `nil` for what such directories do not have.
  ///
  /// Families share these names, with two exceptions: with norms of what is added, the norm *before* the
  /// feed-forward network changes its name; and Mixtral has names of its own for experts.
  ///
  /// - Source: transformers `models/*/modeling_*.py`.
  func huggingFaceName(in model: ModelConfiguration) -> String? {
    switch self {
    case .tokenEmbedding: "model.embed_tokens.weight"
    case .outputNorm: "model.norm.weight"
    case .output: "lm_head.weight"
    case .ropeFrequencies: nil
    case .attentionNorm(let layer): "model.layers.\(layer).input_layernorm.weight"
    case .attentionQ(let layer): "model.layers.\(layer).self_attn.q_proj.weight"
    case .attentionK(let layer): "model.layers.\(layer).self_attn.k_proj.weight"
    case .attentionV(let layer): "model.layers.\(layer).self_attn.v_proj.weight"
    case .attentionQKV(let layer): "model.layers.\(layer).self_attn.qkv_proj.weight"
    case .attentionQBias(let layer): "model.layers.\(layer).self_attn.q_proj.bias"
    case .attentionKBias(let layer): "model.layers.\(layer).self_attn.k_proj.bias"
    case .attentionVBias(let layer): "model.layers.\(layer).self_attn.v_proj.bias"
    case .attentionQNorm(let layer): "model.layers.\(layer).self_attn.q_norm.weight"
    case .attentionKNorm(let layer): "model.layers.\(layer).self_attn.k_norm.weight"
    case .attentionOutput(let layer): "model.layers.\(layer).self_attn.o_proj.weight"
    case .attentionOutputBias(let layer): "model.layers.\(layer).self_attn.o_proj.bias"
    case .attentionPostNorm(let layer): "model.layers.\(layer).post_attention_layernorm.weight"
    case .feedForwardNorm(let layer):
      "model.layers.\(layer)."
        + (model.hasPostNorms
          ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight")
    case .feedForwardGate(let layer): "model.layers.\(layer).mlp.gate_proj.weight"
    case .feedForwardUp(let layer): "model.layers.\(layer).mlp.up_proj.weight"
    case .feedForwardGateUp(let layer): "model.layers.\(layer).mlp.gate_up_proj.weight"
    case .feedForwardDown(let layer): "model.layers.\(layer).mlp.down_proj.weight"
    case .feedForwardPostNorm(let layer): "model.layers.\(layer).post_feedforward_layernorm.weight"
    case .attentionSinks(let layer): "model.layers.\(layer).self_attn.sinks"
    case .router(let layer):
      "model.layers.\(layer).\(Self.mixture(model))."
        + (model.architecture == .gptOSS ? "router.weight" : "gate.weight")
    case .routerBias(let layer): "model.layers.\(layer).mlp.router.bias"
    case .expertGateUps(let layer): "model.layers.\(layer).mlp.experts.gate_up_proj"
    case .expertGateUpBlocks(let layer): "model.layers.\(layer).mlp.experts.gate_up_proj_blocks"
    case .expertGateUpScales(let layer): "model.layers.\(layer).mlp.experts.gate_up_proj_scales"
    case .expertGateUpBiases(let layer): "model.layers.\(layer).mlp.experts.gate_up_proj_bias"
    case .expertDownsTransposed(let layer): "model.layers.\(layer).mlp.experts.down_proj"
    case .expertDownBlocks(let layer): "model.layers.\(layer).mlp.experts.down_proj_blocks"
    case .expertDownScales(let layer): "model.layers.\(layer).mlp.experts.down_proj_scales"
    case .expertDownBiases(let layer): "model.layers.\(layer).mlp.experts.down_proj_bias"
    case .expertGate(let layer, let expert):
      Self.expert(layer, expert, "gate_proj", "w1", in: model)
    case .expertUp(let layer, let expert): Self.expert(layer, expert, "up_proj", "w3", in: model)
    case .expertDown(let layer, let expert):
      Self.expert(layer, expert, "down_proj", "w2", in: model)
    case .expertGates, .expertUps, .expertDowns, .expertGateBiases, .expertUpBiases: nil
    }
  }

  /// Of the families with experts only Mixtral shares Llama's graph.
  private static func mixture(_ model: ModelConfiguration) -> String {
    model.architecture == .llama ? "block_sparse_moe" : "mlp"
  }

  private static func expert(
    _ layer: Int, _ expert: Int, _ name: String, _ mixtralName: String,
    in model: ModelConfiguration
  ) -> String {
    let own = model.architecture == .llama ? mixtralName : name
    return "model.layers.\(layer).\(mixture(model)).experts.\(expert).\(own).weight"
  }
}
