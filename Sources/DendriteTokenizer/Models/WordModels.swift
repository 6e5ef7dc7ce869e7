// SPDX-License-Identifier: Apache-2.0

/// Takes the longest token that fits, again and again; a word with a rest is unknown as a whole.
struct WordPieceModel: Sendable {
  /// Tokens that begin a word, and those that continue one, without their prefix.
  private var beginnings = ByteTrie()
  private var continuations = ByteTrie()
  private let unknown: UInt32?
  private let longestWord: Int

  /// Builds the tries; `isPiece` says whether the model may yield a token.
  init(
    tokens: [String], continuingPrefix: String, longestWord: Int, unknownID: Int?,
    isPiece: (Int) -> Bool
  ) {
    self.longestWord = longestWord
    unknown = unknownID.map(UInt32.init)
    let prefix = Array(continuingPrefix.utf8)
    for (id, token) in tokens.enumerated() where !token.isEmpty && isPiece(id) {
      let text = Array(token.utf8)
      beginnings.insert(text, id: UInt32(id))
      if text.count > prefix.count, text.starts(with: prefix) {
        continuations.insert(text[prefix.count...], id: UInt32(id))
      }
    }
  }

  /// Appends the tokens of a piece.
  ///
  /// - Complexity: linear in the piece for words of bounded length.
  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [UInt32]) {
    let first = ids.count
    var position = range.lowerBound
    var isKnown = text[range].lazy.filter { $0 & 0xC0 != 0x80 }.count <= longestWord
    while isKnown, position < range.upperBound {
      let trie = position == range.lowerBound ? beginnings : continuations
      if let match = trie.longestMatch(in: text, from: position, to: range.upperBound) {
        ids.append(match.id)
        position = match.end
      } else {
        isKnown = false
      }
    }
    guard !isKnown else { return }
    ids.removeSubrange(first...)
    if let unknown { ids.append(unknown) }
  }
}

/// Takes pieces whole.
struct WordLevelModel: Sendable {
  private var pieces: PieceTable
  private let unknown: UInt32?

  /// Builds the table; `isPiece` says whether the model may yield a token.
  init(tokens: [String], unknownID: Int?, isPiece: (Int) -> Bool) {
    pieces = PieceTable(capacity: tokens.count)
    unknown = unknownID.map(UInt32.init)
    for (id, token) in tokens.enumerated() where !token.isEmpty && isPiece(id) {
      pieces.insert(Array(token.utf8), id: UInt32(id))
    }
  }

  /// Appends the token of a piece.
  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [UInt32]) {
    if let id = pieces.id(of: text, range) ?? unknown { ids.append(id) }
  }
}
