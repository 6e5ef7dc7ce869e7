// SPDX-License-Identifier: Apache-2.0

import DendriteTestSupport
import DendriteTokenizer

/// Small vocabularies that are complete: every text can be encoded.
enum ToyVocabulary {
  /// How byte-level vocabularies spell each byte, written down a second time.
  static let byteSpelling: [String] = {
    var displaced: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      let isItself =
        (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      if isItself { return String(Character(Unicode.Scalar(UInt8(byte)))) }
      defer { displaced += 1 }
      return Unicode.Scalar(displaced).map { String(Character($0)) } ?? ""
    }
  }()

  /// A text in the byte alphabet.
  static func spelt(_ text: String) -> String {
    text.utf8.map { byteSpelling[Int($0)] }.joined()
  }

  /// Ids 0…255 are the bytes; then come the results of the merges, then `added`.
  static func byteLevel(
    _ preTokenizer: PreTokenizer = .gpt2, merges: [(String, String)] = [],
    added: [(String, VocabularyDescription.TokenType)] = []
  ) -> VocabularyDescription {
    var tokens = byteSpelling
    for (left, right) in merges where !tokens.contains(spelt(left + right)) {
      tokens.append(spelt(left + right))
    }
    let types = [VocabularyDescription.TokenType](repeating: .normal, count: tokens.count)
    return VocabularyDescription(
      kind: .byteLevelBPE(preTokenizer), tokens: tokens + added.map(\.0),
      types: types + added.map(\.1),
      merges: merges.map { "\(spelt($0.0)) \(spelt($0.1))" })
  }

  /// Id 0 is unknown, 1 and 2 are BOS and EOS, 3…258 are the bytes; then come pieces, then `added`.
  static func sentencePiece(
    _ pieces: [(String, Float)], added: [(String, VocabularyDescription.TokenType)] = [],
    addsSpacePrefix: Bool = true, spellsBytes: Bool = true
  ) -> VocabularyDescription {
    let hex = (0..<256).map { "<0x\($0 < 16 ? "0" : "")\(String($0, radix: 16, uppercase: true))>" }
    let bytes = spellsBytes ? hex : []
    return VocabularyDescription(
      kind: .sentencePieceBPE,
      tokens: ["<unk>", "<s>", "</s>"] + bytes + pieces.map(\.0) + added.map(\.0),
      types: [.unknown, .control, .control]
        + [VocabularyDescription.TokenType](repeating: .byte, count: bytes.count)
        + [VocabularyDescription.TokenType](repeating: .normal, count: pieces.count)
        + added.map(\.1),
      scores: [Float](repeating: 0, count: 3 + bytes.count) + pieces.map(\.1)
        + added.map { _ in 0 },
      bosID: 1, eosID: 2, unknownID: 0, addsBOS: true, addsSpacePrefix: addsSpacePrefix)
  }
}

extension SeededGenerator {
  /// A text of up to `count` scalars of many kinds; never U+FFFD.
  mutating func text(upTo count: Int) -> String {
    let ranges: [ClosedRange<UInt32>] = [
      0x20...0x7E, 0x20...0x7E, 0x00...0x7F, 0x09...0x0D, 0xA0...0x24F, 0x300...0x36F,
      0x370...0x7FF, 0x900...0xDFF, 0x2000...0x206F, 0x3040...0x30FF, 0x4E00...0x9FFF,
      0xE000...0xF8FF, 0xFE00...0xFFFC, 0x1F300...0x1FAFF, 0x10000...0x10FFFF,
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...count, using: &self) {
      let range = ranges[Int.random(in: 0..<ranges.count, using: &self)]
      // Runs matter: pre-tokenizers count digits, spaces and newlines.
      let repeats = Int.random(in: 0..<8, using: &self) == 0 ? 4 : 1
      guard let scalar = Unicode.Scalar(UInt32.random(in: range, using: &self)) else { continue }
      for _ in 0..<repeats { text.append(scalar) }
    }
    return String(text)
  }
}
