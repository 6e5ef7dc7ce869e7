// SPDX-License-Identifier: Apache-2.0

/// Tokens that end generation whatever the metadata says, by their text.
///
/// - Source: llama.cpp `src/llama-vocab.cpp`, `special_eog_ids`.
enum StopTokens {
  private static let texts: Set<String> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
    "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
    "<｜end▁of▁sentence｜>", "[e~[",
  ]

  /// `named` with the tokens of known texts.
  ///
  /// - Complexity: O(tokens).
  static func ids(in tokens: [String], beside named: Set<Int>) -> Set<Int> {
    var ids = named
    var idByText: [String: Int] = [:]
    for (id, token) in tokens.enumerated() where texts.contains(token) {
      idByText[token] = id
    }
    let found = Set(idByText.keys)
    // Where answers have channels, <|end|> closes a channel, not the answer.
    let hasChannels =
      found.isSuperset(of: ["<|return|>", "<|call|>"])
      || found.isSuperset(of: ["<|calls|>", "<|flush|>"])
    ids.formUnion(idByText.filter { !(hasChannels && $0.key == "<|end|>") }.values)
    if hasChannels, let end = idByText["<|end|>"] { ids.remove(end) }
    return ids
  }
}
