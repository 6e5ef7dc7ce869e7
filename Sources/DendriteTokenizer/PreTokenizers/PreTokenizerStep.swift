// SPDX-License-Identifier: Apache-2.0

/// One step of cutting text into pieces: a pre-tokenizer of `tokenizer.json`.
package enum PreTokenizerStep: Sendable, Hashable {
  /// What becomes of the matches of a pattern.
  package enum Behavior: String, Sendable, Hashable, CaseIterable {
    /// Matches go.
    case removed = "Removed"
    /// Every match is a piece.
    case isolated = "Isolated"
    /// A match belongs to the piece before it.
    case mergedWithPrevious = "MergedWithPrevious"
    /// A match belongs to the piece behind it.
    case mergedWithNext = "MergedWithNext"
    /// Neighbouring matches are one piece.
    case contiguous = "Contiguous"
  }

  /// When a space mark is put before a piece.
  package enum PrependScheme: String, Sendable, Hashable, CaseIterable {
    /// Before every piece.
    case always
    /// Before the first piece of a text.
    case first
    case never
  }

  /// Cuts at the matches of a pattern; `isInverted` exchanges matches and what is between them.
  case split(SearchPattern, Behavior, isInverted: Bool)
  /// GPT-2's expression if `usesPattern`, then bytes in their printable alphabet.
  case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
  /// Spaces become a mark, pieces begin with it.
  case metaspace(mark: String, PrependScheme, splits: Bool)
  /// Words and runs of other characters; whitespace goes.
  case whitespace
  /// Cuts at whitespace, which goes.
  case whitespaceSplit
  case punctuation(Behavior)
  case digits(areIndividual: Bool)
  /// BERT's: whitespace goes, punctuation stands alone.
  case bert
  /// Cuts where the writing system changes.
  case scripts
  /// Pieces of so many scalars.
  case fixedLength(Int)
}
