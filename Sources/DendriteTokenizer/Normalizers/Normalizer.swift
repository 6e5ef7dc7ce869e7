// SPDX-License-Identifier: Apache-2.0

/// A normaliser that is ready to run.
enum Normalizer: Sendable {
  case form(UnicodeForm)
  case lowercase
  /// Removes the scalars of a set.
  case remove(ScalarSet)
  case strip(left: Bool, right: Bool)
  case replace(Pattern, [UInt8])
  case prepend([UInt8])
  case nmt
  case charsmap(Charsmap)
  case clean
  case spaceIdeographs
  case byteLevel
  case sentencePiece(SentencePieceNormalizer)

  /// The normalisers that do what a step says.
  ///
  /// - Throws: `unsupportedPattern` or `malformedCharsmap`.
  static func make(_ step: NormalizerStep) throws(TokenizerError) -> [Normalizer] {
    switch step {
    case .nfc: return [.form(.nfc)]
    case .nfd: return [.form(.nfd)]
    case .nfkc: return [.form(.nfkc)]
    case .nfkd: return [.form(.nfkd)]
    case .lowercase: return [.lowercase]
    case .stripAccents: return [.remove(UnicodeSets.mark)]
    case .strip(let left, let right): return [.strip(left: left, right: right)]
    case .replace(let pattern, let text):
      if case .literal("") = pattern { return [] }
      return [.replace(try Pattern(pattern), Array(text.utf8))]
    case .prepend(let text): return [.prepend(Array(text.utf8))]
    case .nmt: return [.nmt]
    case .precompiled(let bytes):
      // An empty table changes nothing.
      guard !bytes.isEmpty else { return [] }
      let charsmap = try Charsmap(bytes)
      return [.charsmap(charsmap)]
    case .bert(let cleansText, let handlesChinese, let stripsAccents, let lowercases):
      var steps: [Normalizer] = []
      if cleansText { steps.append(.clean) }
      if handlesChinese { steps.append(.spaceIdeographs) }
      if stripsAccents { steps += [.form(.nfd), .remove(UnicodeSets.nonspacingMark)] }
      if lowercases { steps.append(.lowercase) }
      return steps
    case .byteLevel: return [.byteLevel]
    case .sentencePiece(let specification):
      return [.sentencePiece(try SentencePieceNormalizer(specification))]
    }
  }

  /// Replaces `text` by its normalised form; `scratch` is any array, for its capacity.
  func apply(
    to text: inout [UInt8], _ scratch: inout [UInt8], _ patterns: inout Pattern.Scratch
  ) {
    scratch.removeAll(keepingCapacity: true)
    switch self {
    case .form(let form):
      // No scalar below U+00A0 changes in any form.
      guard text.contains(where: { $0 >= 0x80 }) else { return }
      form.append(text, to: &scratch)
    case .lowercase: Self.lowercase(text, &scratch)
    case .remove(let set):
      guard text.contains(where: { $0 >= 0x80 }) else { return }
      Self.map(text, &scratch) { value, result in
        if value < 0x80 || !set.contains(value) { appendUTF8(value, to: &result) }
      }
    case .strip(let left, let right):
      Self.strip(text, &scratch, left, right)
    case .replace(let pattern, let replacement):
      var copied = 0
      var matches: [Range<Int>] = []
      pattern.forEachMatch(in: text, 0..<text.count, &patterns) { matches.append($0) }
      guard !matches.isEmpty else { return }
      for match in matches {
        scratch.append(contentsOf: text[copied..<match.lowerBound])
        scratch.append(contentsOf: replacement)
        copied = match.upperBound
      }
      scratch.append(contentsOf: text[copied...])
    case .prepend(let prefix):
      guard !text.isEmpty else { return }
      scratch.append(contentsOf: prefix)
      scratch.append(contentsOf: text)
    case .nmt: Self.map(text, &scratch, Self.nmt)
    case .charsmap(let charsmap): Self.replaceClusters(text, &scratch, charsmap)
    case .clean: Self.map(text, &scratch, Self.clean)
    case .spaceIdeographs:
      guard text.contains(where: { $0 >= 0xE0 }) else { return }
      Self.map(text, &scratch) { value, result in
        if Self.isIdeograph(value) {
          result.append(UInt8(ascii: " "))
          appendUTF8(value, to: &result)
          result.append(UInt8(ascii: " "))
        } else {
          appendUTF8(value, to: &result)
        }
      }
    case .byteLevel: ByteAlphabet.appendSpelling(of: text, 0..<text.count, to: &scratch)
    case .sentencePiece(let normalizer): normalizer.append(text, to: &scratch)
    }
    swap(&text, &scratch)
  }
}

// MARK: - Scalar by scalar

extension Normalizer {
  private static func map(
    _ text: [UInt8], _ result: inout [UInt8], _ body: (UInt32, inout [UInt8]) -> Void
  ) {
    var position = 0
    while position < text.count {
      let (value, next) = decodeScalar(text, position)
      body(value, &result)
      position = next
    }
  }

  private static func lowercase(_ text: [UInt8], _ result: inout [UInt8]) {
    result.reserveCapacity(text.count)
    map(text, &result) { value, result in
      if value < 0x80 {
        result.append(value >= 0x41 && value <= 0x5A ? UInt8(value) + 0x20 : UInt8(value))
      } else if let scalar = Unicode.Scalar(value), scalar.properties.changesWhenLowercased {
        result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
      } else {
        appendUTF8(value, to: &result)
      }
    }
  }

  private static func strip(_ text: [UInt8], _ result: inout [UInt8], _ left: Bool, _ right: Bool) {
    var start = 0
    var end = text.count
    if left {
      while start < end {
        let (value, next) = decodeScalar(text, start)
        guard UnicodeSets.whitespace.contains(value) else { break }
        start = next
      }
    }
    while right, end > start {
      var begin = end - 1
      while text[begin] & 0xC0 == 0x80, begin > start { begin -= 1 }
      guard UnicodeSets.whitespace.contains(decodeScalar(text, begin).value) else { break }
      end = begin
    }
    result.append(contentsOf: text[start..<end])
  }

  /// The Nmt step: some controls go, rare spaces become plain ones.
  private static func nmt(_ value: UInt32, _ result: inout [UInt8]) {
    switch value {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
      result.append(UInt8(ascii: " "))
    default: appendUTF8(value, to: &result)
    }
  }

  /// BERT's cleaning: no controls, every whitespace a plain space.
  private static func clean(_ value: UInt32, _ result: inout [UInt8]) {
    switch value {
    case 0x09, 0x0A, 0x0D: result.append(UInt8(ascii: " "))
    case 0x20..<0x7F: result.append(UInt8(value))
    case 0, 0xFFFD: break
    default:
      if UnicodeSets.other.contains(value) { break }
      if UnicodeSets.whitespace.contains(value) {
        result.append(UInt8(ascii: " "))
      } else {
        appendUTF8(value, to: &result)
      }
    }
  }

  private static func isIdeograph(_ value: UInt32) -> Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  // MARK: Cluster by cluster

  /// Replaces as the `tokenizers` library does: a grapheme cluster of fewer than six bytes becomes
  /// what its shortest prefix in the table stands for; else its scalars do, one by one.
  private static func replaceClusters(
    _ text: [UInt8], _ result: inout [UInt8], _ charsmap: Charsmap
  ) {
    var position = 0
    while position < text.count {
      // An ASCII character before another is a cluster of its own, but for CR LF.
      if text[position] < 0x80, position + 1 == text.count || text[position + 1] < 0x80,
        text[position] != 0x0D
      {
        replace(text, position, position + 1, &result, charsmap)
        position += 1
        continue
      }
      var end = position
      while end < text.count {
        if end > position, text[end] < 0x80, end + 1 == text.count || text[end + 1] < 0x80,
          text[end] != 0x0D, text[end - 1] != 0x0D
        {
          break
        }
        end += 1
      }
      for cluster in String(decoding: text[position..<end], as: UTF8.self) {
        let length = cluster.utf8.count
        if length < 6,
          let match = charsmap.match(text, position, position + length, isLongest: false)
        {
          charsmap.append(match, to: &result)
        } else {
          var scalar = position
          while scalar < position + length {
            let next = scalar + UTF8Sequence.length(lead: text[scalar])
            replace(text, scalar, next, &result, charsmap)
            scalar = next
          }
        }
        position += length
      }
    }
  }

  /// Appends the replacement of a stretch, or the stretch.
  private static func replace(
    _ text: [UInt8], _ start: Int, _ end: Int, _ result: inout [UInt8], _ charsmap: Charsmap
  ) {
    if let match = charsmap.match(text, start, end, isLongest: false) {
      charsmap.append(match, to: &result)
    } else {
      result.append(contentsOf: text[start..<end])
    }
  }
}
