// SPDX-License-Identifier: Apache-2.0
internal import DendriteDecoding
internal import DendriteModel

/// Texts, and what everybody says of them.
extension ExitStudy {
  /// Rows of a pass.
  private static let chunk = 128

  /// Lets the model continue a prompt, a token a pass.
  func reply(to prompt: String, number: Int) throws -> StudyText {
    let ids = tokenizer.encode(prompt)
    var sampler = settings.sampler
    sampler.choice = UInt32(truncatingIfNeeded: number)
    let capacity = min(model.description.contextLength, max(1, ids.count) + settings.maximumTokens)
    let context = try DecodingContext(
      model: model, settings: ContextSettings(capacity: capacity))
    var loop = try GenerationLoop(
      prompt: ids, in: context, tokenizer: tokenizer,
      settings: GenerationSettings(maximumTokens: settings.maximumTokens, sampler: sampler))
    while try loop.step() != nil {}
    return StudyText(tokens: ids + loop.generatedIDs, promptCount: ids.count, sampler: sampler)
  }

  /// Reads a text once and notes the best tokens of each exit after a layer.
  func read(_ text: StudyText, layer: Int, into candidates: inout [[[Int]]]) throws {
    var sampler = try Sampler(text.sampler, vocabularySize: model.description.vocabularySize)
    var adapted = [Float](repeating: 0, count: model.description.hiddenSize)
    var scores = [Float](repeating: 0, count: model.description.vocabularySize)
    var best: [Candidate] = []
    try feed(text, to: model, output: .hiddenState(afterLayer: layer)) { row, pass, place in
      for (exit, head) in exits.enumerated() where head.layer == layer {
        try project(pass, place, through: head, &adapted, into: &scores)
        scores.withUnsafeBufferPointer {
          sampler.rankCandidates(
            $0, history: [], position: text.position(row), count: settings.guesses + 1,
            into: &best)
        }
        candidates[exit].append(best.map(\.id))
      }
    }
  }

  /// From a row's hidden state to the scores of an exit.
  func project(
    _ pass: Pass, _ place: Int, through head: ExitHead, _ adapted: inout [Float],
    into scores: inout [Float]
  ) throws {
    try pass.withHiddenState(ofRow: place) { hidden in
      adapted.withUnsafeMutableBufferPointer { head.adapt(hidden, into: $0) }
    }
    try adapted.withUnsafeBufferPointer { state in
      try scores.withUnsafeMutableBufferPointer {
        try model.project(hiddenState: state, into: $0)
      }
    }
  }

  /// The best tokens of a smaller model behind each row; none where it cannot read the text.
  func drafts(of drafter: any CausalModel, for text: StudyText) throws -> [[Int]] {
    let size = drafter.description.vocabularySize
    let readable = text.tokens.dropLast().prefix { $0 < size }.count
    let drafts = try ranked(
      text, by: drafter, count: settings.guesses + 1,
      upTo: min(readable, drafter.description.contextLength))
    return drafts + Array(repeating: [], count: text.rowCount - drafts.count)
  }

  /// The token that the model would have said next after its choice.
  func secondBest(for text: StudyText) throws -> [[Int]] {
    try ranked(text, by: model, count: 2, upTo: text.tokens.count - 1).map { Array($0.dropFirst()) }
  }

  /// What followed the last tokens before; none where they are new.
  func lookups(in text: StudyText) -> [[Int]] {
    var lookup = PromptLookup()
    var draft = Draft()
    return (0..<text.rowCount).map { row in
      let position = text.position(row)
      draft.removeAll()
      lookup.propose(
        after: Array(text.tokens.prefix(position - 1)), pending: text.tokens[position - 1],
        limit: 1, into: &draft)
      return draft.tokens
    }
  }

  /// The tokens that come nearest to a model's choice behind each row.
  private func ranked(
    _ text: StudyText, by model: any CausalModel, count: Int, upTo end: Int
  ) throws -> [[Int]] {
    guard end >= text.promptCount else { return [] }
    var sampler = try Sampler(text.sampler, vocabularySize: model.description.vocabularySize)
    var best: [Candidate] = []
    var found: [[Int]] = []
    try feed(text, to: model, output: .logits, upTo: end) { row, pass, place in
      try pass.withLogits(ofRow: place) {
        sampler.rankCandidates(
          $0, history: [], position: text.position(row), count: count, into: &best)
      }
      found.append(best.map(\.id))
    }
    return found
  }

  /// Feeds a text and shows each row from which a token was chosen, in order.
  ///
  /// - Parameters:
  ///   - text: what is fed, but for its last token.
  ///   - model: who reads it.
  ///   - output: what is read from such rows.
  ///   - end: tokens that are fed; `nil` for all.
  ///   - read: called with the row, its pass, and its place there.
  /// - Throws: `ModelError`; what `read` throws.
  func feed(
    _ text: StudyText, to model: any CausalModel, output: Row.Output, upTo end: Int? = nil,
    _ read: (_ row: Int, _ pass: Pass, _ place: Int) throws -> Void
  ) throws {
    let end = end ?? text.tokens.count - 1
    let cache = try model.makeCache(capacity: end, type: .f16)
    defer { model.release(cache) }
    var batch = RowBatch()
    for start in stride(from: 0, to: end, by: Self.chunk) {
      batch.removeAll()
      for index in start..<min(start + Self.chunk, end) {
        batch.append(
          Row(
            cache: cache, input: .token(text.tokens[index]),
            parent: index == start ? .tip : .row(index - start - 1),
            output: index + 1 < text.promptCount ? .none : output))
      }
      let pass = try model.submit(batch)
      try pass.finish()
      for place in 0..<batch.count where start + place + 1 >= text.promptCount {
        try read(start + place + 1 - text.promptCount, pass, place)
      }
      try model.commit(rows: 0..<batch.count, of: pass, to: cache)
    }
  }
}
