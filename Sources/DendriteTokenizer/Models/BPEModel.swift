// SPDX-License-Identifier: Apache-2.0

/// Merging of neighbours, lowest rank first, as `tokenizer.json` describes it.
struct BPEModel: Sendable {
  private static let none = SymbolMerger.unknown

  /// Tokens by their text; in raw mode by the bytes their text spells.
  private var pieces: PieceTable
  private var merges: PairTable
  /// Raw mode: the token of each byte; else the token of each ASCII character that has no affix.
  private(set) var symbols = [UInt32](repeating: none, count: 256)
  /// The tokens `<0xNN>`; empty where characters do not fall back to bytes.
  private(set) var byteFallback: [UInt32] = []
  private let unknown: UInt32?
  private let fusesUnknown: Bool
  private let ignoresMerges: Bool
  private let prefix: [UInt8]
  private let suffix: [UInt8]
  /// Whether text comes as bytes rather than spelt in the printable alphabet.
  private let isRaw: Bool

  /// Builds the tables.
  ///
  /// `isPiece` says whether the model may yield a token.
  ///
  /// - Throws: `mergeOfMissingToken`.
  init(
    _ description: PipelineModel.BPE, tokens: [String], unknownID: Int?, isRaw: Bool,
    isPiece: (Int) -> Bool
  ) throws(TokenizerError) {
    self.isRaw = isRaw
    unknown = unknownID.map(UInt32.init)
    fusesUnknown = description.fusesUnknown
    ignoresMerges = description.ignoresMerges
    prefix = Array(description.continuingPrefix.utf8)
    suffix = Array(description.endSuffix.utf8)
    var names = PieceTable(capacity: tokens.count)
    pieces = PieceTable(capacity: isRaw ? tokens.count : 1)
    var bytes: [UInt8] = []
    for (id, token) in tokens.enumerated() where !token.isEmpty {
      names.insert(Array(token.utf8), id: UInt32(id))
      guard isRaw, isPiece(id) else { continue }
      bytes.removeAll(keepingCapacity: true)
      if ByteAlphabet.append(token.unicodeScalars, to: &bytes) {
        pieces.insert(bytes, id: UInt32(id))
      }
    }
    merges = PairTable(capacity: description.merges.count)
    // Of a merge that is listed twice the last rank counts.
    for (rank, merge) in description.merges.enumerated().reversed() {
      let joined = Array(merge.left.utf8) + merge.right.utf8.dropFirst(prefix.count)
      guard let left = names.id(of: Array(merge.left.utf8)),
        let right = names.id(of: Array(merge.right.utf8)), let result = names.id(of: joined)
      else {
        throw TokenizerError(
          .mergeOfMissingToken,
          "merge \(rank) joins \(quoted(merge.left)) and \(quoted(merge.right)), but not all of "
            + "them and \(quoted(String(decoding: joined, as: UTF8.self))) are tokens\nexpected both "
            + "halves and the result among the \(tokens.count) tokens",
          remedy: "take tokens and merges from the same tokenizer; if the vocabulary was trimmed, "
            + "trim the merges with it")
      }
      if isPiece(Int(result)) { merges.insert(left, right, rank: UInt32(rank), result: result) }
    }
    if !isRaw {
      // Only the model's own tokens are looked up from here on.
      pieces = PieceTable(capacity: tokens.count)
      for (id, token) in tokens.enumerated() where !token.isEmpty && isPiece(id) {
        pieces.insert(Array(token.utf8), id: UInt32(id))
      }
    }
    if description.fallsBackToBytes { byteFallback = ByteFallback.tokens(in: names) }
    if isRaw || prefix.isEmpty && suffix.isEmpty {
      for byte in UInt8.min...(isRaw ? .max : 0x7F) {
        symbols[Int(byte)] = pieces.id(of: [byte]) ?? Self.none
      }
    }
  }

  /// Appends the tokens of a piece.
  ///
  /// - Complexity: O(n log n) for n bytes.
  func encode(
    _ text: [UInt8], _ range: Range<Int>, _ merger: inout SymbolMerger, into ids: inout [UInt32]
  ) {
    if ignoresMerges, let id = pieces.id(of: text, range) {
      ids.append(id)
      return
    }
    merger.removeAll()
    if isRaw, prefix.isEmpty, suffix.isEmpty {
      appendBytes(text, range, &merger)
    } else {
      appendCharacters(text, range, &merger)
    }
    merger.merge(merges)
    for id in merger.ids where id != Self.none { ids.append(id) }
  }

  private func appendBytes(_ text: [UInt8], _ range: Range<Int>, _ merger: inout SymbolMerger) {
    var followsUnknown = false
    for position in range {
      let id = symbols[Int(text[position])]
      guard id == Self.none else {
        merger.append(id, start: position)
        followsUnknown = false
        continue
      }
      appendUnknown(position, &merger, &followsUnknown)
    }
  }

  private func appendUnknown(
    _ position: Int, _ merger: inout SymbolMerger, _ followsUnknown: inout Bool
  ) {
    defer { followsUnknown = true }
    guard let unknown, !(fusesUnknown && followsUnknown) else { return }
    merger.append(unknown, start: position)
  }

  /// One symbol for each character, with its affixes; in raw mode a byte is a character.
  private func appendCharacters(
    _ text: [UInt8], _ range: Range<Int>, _ merger: inout SymbolMerger
  ) {
    let hasAffixes = !prefix.isEmpty || !suffix.isEmpty
    var followsUnknown = false
    var key: [UInt8] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let length = isRaw ? 1 : UTF8Sequence.length(lead: text[position])
      let next = position + length
      let id: UInt32?
      if hasAffixes {
        key.removeAll(keepingCapacity: true)
        if position > range.lowerBound { key.append(contentsOf: prefix) }
        key.append(contentsOf: text[position..<next])
        if next == range.upperBound { key.append(contentsOf: suffix) }
        id = pieces.id(of: key)
      } else if length == 1 {
        id = symbols[Int(text[position])] == Self.none ? nil : symbols[Int(text[position])]
      } else {
        id = pieces.id(of: text, position..<next)
      }
      if let id {
        merger.append(id, start: position)
        followsUnknown = false
      } else {
        if !hasAffixes { key = Array(text[position..<next]) }
        if !byteFallback.isEmpty, key.allSatisfy({ byteFallback[Int($0)] != Self.none }) {
          for byte in key { merger.append(byteFallback[Int(byte)], start: position) }
        } else {
          appendUnknown(position, &merger, &followsUnknown)
        }
      }
      position = next
    }
  }
}

/// The tokens that spell single bytes, `<0x00>` to `<0xFF>`.
enum ByteFallback {
  /// The token of each byte; `UInt32.max` where there is none.
  static func tokens(in names: PieceTable) -> [UInt32] {
    (0..<256).map { (byte: Int) in
      let digits = String(byte, radix: 16, uppercase: true)
      let name = byte < 16 ? "<0x0\(digits)>" : "<0x\(digits)>"
      return names.id(of: Array(name.utf8)) ?? .max
    }
  }
}
