// SPDX-License-Identifier: Apache-2.0

/// What each token adds to text, as bytes, and what kind of token it is.
struct TokenTexts: Sendable {
  private var bytes: [UInt8] = []
  private var starts: [UInt32] = [0]
  private var types: [VocabularyDescription.TokenType]
  /// Byte-level vocabularies: normal tokens with a scalar outside the alphabet, taken literally.
  private var literals: Set<Int> = []

  /// Translates the tokens of a vocabulary.
  ///
  /// - Precondition: `types` is empty or parallel to `tokens`, and the tokens' UTF-8 together stays
  ///   below 4 GiB.
  init(_ vocabulary: VocabularyDescription) {
    types = vocabulary.types
    if types.isEmpty {
      types = [VocabularyDescription.TokenType](repeating: .normal, count: vocabulary.tokens.count)
      if vocabulary.kind == .sentencePieceBPE {
        for (id, token) in vocabulary.tokens.enumerated() where Self.byte(spelt: token) != nil {
          types[id] = .byte
        }
      }
    }
    starts.reserveCapacity(vocabulary.tokens.count + 1)
    for (id, token) in vocabulary.tokens.enumerated() {
      switch (types[id], vocabulary.kind) {
      case (.normal, .byteLevelBPE):
        if !ByteAlphabet.append(token.unicodeScalars, to: &bytes) {
          literals.insert(id)
          bytes.append(contentsOf: token.utf8)
        }
      case (.normal, .sentencePieceBPE), (.normal, .pipeline):
        bytes.append(contentsOf: SpaceMark.replaced(in: Array(token.utf8)))
      case (.byte, _):
        if let byte = Self.byte(spelt: token) {
          bytes.append(byte)
        } else {
          bytes.append(contentsOf: token.utf8)
        }
      case (.unknown, _), (.control, _), (.userDefined, _), (.unused, _):
        bytes.append(contentsOf: token.utf8)
      }
      starts.append(UInt32(bytes.count))
    }
  }

  /// What decoders make of each token behind other text.
  init(_ vocabulary: VocabularyDescription, _ decoders: DecoderChain) {
    types = vocabulary.types
    if types.isEmpty {
      types = [VocabularyDescription.TokenType](repeating: .normal, count: vocabulary.tokens.count)
    }
    starts.reserveCapacity(vocabulary.tokens.count + 1)
    let fresh = DecoderRun(decoders, continuingText: true)
    for token in vocabulary.tokens {
      var run = fresh
      run.append(Array(token.utf8), to: &bytes)
      run.finish(into: &bytes)
      starts.append(UInt32(bytes.count))
    }
  }

  /// The number of tokens.
  var count: Int { types.count }

  /// The ids.
  var indices: Range<Int> { types.indices }

  /// The type of a token.
  func type(_ id: Int) -> VocabularyDescription.TokenType { types[id] }

  /// The bytes of a token; a token that is not text has those of its name.
  func bytes(of id: Int) -> [UInt8] {
    Array(bytes[Int(starts[id])..<Int(starts[id + 1])])
  }

  /// Appends the bytes of a token.
  func append(_ id: Int, droppingFirst count: Int = 0, to result: inout [UInt8]) {
    result.append(contentsOf: bytes[(Int(starts[id]) + count)..<Int(starts[id + 1])])
  }

  /// Whether the token's text begins with a space.
  func beginsWithSpace(_ id: Int) -> Bool {
    starts[id] < starts[id + 1] && bytes[Int(starts[id])] == UInt8(ascii: " ")
  }

  /// Whether a normal token of a byte-level vocabulary is spelt in the byte alphabet.
  func isByteLevel(_ id: Int) -> Bool { !literals.contains(id) }

  /// Whether the token is text; control, unknown and unused ones are not.
  func isText(_ id: Int) -> Bool {
    switch types[id] {
    case .normal, .userDefined, .byte: true
    case .unknown, .control, .unused: false
    }
  }

  /// The byte that `<0xNN>` spells, or nil where `token` is something else.
  static func byte(spelt token: String) -> UInt8? { byte(spelt: token.utf8) }

  /// The byte that the UTF-8 of `<0xNN>` spells, or nil for anything else.
  static func byte(spelt spelling: some BidirectionalCollection<UInt8>) -> UInt8? {
    guard spelling.count == 6, spelling.starts(with: "<0x".utf8),
      spelling.last == UInt8(ascii: ">")
    else { return nil }
    var byte: UInt8 = 0
    for digit in spelling.dropFirst(3).prefix(2) {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte = byte << 4 | (digit - UInt8(ascii: "0"))
      case UInt8(ascii: "A")...UInt8(ascii: "F"): byte = byte << 4 | (digit - 55)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte = byte << 4 | (digit - 87)
      default: return nil
      }
    }
    return byte
  }
}
