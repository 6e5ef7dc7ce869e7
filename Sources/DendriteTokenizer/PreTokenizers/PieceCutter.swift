// SPDX-License-Identifier: Apache-2.0

/// A pre-tokenizer that is ready to run.
enum PieceCutter: Sendable {
  case known(PreTokenizer)
  case split(SplitRule)
  /// Puts a space before every piece that does not begin with one.
  case prefixSpace
  /// Writes bytes in their printable alphabet.
  case spellBytes
  case markSpaces([UInt8], PreTokenizerStep.PrependScheme)
  case scripts
  case fixedLength(Int)

  /// The cutters that do what a step says.
  ///
  /// - Throws: `unsupportedPattern`.
  static func make(_ step: PreTokenizerStep) throws(TokenizerError) -> [PieceCutter] {
    func split(
      _ pattern: Pattern, _ behavior: PreTokenizerStep.Behavior, isInverted: Bool = false
    ) -> PieceCutter {
      .split(SplitRule(pattern: pattern, behavior: behavior, isInverted: isInverted))
    }
    switch step {
    case .split(let pattern, let behavior, let isInverted):
      if case .regex(let source) = pattern, let known = PreTokenizer(pattern: source),
        behavior == .isolated && !isInverted || behavior == .removed && isInverted
      {
        return [.known(known)]
      }
      if case .literal("") = pattern { return [] }
      return [split(try Pattern(pattern), behavior, isInverted: isInverted)]
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      return (addsPrefixSpace ? [.prefixSpace] : []) + (usesPattern ? [.known(.gpt2)] : [])
        + [.spellBytes]
    case .metaspace(let mark, let scheme, let splits):
      var cutters: [PieceCutter] = [.markSpaces(Array(mark.utf8), scheme)]
      if splits { cutters.append(split(try Pattern(.literal(mark)), .mergedWithNext)) }
      return cutters
    case .whitespace:
      let word = UnicodeSets.wordWithJoiners
      let other = word.union(UnicodeSets.whitespace).inverted
      let node = PatternNode.alternatives(
        [word, other].map { .repetition(.scalar($0), minimum: 1, maximum: nil, .greedy) })
      return [split(try Pattern(node, source: "words"), .removed, isInverted: true)]
    case .whitespaceSplit:
      return [split(try Pattern(oneOf: UnicodeSets.whitespace), .removed)]
    case .punctuation(let behavior): return [split(try punctuation(), behavior)]
    case .digits(let areIndividual):
      return [
        split(try Pattern(oneOf: UnicodeSets.number), areIndividual ? .isolated : .contiguous)
      ]
    case .bert:
      return [
        split(try Pattern(oneOf: UnicodeSets.whitespace), .removed),
        split(try punctuation(), .isolated),
      ]
    case .scripts: return [.scripts]
    case .fixedLength(let length): return [.fixedLength(max(1, length))]
    }
  }

  private static func punctuation() throws(TokenizerError) -> Pattern {
    try Pattern(oneOf: UnicodeSets.punctuation.union(UnicodeSets.asciiPunctuation))
  }

  /// Works on the pieces; `isFirst` says whether they begin the text.
  func apply(to pieces: inout PieceList, isFirst: Bool) {
    let space = UInt8(ascii: " ")
    switch self {
    case .known(let preTokenizer): pieces.split(preTokenizer)
    case .split(let rule): pieces.split(rule)
    case .prefixSpace:
      guard pieces.ranges.contains(where: { pieces.text[$0.lowerBound] != space }) else { return }
      pieces.rewrite { text, range, _, result in
        if text[range.lowerBound] != space { result.append(space) }
        result.append(contentsOf: text[range])
      }
    case .spellBytes:
      pieces.rewrite { text, range, _, result in
        ByteAlphabet.appendSpelling(of: text, range, to: &result)
      }
    case .markSpaces(let mark, let scheme):
      pieces.rewrite { text, range, number, result in
        let start = result.count
        let beginsMarked =
          text[range.lowerBound] == space || text[range].starts(with: mark)
        let prepends = scheme == .always || scheme == .first && isFirst && number == 0
        if prepends, !beginsMarked { result.append(contentsOf: mark) }
        result.reserveCapacity(start + range.count + mark.count)
        for byte in text[range] {
          if byte == space { result.append(contentsOf: mark) } else { result.append(byte) }
        }
      }
    case .scripts:
      // Scalars without a script go with what is before them; at the beginning they get lost.
      pieces.trim { Script($0) == nil }
      var current: Script?
      pieces.split { before, after, count in
        if count == 1 { current = Script(before) ?? current }
        guard let script = Script(after) else { return false }
        defer { current = script }
        return script != current
      }
    case .fixedLength(let length): pieces.split { _, _, count in count >= length }
    }
  }

  /// A writing system by its number; Japanese and Chinese count as one.
  private struct Script: Equatable {
    var number: Int

    /// Nil for scalars without a script of their own.
    init?(_ value: UInt32) {
      if value == UInt32(UInt8(ascii: " ")) { return nil }
      guard value != 0x30FC else {
        number = ScriptData.names.firstIndex(of: "han") ?? 0
        return
      }
      let found = ScriptTable.sets.firstIndex { $0.contains(value) }
      switch found.map({ ScriptData.names[$0] }) {
      case nil: return nil
      case "hiragana", "katakana": number = ScriptData.names.firstIndex(of: "han") ?? 0
      default: number = found ?? 0
      }
    }
  }
}

extension PreTokenizer {
  /// The hand-written matcher for a published expression; nil for any other.
  init?(pattern: String) {
    switch pattern {
    case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#:
      self = .gpt2
    case Self.llama3Pattern(number: #"\p{N}{1,3}"#): self = .llama3
    case Self.llama3Pattern(number: #"\p{N}"#): self = .qwen2
    default: return nil
    }
  }

  /// Llama 3's expression with its rule for numbers left open.
  static func llama3Pattern(number: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + number
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }
}
