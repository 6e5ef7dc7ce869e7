// SPDX-License-Identifier: Apache-2.0

/// Decoders at work on tokens that arrive one by one.
///
/// What comes out, concatenated, is what the whole sequence decodes to. A step holds back no more
/// than it must: a possible beginning of what it replaces, spaces that may be the last. Only a
/// pattern that looks at the whole text waits for its end.
struct DecoderRun: Sendable {
  private struct State: Sendable {
    /// Tokens seen; text before what is decoded counts as one.
    var count = 0
    /// What waits for more.
    var held: [UInt8] = []
    /// The token before.
    var last: [UInt8]?
    /// Characters that may still go at the beginning.
    var strips = 0
  }

  private let chain: DecoderChain
  private var states: [State]

  /// Begins a text, or goes on with one.
  init(_ chain: DecoderChain, continuingText: Bool) {
    self.chain = chain
    states = chain.steps.map { step in
      var state = State()
      if continuingText {
        state.count = 1
      } else {
        switch step {
        case .strip(_, let start, _): state.strips = start
        case .leadingMark: state.strips = 1
        default: break
        }
      }
      return state
    }
  }

  /// Decodes one more token; what can be said of the text so far goes into `result`.
  mutating func append(_ token: [UInt8], to result: inout [UInt8]) {
    push(0, token, &result)
  }

  /// Ends the text.
  mutating func finish(into result: inout [UInt8]) {
    for index in chain.steps.indices {
      let held = states[index].held
      states[index].held = []
      if chain.seesText[index] {
        switch chain.steps[index] {
        case .strip: break
        case .replaceText: push(index + 1, held, &result)
        default:
          if !held.isEmpty, let text = transform(index, held) { push(index + 1, text, &result) }
        }
      } else if case .bpe(let suffix) = chain.steps[index], !held.isEmpty {
        push(index + 1, ByteText.replacing(suffix, in: held, with: []), &result)
      }
    }
  }

  private mutating func push(_ index: Int, _ chunk: [UInt8], _ result: inout [UInt8]) {
    guard index < chain.steps.count else {
      result.append(contentsOf: chunk)
      return
    }
    if chain.seesText[index] {
      pushText(index, chunk, &result)
    } else if case .bpe(let suffix) = chain.steps[index] {
      let held = states[index].held
      states[index].held = []
      if !held.isEmpty {
        push(index + 1, ByteText.replacing(suffix, in: held, with: [0x20]), &result)
      }
      if ByteText.replacing(suffix, in: chunk, with: []).count < chunk.count {
        states[index].held = chunk
      } else {
        push(index + 1, chunk, &result)
      }
    } else if let chunk = transform(index, chunk) {
      push(index + 1, chunk, &result)
    }
  }

  // MARK: Token by token

  /// What a step makes of a token; nil if nothing is left of it.
  private mutating func transform(_ index: Int, _ token: [UInt8]) -> [UInt8]? {
    let isFirst = states[index].count == 0
    states[index].count += 1
    switch chain.steps[index] {
    case .byteLevel:
      var bytes: [UInt8] = []
      let text = String(decoding: token, as: UTF8.self)
      return ByteAlphabet.append(text.unicodeScalars, to: &bytes) ? bytes : token
    case .byteFallback:
      return TokenTexts.byte(spelt: token).map { [$0] } ?? token
    case .wordPiece(let prefix, let cleansUp):
      var text = token
      if !isFirst {
        text =
          ByteText.occurs(prefix, in: token, at: 0)
          ? Array(token.dropFirst(prefix.count)) : [0x20] + token
      }
      return cleansUp ? ByteText.cleanedUp(text) : text
    case .metaspace(let mark, let dropsFirst):
      return ByteText.replacing(mark, in: token, with: isFirst && dropsFirst ? [] : [0x20])
    case .leadingMark(let mark, let repeats):
      guard states[index].strips > 0 else { return token }
      let isMarked = ByteText.occurs(mark, in: token, at: 0)
      let rest = isMarked ? Array(token.dropFirst(mark.count)) : token
      if !rest.isEmpty || isMarked && !repeats { states[index].strips = 0 }
      return rest
    case .bpe(let suffix): return ByteText.replacing(suffix, in: token, with: [])
    case .ctc(let pad, let delimiter, let cleansUp):
      guard states[index].last != token else { return nil }
      states[index].last = token
      var text = ByteText.replacing(pad, in: token, with: [])
      if cleansUp {
        text = ByteText.replacing(delimiter, in: ByteText.cleanedUp(text), with: [0x20])
      }
      return text.isEmpty ? nil : text
    case .strip(let content, let start, let stop):
      var first = 0
      for _ in 0..<min(start, token.count) where ByteText.occurs(content, in: token, at: first) {
        first += content.count
      }
      var last = token.count
      for _ in 0..<min(stop, token.count)
      where last - content.count >= first
        && ByteText.occurs(content, in: token, at: last - content.count)
      {
        last -= content.count
      }
      return Array(token[first..<last])
    case .replaceText(let text, let replacement):
      return ByteText.replacing(text, in: token, with: replacement)
    case .replacePattern(let pattern, let replacement):
      return replacing(pattern, in: token, with: replacement)
    case .joinWithSpaces: return isFirst ? token : [0x20] + token
    }
  }

  private func replacing(
    _ pattern: Pattern, in token: [UInt8], with replacement: [UInt8]
  ) -> [UInt8] {
    // Bytes of half a character are no text to look for anything in.
    guard UTF8Sequence.firstError(in: token) == nil else { return token }
    var result: [UInt8] = []
    var position = 0
    var scratch = Pattern.Scratch()
    pattern.forEachMatch(in: token, 0..<token.count, &scratch) { match in
      result.append(contentsOf: token[position..<match.lowerBound])
      result.append(contentsOf: replacement)
      position = match.upperBound
    }
    return result + token[position...]
  }

  // MARK: A text that arrives in chunks

  private mutating func pushText(_ index: Int, _ chunk: [UInt8], _ result: inout [UInt8]) {
    switch chain.steps[index] {
    case .strip(let content, _, let stop):
      var text = states[index].held + chunk
      var first = 0
      while states[index].strips > 0, first < text.count {
        guard ByteText.occurs(content, in: text, at: first) else {
          // The beginning of a longer character may be all there is.
          if text.count - first < content.count, content.starts(with: text[first...]) { break }
          states[index].strips = 0
          break
        }
        first += content.count
        states[index].strips -= 1
      }
      text.removeSubrange(..<first)
      var last = text.count
      for _ in 0..<min(stop, text.count)
      where last >= content.count && ByteText.occurs(content, in: text, at: last - content.count) {
        last -= content.count
      }
      states[index].held = Array(text[last...])
      push(index + 1, Array(text[..<last]), &result)
    case .replaceText(let pattern, let replacement):
      let text = states[index].held + chunk
      var position = 0
      var output: [UInt8] = []
      while position < text.count {
        if ByteText.occurs(pattern, in: text, at: position) {
          output.append(contentsOf: replacement)
          position += pattern.count
        } else if text.count - position < pattern.count, pattern.starts(with: text[position...]) {
          break
        } else {
          output.append(text[position])
          position += 1
        }
      }
      states[index].held = Array(text[position...])
      push(index + 1, output, &result)
    case .byteFallback: push(index + 1, chunk, &result)
    default: states[index].held.append(contentsOf: chunk)
    }
  }
}
