// SPDX-License-Identifier: Apache-2.0

/// The segmentation whose scores have the largest sum, found by dynamic programming.
///
/// A character that is no piece of its own may be unknown, at a score ten below the lowest;
/// neighbouring unknown characters are one token.
///
/// - Source: Kudo 2018 (arXiv:1804.10959) for the model; the penalty is SentencePiece's.
struct UnigramModel: Sendable {
  private static let unknownPenalty = 10.0

  private var trie: ByteTrie
  private let scores: [Double]
  private let unknownScore: Double
  private let unknown: UInt32?
  private let isSingle: Bool
  /// The tokens `<0xNN>`; empty where characters do not fall back to bytes.
  let byteFallback: [UInt32]

  /// Scratch space; grows to the longest piece.
  struct Scratch: Sendable {
    fileprivate var scores: [Double] = []
    fileprivate var starts: [Int32] = []
    fileprivate var ids: [UInt32] = []
    fileprivate var path: [(start: Int, end: Int, id: UInt32)] = []
  }

  /// Builds the trie.
  ///
  /// `isPiece` says whether the model may yield a token, `countsForMinimum` whether a token's score
  /// counts for the lowest one.
  init(
    _ description: PipelineModel.Unigram, tokens: [String], unknownID: Int?,
    isPiece: (Int) -> Bool, countsForMinimum: (Int) -> Bool
  ) {
    scores = description.scores
    isSingle = description.hasSinglePrecision
    unknown = unknownID.map(UInt32.init)
    var lowest = Double.infinity
    var names = PieceTable(capacity: description.fallsBackToBytes ? tokens.count : 1)
    trie = ByteTrie(capacity: scores.reduce(into: 0) { count, _ in count += 4 })
    for (id, token) in tokens.prefix(scores.count).enumerated() {
      if countsForMinimum(id) { lowest = min(lowest, scores[id]) }
      if description.fallsBackToBytes { names.insert(Array(token.utf8), id: UInt32(id)) }
      guard !token.isEmpty, isPiece(id) else { continue }
      let text = Array(token.utf8)
      // SentencePiece's texts have a space for every mark.
      trie.insert(isSingle ? SpaceMark.replaced(in: text) : text, id: UInt32(id))
    }
    unknownScore = Self.sum(lowest.isFinite ? lowest : 0, -Self.unknownPenalty, isSingle)
    byteFallback = description.fallsBackToBytes ? ByteFallback.tokens(in: names) : []
  }

  @inline(__always)
  private static func sum(_ a: Double, _ b: Double, _ isSingle: Bool) -> Double {
    isSingle ? Double(Float(a) + Float(b)) : a + b
  }

  /// Appends the tokens of a piece.
  ///
  /// - Complexity: linear in the piece, times the longest token at worst.
  func encode(
    _ text: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch, into ids: inout [UInt32]
  ) {
    let count = range.count
    findPath(text, range, &scratch)
    scratch.path.removeAll(keepingCapacity: true)
    var end = count
    while end > 0 {
      let start = Int(scratch.starts[end])
      scratch.path.append((start, end, scratch.ids[end]))
      end = start
    }
    var index = scratch.path.count - 1
    while index >= 0 {
      let (start, end, id) = scratch.path[index]
      index -= 1
      guard id == .max else {
        ids.append(id)
        continue
      }
      var last = end
      while index >= 0, scratch.path[index].id == .max {
        last = scratch.path[index].end
        index -= 1
      }
      appendUnknown(text, (range.lowerBound + start)..<(range.lowerBound + last), &ids)
    }
  }

  private func appendUnknown(_ text: [UInt8], _ range: Range<Int>, _ ids: inout [UInt32]) {
    if !byteFallback.isEmpty, text[range].allSatisfy({ byteFallback[Int($0)] != .max }) {
      ids.append(contentsOf: text[range].lazy.map { byteFallback[Int($0)] })
    } else if let unknown {
      ids.append(unknown)
    }
  }

  /// For every end the best token that ends there, and where it begins.
  private func findPath(_ text: [UInt8], _ range: Range<Int>, _ scratch: inout Scratch) {
    let count = range.count
    if scratch.starts.count <= count {
      scratch.starts = [Int32](repeating: -1, count: count + 64)
      scratch.scores = [Double](repeating: 0, count: count + 64)
      scratch.ids = [UInt32](repeating: .max, count: count + 64)
    }
    for index in 0...count { scratch.starts[index] = -1 }
    scratch.scores[0] = 0
    var start = 0
    while start < count {
      let length = UTF8Sequence.length(lead: text[range.lowerBound + start])
      let soFar = scratch.scores[start]
      var hasSingle = false
      trie.forEachMatch(in: text, from: range.lowerBound + start, to: range.upperBound) { id, at in
        let end = at - range.lowerBound
        let score = Self.sum(scores[Int(id)], soFar, isSingle)
        if scratch.starts[end] < 0 || score > scratch.scores[end] {
          scratch.scores[end] = score
          scratch.starts[end] = Int32(start)
          scratch.ids[end] = id
        }
        if end - start == length { hasSingle = true }
      }
      if !hasSingle {
        let end = start + length
        let score = Self.sum(unknownScore, soFar, isSingle)
        if scratch.starts[end] < 0 || score > scratch.scores[end] {
          scratch.scores[end] = score
          scratch.starts[end] = Int32(start)
          scratch.ids[end] = .max
        }
      }
      start += length
    }
  }
}
