// SPDX-License-Identifier: Apache-2.0
import DendriteTokenizer

/// A vocabulary of single bytes, so that a test can say anything: token id = byte.
///
/// Ids 256 to 259 are the control tokens `<|endoftext|>` (EOS), `<|im_start|>`, `<|im_end|>` (end
/// of turn) and `<s>` (BOS, not added unless asked for).
enum ByteTokenizer {
  static let endOfText = 256
  static let imStart = 257
  static let imEnd = 258
  static let bos = 259

  static func make(addsBOS: Bool = false, chatTemplate: String? = nil) throws -> Tokenizer {
    let specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>"]
    let types: [VocabularyDescription.TokenType] =
      (0..<256).map { _ in .normal } + specials.map { _ in .control }
    return try Tokenizer(
      VocabularyDescription(
        kind: .byteLevelBPE(.gpt2), tokens: alphabet + specials, types: types, bosID: bos,
        eosID: endOfText, eotID: imEnd, addsBOS: addsBOS, chatTemplate: chatTemplate))
  }

  static func ids(_ text: String) -> [Int] { text.utf8.map(Int.init) }

  /// GPT-2's printable alphabet: visible Latin-1 bytes stand for themselves, the others for
  /// U+0100 and up, in order.
  private static let alphabet: [String] = {
    var next: UInt32 = 256
    return (0..<256).map { (byte: UInt32) in
      let isVisible =
        (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      if !isVisible { next += 1 }
      return String(Unicode.Scalar(isVisible ? byte : next - 1).map(Character.init) ?? "?")
    }
  }()
}
