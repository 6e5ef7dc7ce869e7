// SPDX-License-Identifier: Apache-2.0

/// The valid tokenizer files that mutations start from: every kind of model and step is in one.
enum TokenizerBases {
  /// Files of `tokenizer.json`, then one of SentencePiece, as bytes.
  static func make() -> [[UInt8]] {
    json.map { Array($0.utf8) } + [sentencePiece(type: 1), sentencePiece(type: 2)]
  }

  private static let letters = (0..<26).map { String(UnicodeScalar(UInt8(97 + $0))) }

  private static func vocabulary(_ more: [String]) -> String {
    let tokens = ["<unk>", "<s>", "</s>"] + letters + ["Ġ", "▁", ".", "1", "##a", "##b"] + more
    return tokens.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
  }

  private static let added = """
    [{"id": 1, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": true, \
    "normalized": false, "special": true}, {"id": 90, "content": "<tool>", "single_word": true, \
    "lstrip": true, "rstrip": false, "normalized": true, "special": false}]
    """

  private static let json = [
    """
    {"version": "1.0", "truncation": null, "padding": null, "added_tokens": \(added), \
    "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [\
    {"type": "Split", "pattern": {"Regex": "(?i:'s|'t)|[^\\\\r\\\\n\\\\p{L}]?\\\\p{L}+|\\\\p{N}{1,3}|\\\\s+(?!\\\\S)|\\\\s+"}, \
    "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, \
    "trim_offsets": true, "use_regex": false}]}, "post_processor": {"type": "TemplateProcessing", \
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], \
    "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}, \
    "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "dropout": null, "unk_token": null, \
    "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false, \
    "byte_fallback": false, "ignore_merges": true, "vocab": {\(vocabulary(["ab", "abc", "Ġab"]))}, \
    "merges": ["a b", "ab c", ["Ġ", "ab"]]}}
    """,
    """
    {"added_tokens": \(added), "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", \
    "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, {"type": "Strip", \
    "strip_left": true, "strip_right": false}, {"type": "Nmt"}, {"type": "NFKC"}]}, "pre_tokenizer": null, \
    "post_processor": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}, \
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, \
    "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", \
    "start": 1, "stop": 0}]}, "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, \
    "byte_fallback": true, "continuing_subword_prefix": "##", "end_of_word_suffix": "", \
    "vocab": {\(vocabulary(["aa", "<0x41>"]))}, "merges": ["a ##a"]}}
    """,
    """
    {"added_tokens": [], "normalizer": {"type": "BertNormalizer", "clean_text": true, \
    "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}, "pre_tokenizer": \
    {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": {"type": "WordPiece", \
    "prefix": "##", "cleanup": true}, "model": {"type": "WordPiece", "unk_token": "<unk>", \
    "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {\(vocabulary(["abc"]))}}}
    """,
    """
    {"added_tokens": \(added), "normalizer": {"type": "Precompiled", "precompiled_charsmap": "CAAAAAAEAAAAAAAAYQA="}, \
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": "▁", \
    "prepend_scheme": "first", "split": true}, {"type": "Digits", "individual_digits": true}, \
    {"type": "Punctuation", "behavior": "Contiguous"}, {"type": "UnicodeScripts"}, {"type": "FixedLength", \
    "length": 3}]}, "post_processor": null, "decoder": {"type": "Metaspace", "replacement": "▁", \
    "prepend_scheme": "always"}, "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false, \
    "vocab": [["<unk>", 0.0], ["<s>", 0], ["▁", -2.5], ["a", -3], ["ab", -1e-3], ["▁ab", -2]]}}
    """,
    """
    {"added_tokens": [], "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, \
    "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], \
    "trim_offsets": true, "add_prefix_space": true}, "decoder": {"type": "CTC", "pad_token": "<unk>", \
    "word_delimiter_token": "▁", "cleanup": true}, "model": {"type": "WordLevel", \
    "vocab": {\(vocabulary(["pay", "it"]))}, "unk_token": "<unk>"}}
    """,
  ]

  /// A SentencePiece model of some pieces.
  private static func sentencePiece(type: UInt8) -> [UInt8] {
    func message(_ field: UInt8, _ body: [UInt8]) -> [UInt8] {
      [field << 3 | 2, UInt8(body.count)] + body
    }
    var bytes: [UInt8] = []
    let pieces: [(String, UInt8)] =
      [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("▁", 1), ("ab", 1), ("▁ab", 1), ("<tool>", 4)]
      + letters.map { ($0, 1) } + [("<0x41>", 6)]
    for (index, (text, kind)) in pieces.enumerated() {
      let score = little((-Float(index)).bitPattern)
      bytes += message(1, message(1, Array(text.utf8)) + [2 << 3 | 5] + score + [3 << 3, kind])
    }
    bytes += message(2, [3 << 3, type, 0x98, 0x02, 0x01])
    bytes += message(3, message(1, Array("identity".utf8)) + [3 << 3, 1, 4 << 3, 1])
    return bytes
  }
}
