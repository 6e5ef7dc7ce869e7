// SPDX-License-Identifier: Apache-2.0

/// Published expressions that have no matcher written by hand, by their names in GGUF files.
///
/// An expression of several passes cuts the pieces that the pass before left.
package enum PublishedPatterns {
  /// The names that ``passes(ggufName:)`` knows.
  package static var names: [String] { published.flatMap(\.names) }

  /// The expressions behind a `tokenizer.ggml.pre` name, one for each pass; nil for other names.
  package static func passes(ggufName: String) -> [String]? {
    published.first { $0.names.contains(ggufName) }?.passes
  }

  private static let contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
  private static let ends = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
  private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
  private static let gpt2 =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// GPT-4o's expression, with what may follow a word and its rule for numbers left open.
  private static func cased(_ suffix: String, number: String) -> String {
    let lead = #"[^\r\n\p{L}\p{N}]?"#
    return "\(lead)\(upper)*\(lower)+\(suffix)|\(lead)\(upper)+\(lower)*\(suffix)|\(number)"
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + ends
  }

  private static let published: [(names: [String], passes: [String])] = [
    (["gpt-4o", "llama4"], [cased(contraction + "?", number: #"\p{N}{1,3}"#)]),
    (["tekken"], [cased("", number: #"\p{N}"#)]),
    (
      ["qwen35"],
      [
        contraction + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"#
          + ends
      ]
    ),
    (
      ["deepseek-v3"],
      [
        #"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+",
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
          + #"| ?[\p{P}\p{S}]+[\r\n]*"# + ends,
      ]
    ),
    (
      ["deepseek-coder"],
      [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, "[一-龥ࠀ-一가-퟿]+", #"\p{N}"#]
    ),
    (["starcoder", "smollm", "command-r"], [#"\p{N}"#, gpt2]),
    (["gemma4"], [#"[^\n]+|[\n]+"#]),
  ]
}
