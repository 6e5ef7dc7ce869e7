// SPDX-License-Identifier: Apache-2.0

/// How byte-level BPE cuts text into pieces that merges never cross.
///
/// Each case stands for one regular expression of the field, matched here by hand over decoded
/// scalars: leftmost, first alternative that fits, `\s` = Unicode White_Space, `\p{L}` and `\p{N}`
/// = general categories.
public enum PreTokenizer: String, Sendable, Hashable, CaseIterable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  case gpt2 = "gpt-2"
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
  /// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  case llama3 = "llama-bpe"
  /// Llama 3's expression with `\p{N}` in place of `\p{N}{1,3}`.
  case qwen2 = "qwen2"

  /// The pre-tokenizer behind a `tokenizer.ggml.pre` name, or nil where it is not supported.
  ///
  /// A caller that refuses an unknown name should list ``supportedGGUFNames``: text cut by the
  /// wrong expression gives ids that look plausible and are wrong.
  public init?(ggufName: String) {
    guard let known = Self.ggufNames.first(where: { $0.names.contains(ggufName) }) else {
      return nil
    }
    self = known.preTokenizer
  }

  /// Every `tokenizer.ggml.pre` name that ``init(ggufName:)`` accepts.
  public static var supportedGGUFNames: [String] { ggufNames.flatMap(\.names) }

  /// The names of `tokenizer.ggml.pre` by the expression they stand for, as llama.cpp has them.
  ///
  /// Those of Llama 3 also take whole pre-tokens from the vocabulary; names that share its
  /// expression alone are left out.
  private static let ggufNames: [(preTokenizer: PreTokenizer, names: [String])] = [
    (
      .gpt2,
      [
        "gpt-2", "phi-2", "roberta-bpe", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es",
        "jina-v2-de", "jina-v2-code", "gigachat", "a.x-4.0", "mellum", "modern-bert", "exaone4",
        "mpt", "olmo", "jais", "trillion", "granite-docling",
      ]
    ),
    (
      .llama3,
      [
        "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano",
      ]
    ),
    (
      .qwen2,
      [
        "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
        "solar-open",
      ]
    ),
  ]
}
