// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTokenizer

/// Feeds a file to everything that reads files, and counts how far it came.
struct Exercise {
  private(set) var cases = 0
  private(set) var opened = 0
  private(set) var configured = 0
  private(set) var complete = 0
  private(set) var described = 0
  private(set) var tokenized = 0
  /// Whether each refusal is printed.
  var isVerbose = false

  /// Reads one file; whatever it holds, this returns.
  mutating func run(_ bytes: [UInt8]) {
    cases += 1
    guard let file = attempt({ () throws(CheckpointError) in try GGUFFile(bytes: bytes) }) else {
      return
    }
    opened += 1
    read(file, byteCount: bytes.count)
    if let model = attempt({ () throws(CheckpointError) in try file.modelConfiguration() }) {
      configured += 1
      _ = model.parameterCount
      let isComplete: Void? = attempt { () throws(CheckpointError) in
        try file.checkTensors(for: model)
      }
      if isComplete != nil { complete += 1 }
    }
    let vocabulary = attempt { () throws(CheckpointError) in try file.vocabularyDescription() }
    guard let vocabulary else { return }
    described += 1
    let tokenizer = attempt { () throws(TokenizerError) in try Tokenizer(vocabulary) }
    guard let tokenizer else { return }
    tokenized += 1
    use(tokenizer)
  }

  /// Reads one tokenizer file; whatever it holds, this returns.
  mutating func runTokenizer(_ bytes: [UInt8]) {
    cases += 1
    let vocabulary = attempt { () throws(CheckpointError) in
      bytes.first == UInt8(ascii: "{")
        ? try TokenizerFile.description(json: bytes)
        : try TokenizerFile.description(sentencePiece: bytes)
    }
    guard let vocabulary else { return }
    described += 1
    let tokenizer = attempt { () throws(TokenizerError) in try Tokenizer(vocabulary) }
    guard let tokenizer else { return }
    tokenized += 1
    use(tokenizer)
    use(tokenizer, text: String(repeating: "a", count: 20_000) + "b")
  }

  /// Touches every key and the first and last row of every tensor.
  private func read(_ file: GGUFFile, byteCount: Int) {
    for key in file.metadata.keys {
      let text = file.metadata[key]?.description ?? ""
      precondition(!text.isEmpty, "the key \(key) has no description")
    }
    for info in file.tensors {
      precondition(
        info.byteRange.lowerBound >= 0 && info.byteRange.upperBound <= byteCount
          && info.byteRange.count == info.byteCount, "\(info) is outside the file")
      guard let tensor = file.tensorIfPresent(named: info.name) else { continue }
      // A single row may be most of a file; that is still bounded by the file.
      guard !info.type.isInteger else { continue }
      precondition(tensor.floats(rows: 0..<1).count == info.rowLength)
      precondition(tensor.floats(rows: info.rowCount - 1..<info.rowCount).count == info.rowLength)
    }
  }

  /// Encodes and decodes a text with something of everything.
  private func use(
    _ tokenizer: Tokenizer,
    text: String = "I'll pay  $12345 for <|eot_id|>été 茶\n\n🍵</s> aaaa\u{0} <tool>ab"
  ) {
    for parsingSpecial in [false, true] {
      let ids = tokenizer.encode(text, addingSpecial: true, parsingSpecial: parsingSpecial)
      precondition(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize }, "\(ids)")
      _ = tokenizer.decode(ids)
      var detokenizer = tokenizer.makeDetokenizer(includingSpecial: true)
      for id in ids { _ = detokenizer.append(id) }
      _ = detokenizer.finish()
    }
    for id in [-1, 0, tokenizer.vocabularySize - 1, tokenizer.vocabularySize, .max] {
      _ = tokenizer.isControl(id)
      _ = tokenizer.isEndOfGeneration(id)
    }
  }

  /// The result, or `nil` after an error whose message is in order.
  private func attempt<R, E: Error & CustomStringConvertible>(_ body: () throws(E) -> R) -> R? {
    do {
      return try body()
    } catch {
      let text = error.description
      precondition(text.contains("\n  try: "), "an error without a remedy: \(text)")
      precondition(text.utf8.count < 8192, "an error of \(text.utf8.count) bytes")
      if isVerbose { print(text) }
      return nil
    }
  }
}
