// SPDX-License-Identifier: Apache-2.0

/// One step of turning tokens into text: a decoder of `tokenizer.json`.
package enum DecoderStep: Sendable, Hashable {
  /// Bytes from their printable alphabet; a token outside it stays as it is.
  case byteLevel
  /// `<0xNN>` becomes a byte.
  case byteFallback
  /// Joins all tokens; later steps see one text.
  case fuse
  /// A space before every word; continuations lose their prefix.
  case wordPiece(prefix: String, cleansUp: Bool)
  /// A mark becomes a space; in the first token it goes, if `dropsFirst`.
  case metaspace(mark: String, dropsFirst: Bool)
  /// The first token loses a mark at its beginning; if `repeats`, so does the next while there is no
  /// text.
  case leadingMark(String, repeats: Bool)
  /// The end of a word becomes a space, but for the last.
  case bpe(suffix: String)
  /// Takes out what stands for a pause; repeated tokens are one.
  case ctc(pad: String, delimiter: String, cleansUp: Bool)
  /// Takes characters off both ends.
  case strip(String, start: Int, stop: Int)
  case replace(SearchPattern, with: String)
  /// A space between tokens: what happens where no decoder is named.
  case joinWithSpaces
}
