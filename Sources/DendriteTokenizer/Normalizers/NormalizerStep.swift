// SPDX-License-Identifier: Apache-2.0

/// One step of what happens to text before it is cut: a normaliser of `tokenizer.json`.
package enum NormalizerStep: Sendable, Hashable {
  case nfc, nfd, nfkc, nfkd
  case lowercase
  /// Removes all marks.
  case stripAccents
  /// Removes whitespace at the ends.
  case strip(left: Bool, right: Bool)
  /// Replaces every match by a text.
  case replace(SearchPattern, with: String)
  /// Puts a text before any text that is not empty.
  case prepend(String)
  /// Removes controls and turns rare spaces into plain ones.
  case nmt
  /// SentencePiece's table of replacements, applied as the `tokenizers` library does.
  case precompiled([UInt8])
  /// BERT's cleaning.
  case bert(cleansText: Bool, handlesChinese: Bool, stripsAccents: Bool, lowercases: Bool)
  /// Writes bytes in the printable alphabet of byte-level vocabularies.
  case byteLevel
  /// All that SentencePiece does to a text; the result has a space for every `▁`.
  case sentencePiece(SentencePieceNormalization)
}

/// What is looked for: a text as it stands, or a regular expression.
package enum SearchPattern: Sendable, Hashable {
  case literal(String)
  case regex(String)
}

/// The normaliser of a SentencePiece model.
package struct SentencePieceNormalization: Sendable, Hashable {
  /// The table of replacements; empty where there is none.
  package var charsmap: [UInt8]
  /// Whether a text gets a space before it.
  package var addsDummyPrefix: Bool
  /// Whether spaces at the ends go and runs of spaces become one.
  package var removesExtraWhitespace: Bool
  /// Whether the dummy space is put behind instead.
  package var treatsWhitespaceAsSuffix: Bool
  /// Texts that are left as they are.
  package var protectedTexts: [String]

  /// Describes a normaliser.
  package init(
    charsmap: [UInt8] = [], addsDummyPrefix: Bool = true, removesExtraWhitespace: Bool = true,
    treatsWhitespaceAsSuffix: Bool = false, protectedTexts: [String] = []
  ) {
    self.charsmap = charsmap
    self.addsDummyPrefix = addsDummyPrefix
    self.removesExtraWhitespace = removesExtraWhitespace
    self.treatsWhitespaceAsSuffix = treatsWhitespaceAsSuffix
    self.protectedTexts = protectedTexts
  }
}
