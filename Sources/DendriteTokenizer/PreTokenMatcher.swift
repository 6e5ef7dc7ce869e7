// SPDX-License-Identifier: Apache-2.0

/// Cuts a stretch of text into pre-tokens, one at a time, from left to right.
///
/// Hand-written matchers for the expressions of ``PreTokenizer``. Every scalar of the stretch ends
/// up in exactly one piece. The stretch is a text of its own: look-ahead does not see past its end.
///
/// - Complexity: linear in the length of the text; no scalar is read more than a few times.
struct PreTokenMatcher {
  /// The text; valid UTF-8.
  private let text: [UInt8]
  /// Where the stretch ends.
  private let end: Int
  private let preTokenizer: PreTokenizer
  private let ascii = ScalarClass.ascii

  /// Makes a matcher for the part of `text` before `end`.
  ///
  /// - Precondition: `text` is valid UTF-8 and `end` lies between two scalars.
  init(_ preTokenizer: PreTokenizer, text: [UInt8], end: Int) {
    self.preTokenizer = preTokenizer
    self.text = text
    self.end = end
  }

  /// Where the piece that begins at `start` ends.
  ///
  /// - Precondition: `start` is before the end of the stretch, between two scalars.
  func pieceEnd(from start: Int) -> Int {
    switch preTokenizer {
    case .gpt2: gpt2(from: start)
    case .llama3: llama3(from: start, longestNumber: 3)
    case .qwen2: llama3(from: start, longestNumber: 1)
    }
  }

  // MARK: The expressions

  /// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
  private func gpt2(from start: Int) -> Int {
    if let end = contraction(from: start, ignoringCase: false) { return end }
    var (kind, next) = scalar(at: start)
    if text[start] == .space, next < end {
      let following = scalar(at: next)
      if !following.kind.isWhitespace { (kind, next) = following }
    }
    return kind.isWhitespace ? whitespace(from: start) : run(of: kind, from: next)
  }

  /// Llama 3, and Qwen 2 with numbers of one digit.
  ///
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
  /// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  private func llama3(from start: Int, longestNumber: Int) -> Int {
    if let end = contraction(from: start, ignoringCase: true) { return end }
    let (kind, next) = scalar(at: start)
    switch kind {
    case .letter:
      return run(of: .letter, from: next)
    case .number:
      return run(of: .number, from: next, atMost: longestNumber - 1)
    case .newline:
      return whitespaceThroughNewlines(from: start)
    case .space, .symbol:
      guard next < end else { return next }
      let following = scalar(at: next)
      if following.kind == .letter {
        return run(of: .letter, from: following.next)
      }
      if kind == .symbol {
        return newlines(from: run(of: .symbol, from: next))
      }
      if following.kind == .symbol, text[start] == .space {
        return newlines(from: run(of: .symbol, from: following.next))
      }
      return whitespaceThroughNewlines(from: start)
    }
  }

  // MARK: Their parts

  /// `'s|'t|'re|'ve|'m|'ll|'d`; without regard to case `ſ` (U+017F) is an s, as in Unicode.
  private func contraction(from start: Int, ignoringCase: Bool) -> Int? {
    guard text[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
    let fold: UInt8 = ignoringCase ? 0x20 : 0
    let first = text[start + 1] | fold
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case 0xC5 | fold where ignoringCase && start + 2 < end:
      return text[start + 1] == 0xC5 && text[start + 2] == 0xBF ? start + 3 : nil
    default:
      guard start + 2 < end else { return nil }
      switch (first, text[start + 2] | fold) {
      case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
        (UInt8(ascii: "l"), UInt8(ascii: "l")):
        return start + 3
      default:
        return nil
      }
    }
  }

  /// The rest of a run of one class, of at most `limit` scalars.
  private func run(of kind: ScalarClass, from start: Int, atMost limit: Int = .max) -> Int {
    var position = start
    var remaining = limit
    while position < end, remaining > 0 {
      let (found, next) = scalar(at: position)
      guard found == kind else { break }
      position = next
      remaining -= 1
    }
    return position
  }

  /// What `[\r\n]*` matches.
  private func newlines(from start: Int) -> Int {
    var position = start
    while position < end, text[position] == .lineFeed || text[position] == .carriageReturn {
      position += 1
    }
    return position
  }

  /// `\s+(?!\S)|\s+`: all the whitespace, less the last scalar where something else follows.
  private func whitespace(from start: Int) -> Int {
    var position = start
    var last = start
    while position < end {
      let (kind, next) = scalar(at: position)
      guard kind.isWhitespace else {
        return last > start ? last : position
      }
      last = position
      position = next
    }
    return position
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: through the last newline where there is one, else as above.
  private func whitespaceThroughNewlines(from start: Int) -> Int {
    var position = start
    var last = start
    var afterNewline = start
    while position < end {
      let (kind, next) = scalar(at: position)
      guard kind.isWhitespace else {
        if afterNewline > start { return afterNewline }
        return last > start ? last : position
      }
      if kind == .newline { afterNewline = next }
      last = position
      position = next
    }
    return afterNewline > start ? afterNewline : position
  }

  /// The class of the scalar at `position`, and where the next one begins.
  @inline(__always)
  private func scalar(at position: Int) -> (kind: ScalarClass, next: Int) {
    let lead = text[position]
    if lead < 0x80 { return (ascii[Int(lead)], position + 1) }
    return wideScalar(at: position)
  }

  private func wideScalar(at position: Int) -> (kind: ScalarClass, next: Int) {
    let length = UTF8Sequence.length(lead: text[position])
    var value = UInt32(text[position]) & (0x7F >> UInt32(length))
    for index in 1..<length {
      value = value << 6 | UInt32(text[position + index] & 0x3F)
    }
    let kind = Unicode.Scalar(value).map(ScalarClass.init) ?? .symbol
    return (kind, position + length)
  }
}

extension UInt8 {
  fileprivate static let space = UInt8(ascii: " ")
  fileprivate static let lineFeed = UInt8(ascii: "\n")
  fileprivate static let carriageReturn = UInt8(ascii: "\r")
}

extension PreTokenizer {
  /// Cuts a text into pre-tokens; their concatenation is the text.
  ///
  /// Encoding does not build these strings; they are for display and tests.
  ///
  /// - Complexity: O(length of `text`).
  public func split(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    let matcher = PreTokenMatcher(self, text: bytes, end: bytes.count)
    var pieces: [String] = []
    var start = 0
    while start < bytes.count {
      let end = matcher.pieceEnd(from: start)
      pieces.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end
    }
    return pieces
  }
}
