// SPDX-License-Identifier: Apache-2.0

/// Turns tokens into text as they arrive, without ever cutting a character in half.
///
/// A token may end in the middle of a UTF-8 character; its beginning waits here until the rest
/// arrives. What is returned, concatenated, is what ``Tokenizer/decode(_:includingSpecial:)`` gives
/// for the whole. A character is a Unicode scalar here: an emoji made of several may arrive in parts.
///
/// ```swift
/// var detokenizer = tokenizer.makeDetokenizer()
/// for await id in tokens { print(detokenizer.append(id), terminator: "") }
/// print(detokenizer.finish())
/// ```
public struct StreamingDetokenizer: Sendable {
  private let tokenizer: Tokenizer
  private let includesSpecial: Bool
  private var dropsSpace: Bool
  /// The beginning of a character; at most three bytes between calls.
  private var pending: [UInt8] = []
  /// The decoders of a tokenizer that is described as a chain.
  private var run: DecoderRun?

  init(_ tokenizer: Tokenizer, continuingText: Bool, includingSpecial: Bool) {
    self.tokenizer = tokenizer
    includesSpecial = includingSpecial
    pending.reserveCapacity(256)  // the longest tokens of real vocabularies; growing is allowed
    dropsSpace = !continuingText && tokenizer.dropsLeadingSpace
    run = tokenizer.tables.pipeline.map {
      DecoderRun($0.decoders, continuingText: continuingText)
    }
  }

  /// The text that `id` completes; empty while a character is unfinished.
  ///
  /// Bytes that cannot become a character are returned as U+FFFD at once; later valid ones are not
  /// affected.
  ///
  /// - Complexity: O(length of the token). Nothing for ids outside the vocabulary.
  public mutating func append(_ id: Int) -> String {
    if var decoders = run.take() {
      tokenizer.append(id, to: &pending, &decoders, includingSpecial: includesSpecial)
      run = decoders
    } else {
      tokenizer.append(
        id, to: &pending, includingSpecial: includesSpecial, droppingLeadingSpace: &dropsSpace)
    }
    var end = 0
    scan: while end < pending.count {
      switch UTF8Sequence(at: end, in: pending) {
      case .valid(let length), .invalid(let length): end += length
      case .incomplete: break scan
      }
    }
    let text = String(decoding: pending[..<end], as: UTF8.self)
    pending.removeSubrange(..<end)
    return text
  }

  /// Ends the text: an unfinished character becomes U+FFFD, otherwise nothing is returned.
  ///
  /// Afterwards the detokenizer stands where a text is continued.
  public mutating func finish() -> String {
    defer { pending.removeAll(keepingCapacity: true) }
    run?.finish(into: &pending)
    return String(decoding: pending, as: UTF8.self)
  }
}

extension Tokenizer {
  /// Makes a detokenizer for tokens that arrive one by one.
  ///
  /// - Parameters:
  ///   - continuingText: Whether the tokens follow other text, as a reply follows its prompt. If
  ///     not, a leading space that SentencePiece prefixed is dropped, as `decode` does.
  ///   - includingSpecial: Whether control tokens show by name rather than not at all.
  /// - Returns: a detokenizer at the beginning of its text.
  public func makeDetokenizer(
    continuingText: Bool = true, includingSpecial: Bool = false
  ) -> StreamingDetokenizer {
    StreamingDetokenizer(
      self, continuingText: continuingText, includingSpecial: includingSpecial)
  }
}
