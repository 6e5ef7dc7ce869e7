// SPDX-License-Identifier: Apache-2.0

/// Decoders that are ready to run.
struct DecoderChain: Sendable {
  /// One decoder.
  enum Step: Sendable {
    case byteLevel
    case byteFallback
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    case metaspace(mark: [UInt8], dropsFirst: Bool)
    case leadingMark([UInt8], repeats: Bool)
    case bpe(suffix: [UInt8])
    case ctc(pad: [UInt8], delimiter: [UInt8], cleansUp: Bool)
    case strip([UInt8], start: Int, stop: Int)
    case replaceText([UInt8], with: [UInt8])
    case replacePattern(Pattern, with: [UInt8])
    case joinWithSpaces
  }

  let steps: [Step]
  /// For each step, whether it sees one text rather than tokens.
  let seesText: [Bool]

  /// Prepares decoders; without any, tokens are joined with spaces.
  ///
  /// - Throws: `unsupportedPattern`.
  init(_ decoders: [DecoderStep]) throws(TokenizerError) {
    var steps: [Step] = []
    var seesText: [Bool] = []
    var isFused = false
    for decoder in decoders.isEmpty ? [.joinWithSpaces] : decoders {
      let fuses: Bool
      switch decoder {
      case .fuse:
        isFused = true
        continue
      case .byteLevel: fuses = true
      case .byteFallback, .wordPiece, .metaspace, .leadingMark, .bpe, .ctc, .strip, .replace,
        .joinWithSpaces:
        fuses = false
      }
      guard let step = try Self.step(decoder) else { continue }
      steps.append(step)
      seesText.append(isFused)
      if fuses { isFused = true }
    }
    self.steps = steps
    self.seesText = seesText
  }

  private static func step(_ decoder: DecoderStep) throws(TokenizerError) -> Step? {
    switch decoder {
    case .byteLevel: .byteLevel
    case .byteFallback: .byteFallback
    case .fuse: nil
    case .wordPiece(let prefix, let cleansUp):
      .wordPiece(prefix: Array(prefix.utf8), cleansUp: cleansUp)
    case .metaspace(let mark, let dropsFirst):
      .metaspace(mark: Array(mark.utf8), dropsFirst: dropsFirst)
    case .leadingMark(let mark, let repeats): .leadingMark(Array(mark.utf8), repeats: repeats)
    case .bpe(let suffix): .bpe(suffix: Array(suffix.utf8))
    case .ctc(let pad, let delimiter, let cleansUp):
      .ctc(pad: Array(pad.utf8), delimiter: Array(delimiter.utf8), cleansUp: cleansUp)
    case .strip(let content, let start, let stop):
      content.isEmpty ? nil : .strip(Array(content.utf8), start: max(0, start), stop: max(0, stop))
    case .replace(.literal(let text), let replacement):
      text.isEmpty ? nil : .replaceText(Array(text.utf8), with: Array(replacement.utf8))
    case .replace(.regex(let source), let replacement):
      .replacePattern(try Pattern(source), with: Array(replacement.utf8))
    case .joinWithSpaces: .joinWithSpaces
    }
  }
}

/// Texts of bytes, searched and changed.
enum ByteText {
  /// `text` with every occurrence of `pattern` replaced, from left to right.
  static func replacing(_ pattern: [UInt8], in text: [UInt8], with replacement: [UInt8]) -> [UInt8]
  {
    guard !pattern.isEmpty, text.count >= pattern.count else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if occurs(pattern, in: text, at: position) {
        result.append(contentsOf: replacement)
        position += pattern.count
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  /// Whether `pattern` stands at a place.
  static func occurs(_ pattern: [UInt8], in text: [UInt8], at position: Int) -> Bool {
    guard position + pattern.count <= text.count else { return false }
    for index in pattern.indices where text[position + index] != pattern[index] { return false }
    return true
  }

  /// What English texts lose when words are joined with spaces, taken back.
  static func cleanedUp(_ text: [UInt8]) -> [UInt8] {
    var text = text
    for (pattern, replacement) in cleaning {
      text = replacing(pattern, in: text, with: replacement)
    }
    return text
  }

  private static let cleaning: [([UInt8], [UInt8])] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }
}
