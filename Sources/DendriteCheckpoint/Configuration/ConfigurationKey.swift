// SPDX-License-Identifier: Apache-2.0

/// A size or constant of a model, and how the two kinds of files spell it: the one table of keys.
///
/// - Source: llama.cpp `gguf-py/gguf/constants.py`; transformers `models/*/configuration_*.py`.
enum ConfigurationKey: CaseIterable {
  case contextLength
  case hiddenSize
  case layerCount
  case feedForwardSize
  case headCount
  case kvHeadCount
  case headDim
  case vocabularySize
  case rmsNormEpsilon
  case slidingWindow
  case windowPattern
  case attentionSoftCap
  case outputSoftCap
  case ropeBase
  case windowedRopeBase
  case expertCount
  case expertUsedCount
  case expertFeedForwardSize

  /// The key in GGUF files, behind the architecture.
  var gguf: String {
    switch self {
    case .contextLength: "context_length"
    case .hiddenSize: "embedding_length"
    case .layerCount: "block_count"
    case .feedForwardSize: "feed_forward_length"
    case .headCount: "attention.head_count"
    case .kvHeadCount: "attention.head_count_kv"
    case .headDim: "attention.key_length"
    case .vocabularySize: "vocab_size"
    case .rmsNormEpsilon: "attention.layer_norm_rms_epsilon"
    case .slidingWindow: "attention.sliding_window"
    case .windowPattern: "attention.sliding_window_pattern"
    case .attentionSoftCap: "attn_logit_softcapping"
    case .outputSoftCap: "final_logit_softcapping"
    case .ropeBase: "rope.freq_base"
    case .windowedRopeBase: "rope.freq_base_swa"
    case .expertCount: "expert_count"
    case .expertUsedCount: "expert_used_count"
    case .expertFeedForwardSize: "expert_feed_forward_length"
    }
  }

  /// The key in a `config.json`; the first of its spellings.
  var huggingFace: String { huggingFaceSpellings[0] }

  /// All spellings in a `config.json`.
  var huggingFaceSpellings: [String] {
    switch self {
    case .contextLength: ["max_position_embeddings"]
    case .hiddenSize: ["hidden_size"]
    case .layerCount: ["num_hidden_layers"]
    case .feedForwardSize: ["intermediate_size"]
    case .headCount: ["num_attention_heads"]
    case .kvHeadCount: ["num_key_value_heads"]
    case .headDim: ["head_dim"]
    case .vocabularySize: ["vocab_size"]
    case .rmsNormEpsilon: ["rms_norm_eps"]
    case .slidingWindow: ["sliding_window"]
    case .windowPattern: ["sliding_window_pattern", "_sliding_window_pattern"]
    case .attentionSoftCap: ["attn_logit_softcapping"]
    case .outputSoftCap: ["final_logit_softcapping"]
    case .ropeBase: ["rope_theta"]
    case .windowedRopeBase: ["rope_local_base_freq"]
    case .expertCount: ["num_experts", "num_local_experts"]
    case .expertUsedCount: ["num_experts_per_tok"]
    case .expertFeedForwardSize: ["moe_intermediate_size", "intermediate_size"]
    }
  }
}
