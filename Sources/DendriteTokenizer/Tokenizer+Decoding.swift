// SPDX-License-Identifier: Apache-2.0

extension Tokenizer {
  /// The bytes a token adds to text; they need not be whole characters.
  ///
  /// Control, unknown and unused tokens add none unless `includingSpecial` asks for their names.
  ///
  /// - Complexity: O(length). Empty for ids outside the vocabulary.
  public func bytes(of id: Int, includingSpecial: Bool = false) -> [UInt8] {
    guard tables.texts.indices.contains(id), includingSpecial || tables.texts.isText(id) else {
      return []
    }
    return tables.texts.bytes(of: id)
  }

  /// A token for display: its text, or the name of a control token.
  ///
  /// Bytes that are not whole characters are spelt `<0xNN>`, so that no two tokens look alike by
  /// being broken. Empty for ids outside the vocabulary.
  ///
  /// - Complexity: O(length).
  public func piece(of id: Int) -> String {
    let bytes = bytes(of: id, includingSpecial: true)
    var piece = ""
    var position = 0
    while position < bytes.count {
      switch UTF8Sequence(at: position, in: bytes) {
      case .valid(let length):
        piece += String(decoding: bytes[position..<(position + length)], as: UTF8.self)
        position += length
      case .incomplete, .invalid:
        let digits = String(bytes[position], radix: 16, uppercase: true)
        piece += digits.utf8.count == 1 ? "<0x0\(digits)>" : "<0x\(digits)>"
        position += 1
      }
    }
    return piece
  }

  /// The text of a sequence of tokens.
  ///
  /// - Parameters:
  ///   - ids: The tokens; ids outside the vocabulary add nothing.
  ///   - includingSpecial: Whether control tokens show by name rather than not at all.
  /// - Returns: the text; bytes that are not UTF-8 become U+FFFD, one per maximal subpart.
  /// - Edge cases: where the vocabulary adds a space prefix (SentencePiece), one leading space of
  ///   the first text is dropped, also behind a leading BOS; llama.cpp drops it only where no BOS
  ///   precedes. For text that continues other text there is
  ///   ``makeDetokenizer(continuingText:includingSpecial:)``.
  /// - Complexity: O(length of the text).
  public func decode(_ ids: some Sequence<Int>, includingSpecial: Bool = false) -> String {
    var bytes: [UInt8] = []
    if let pipeline = tables.pipeline {
      var run = DecoderRun(pipeline.decoders, continuingText: false)
      for id in ids { append(id, to: &bytes, &run, includingSpecial: includingSpecial) }
      run.finish(into: &bytes)
      return String(decoding: bytes, as: UTF8.self)
    }
    var dropsSpace = dropsLeadingSpace
    for id in ids {
      append(id, to: &bytes, includingSpecial: includingSpecial, droppingLeadingSpace: &dropsSpace)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether the first text of a sequence loses one leading space.
  var dropsLeadingSpace: Bool {
    tables.description.kind == .sentencePieceBPE && tables.description.addsSpacePrefix
  }

  /// Appends what a token adds; `droppingLeadingSpace` is cleared by the first that adds anything.
  func append(
    _ id: Int, to bytes: inout [UInt8], includingSpecial: Bool,
    droppingLeadingSpace: inout Bool
  ) {
    let texts = tables.texts
    guard texts.indices.contains(id), includingSpecial || texts.isText(id) else { return }
    // Encoding prefixes no space to a user-defined token, so its own is not dropped.
    let drops = droppingLeadingSpace && texts.beginsWithSpace(id) && texts.type(id) != .userDefined
    let count = bytes.count
    texts.append(id, droppingFirst: drops ? 1 : 0, to: &bytes)
    if drops || bytes.count > count { droppingLeadingSpace = false }
  }

  /// Appends what the decoders of a chain make of a token.
  func append(
    _ id: Int, to bytes: inout [UInt8], _ run: inout DecoderRun, includingSpecial: Bool
  ) {
    let texts = tables.texts
    guard texts.indices.contains(id), includingSpecial || texts.isText(id) else { return }
    run.append(Array(tables.description.tokens[id].utf8), to: &bytes)
  }
}
