// SPDX-License-Identifier: Apache-2.0

/// A made-up but complete vocabulary: it encodes and decodes any text, and has the size asked for.
///
/// Byte-level vocabularies hold all 256 bytes; every further token is an earlier token and one more
/// byte, with the merge that makes it. SentencePiece vocabularies hold all bytes, the visible ASCII
/// characters and, in the same way, longer pieces. Special tokens stand where the families have
/// them.
package struct SyntheticVocabulary {
  /// The family whose special tokens and settings are used; of the first three, the first special
  /// token's id.
  package enum Kind: Sendable {
    case llama3(firstSpecial: Int)
    case qwen2(firstSpecial: Int)
    case gpt2(firstSpecial: Int)
    case sentencePiece
  }

  private(set) var tokens: [String] = []
  private(set) var merges: [String] = []
  private(set) var scores: [Float] = []
  /// `tokenizer.ggml.token_type` of each token.
  private(set) var types: [Int] = []
  let kind: Kind

  /// - Precondition: `size` has room for 256 bytes and the special tokens.
  init(_ kind: Kind, size: Int) {
    self.kind = kind
    switch kind {
    case .llama3(let first), .qwen2(let first), .gpt2(let first):
      precondition(first >= 256 && first < size, "no room for bytes and special tokens")
      addByteLevelTokens(count: first)
      addSpecialTokens(count: size - first)
    case .sentencePiece:
      precondition(size >= 512, "no room for bytes and characters")
      addSentencePieces(count: size)
    }
  }

  /// Adds the vocabulary's keys.
  func add(to writer: inout GGUFWriter) throws(CheckpointError) {
    try writer.add(TokenizerKey.model, string: isSentencePiece ? "llama" : "gpt2")
    try writer.add(TokenizerKey.preTokenizer, string: preTokenizerName)
    try writer.add(TokenizerKey.tokens, strings: tokens)
    if isSentencePiece { try writer.add(TokenizerKey.scores, float32s: scores) }
    try writer.add(TokenizerKey.types, int32s: types)
    if !isSentencePiece { try writer.add(TokenizerKey.merges, strings: merges) }
    switch kind {
    case .llama3(let first):
      try writer.add(TokenizerKey.id("bos"), uint32: first)
      try writer.add(TokenizerKey.id("eos"), uint32: first + 1)
      try writer.add(TokenizerKey.id("eot"), uint32: first + 9)
      try writer.add(TokenizerKey.addsBOS, bool: true)
    case .qwen2(let first):
      try writer.add(TokenizerKey.id("eos"), uint32: first + 2)
      try writer.add(TokenizerKey.id("padding"), uint32: first)
      try writer.add(TokenizerKey.id("bos"), uint32: first)
      try writer.add(TokenizerKey.addsBOS, bool: false)
    case .gpt2(let first):
      try writer.add(TokenizerKey.id("bos"), uint32: first + 1)
      try writer.add(TokenizerKey.id("eos"), uint32: first + 2)
      try writer.add(TokenizerKey.addsBOS, bool: false)
    case .sentencePiece:
      try writer.add(TokenizerKey.id("bos"), uint32: 1)
      try writer.add(TokenizerKey.id("eos"), uint32: 2)
      try writer.add(TokenizerKey.id("unknown"), uint32: 0)
      try writer.add(TokenizerKey.addsBOS, bool: true)
      try writer.add(TokenizerKey.addsEOS, bool: false)
    }
  }

  private var isSentencePiece: Bool {
    if case .sentencePiece = kind { true } else { false }
  }

  private var preTokenizerName: String {
    switch kind {
    case .llama3: "llama-bpe"
    case .qwen2: "qwen2"
    case .gpt2: "gpt-2"
    case .sentencePiece: "default"
    }
  }
}

// MARK: - Tokens

extension SyntheticVocabulary {
  /// The printable character that stands for a byte in byte-level vocabularies.
  ///
  /// - Source: GPT-2's `bytes_to_unicode`.
  private static let byteCharacters: [String] = {
    let printable: [ClosedRange<Int>] = [0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF]
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      if printable.contains(where: { $0.contains(byte) }) {
        return String(UnicodeScalar(UInt8(byte)))
      }
      defer { next += 1 }
      return UnicodeScalar(next).map { String($0) } ?? ""
    }
  }()

  /// Bytes in the order in which they extend tokens: a space, letters, then the rest.
  private static let extensionOrder: [Int] = {
    let common = Array(" etaoinshrdlucmfwygpbvk,.\n0123456789(){}=_".utf8).map { Int($0) }
    return common + (0..<256).filter { !common.contains($0) }
  }()

  private mutating func addByteLevelTokens(count: Int) {
    // Real vocabularies begin with the printable bytes in order; ids of bytes carry no meaning.
    let characters = Self.byteCharacters
    tokens = characters
    types = [Int](repeating: 1, count: count)
    let order = Self.extensionOrder
    let stems = Self.extensionOrder.filter { $0 > 0x20 && $0 < 0x7F } + [0x20]
    var stem = 0
    while tokens.count < count {
      // First-generation stems are bytes in common order, later ones the tokens made so far.
      let prefix = stem < stems.count ? characters[stems[stem]] : tokens[256 + stem - stems.count]
      for byte in order.prefix(24) where tokens.count < count {
        tokens.append(prefix + characters[byte])
        merges.append(prefix + " " + characters[byte])
      }
      stem += 1
    }
  }

  private mutating func addSpecialTokens(count: Int) {
    let names: [Int: String] =
      switch kind {
      case .llama3: [0: "<|begin_of_text|>", 1: "<|end_of_text|>", 9: "<|eot_id|>"]
      case .qwen2, .gpt2: [0: "<|endoftext|>", 1: "<|im_start|>", 2: "<|im_end|>"]
      case .sentencePiece: [:]
      }
    for index in 0..<count {
      tokens.append(names[index] ?? "<|reserved_special_token_\(index)|>")
      types.append(3)
    }
  }

  private mutating func addSentencePieces(count: Int) {
    tokens = ["<unk>", "<s>", "</s>"]
    types = [2, 3, 3]
    let digits = Array("0123456789ABCDEF").map { String($0) }
    for byte in 0..<256 {
      tokens.append("<0x\(digits[byte >> 4])\(digits[byte & 15])>")
      types.append(6)
    }
    let space = "\u{2581}"
    let characters = [space] + (0x21..<0x7F).map { String(UnicodeScalar(UInt8($0))) }
    let order =
      [space]
      + Self.extensionOrder.filter { $0 > 0x20 && $0 < 0x7F }.map {
        String(UnicodeScalar(UInt8($0)))
      }
    tokens += characters
    var stem = 0
    let first = tokens.count
    while tokens.count < count {
      let prefix = stem < order.count ? order[stem] : tokens[first + stem - order.count]
      for character in order.prefix(24) where tokens.count < count {
        tokens.append(prefix + character)
      }
      stem += 1
    }
    types += [Int](repeating: 1, count: count - types.count)
    // As in trained models: earlier pieces are likelier; characters come last.
    scores = tokens.indices.map { id in
      if id < 259 { return 0 }
      return id < first ? -Float(count + id) : -Float(id - first)
    }
  }
}
