// SPDX-License-Identifier: Apache-2.0
package import DendriteDecoding
package import DendriteModel
package import DendriteTokenizer

/// Answers questions plainly and with every drafter, in turn, and compares texts and times.
///
/// Each call reads its whole prompt, as in Spec-Bench. The ways change places from question to question, so that
/// none is always first.
package struct SpeculationBenchmark: Sendable {
  /// How the replies are made.
  package struct Settings: Sendable {
    /// The longest reply to a turn, in tokens.
    package var maximumTokens: Int
    /// How tokens are chosen; the seed is fixed, so that all ways say the same.
    package var sampler: SamplerSettings
    /// How much is remembered.
    package var context: ContextSettings
    /// Replies before anything is timed, at least; every way makes one.
    package var warmUps: Int
    /// The model's file: thin parts for it lie beside it.
    package var modelPath = ""

    /// Greedy replies of at most 128 tokens, unless said otherwise.
    package init(
      maximumTokens: Int = 128, sampler: SamplerSettings = .greedy,
      context: ContextSettings = ContextSettings(), warmUps: Int = 3
    ) {
      self.maximumTokens = maximumTokens
      self.sampler = sampler
      self.context = context
      self.warmUps = warmUps
    }
  }

  /// A text that guesses changed, which must not be.
  package struct Difference: Error, Sendable, Hashable {
    /// The question, and the turn from 1.
    package var question: String
    package var turn: Int
    /// Who guessed.
    package var arm: String
    /// The first place of the reply that differs, from 0, and the ids there; `nil` behind an end.
    package var position: Int
    package var found: Int?
    package var expected: Int?

    /// What was found and what was expected; ids, no text.
    package var message: String {
      func token(_ id: Int?) -> String { id.map { "is \($0)" } ?? "is missing" }
      return "question \(question), turn \(turn), with \(arm): id \(position + 1) of the reply "
        + "\(token(found)), and \(token(expected)) by plain decoding, expected the same text"
    }

    /// What to do about it.
    package var remedy: String {
      "please report it with the command line: no drafter may change a text"
    }

    /// A text that guesses changed.
    package init(
      question: String, turn: Int, arm: String, position: Int, found: Int?, expected: Int?
    ) {
      self.question = question
      self.turn = turn
      self.arm = arm
      self.position = position
      self.found = found
      self.expected = expected
    }
  }

  let tokenizer: Tokenizer
  let format: PromptFormat
  let settings: Settings
  let ways: [SpeculationArm]
  let questions: [Question]

  /// A benchmark of some ways of guessing; plain decoding is always among them.
  package init(
    tokenizer: Tokenizer, format: PromptFormat, settings: Settings = Settings(),
    arms: [SpeculationArm], questions: [Question]
  ) {
    self.tokenizer = tokenizer
    self.format = format
    self.settings = settings
    ways = [.plain] + arms
    self.questions = questions
  }

  /// Answers all questions, on the calling thread.
  ///
  /// - Parameters:
  ///   - model: the model; nobody else may call it meanwhile.
  ///   - isCancelled: asked between tokens.
  ///   - progress: called with a share 0 … 1.
  /// - Returns: every question in every way.
  /// - Throws: `Difference` if a text is not that of plain decoding; `DecodingError`; `CancellationError`; what
  ///   makes drafters throws.
  package func run(
    on model: any CausalModel, isCancelled: () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws -> SpeculationResult {
    let context = try DecodingContext(model: model, settings: settings.context)
    let teams = try ways.map {
      try $0.team(for: model, context, settings.context, tokenizer, path: settings.modelPath)
    }
    var result = SpeculationResult(ways: ways.map(\.name))
    result.drafterNotes = zip(ways, teams).compactMap { way, team in
      team.note.map { "\(way.name): \($0)" }
    }
    let room = context.capacity - 1
    var answered: [Question] = []
    for question in questions {
      if prompt(of: question).count <= room {
        answered.append(question)
      } else {
        result.tooLong.append(question.id)
      }
    }
    let steps = Double(max(1, answered.count * ways.count))
    func answer(_ question: Question, _ way: Int) throws -> [TimedReply] {
      try replies(
        to: question, by: ways[way], teams[way].drafters, in: teams[way].context,
        isCancelled: isCancelled)
    }
    if let first = answered.first {
      for warmUp in 0..<max(settings.warmUps, ways.count) {
        _ = try answer(first, warmUp % ways.count)
      }
    }
    for (index, question) in answered.enumerated() {
      var replies = [[TimedReply]](repeating: [], count: ways.count)
      for turn in ways.indices {
        let way = (index + turn) % ways.count
        replies[way] = try answer(question, way)
        progress(Double(index * ways.count + turn + 1) / steps)
      }
      try compare(replies, question)
      if replies[0].count < question.turns.count { result.shortened.append(question.id) }
      result.entries.append(
        .init(
          question: question,
          samples: replies.map { $0.reduce(into: SpeculationSample()) { $0.add($1) } }))
    }
    return result
  }

  private func prompt(of question: Question) -> [Int] {
    QuestionDialogue(question.task, format: format, tokenizer: tokenizer)
      .prompt(asking: question.turns.first ?? "")
  }

  /// The replies to all turns that the context has room for.
  private func replies(
    to question: Question, by way: SpeculationArm, _ drafters: [any Drafter],
    in context: DecodingContext, isCancelled: () -> Bool
  ) throws -> [TimedReply] {
    let generation = GenerationSettings(
      maximumTokens: settings.maximumTokens, sampler: settings.sampler,
      speculation: way.speculation, continuesText: format == .plain)
    var dialogue = QuestionDialogue(question.task, format: format, tokenizer: tokenizer)
    var replies: [TimedReply] = []
    for turn in question.turns {
      let prompt = dialogue.prompt(asking: turn)
      guard prompt.count < context.capacity else { break }
      let reply = try TimedReply.make(
        prompt, in: context, tokenizer: tokenizer, settings: generation, drafters: drafters,
        isCancelled: isCancelled)
      dialogue.remember(prompt, reply)
      replies.append(reply)
    }
    return replies
  }

  /// Compares the ids of all ways with those of plain decoding.
  private func compare(_ replies: [[TimedReply]], _ question: Question) throws(Difference) {
    for way in ways.indices.dropFirst() {
      for (turn, pair) in zip(replies[0], replies[way]).enumerated() {
        guard let place = Self.difference(pair.0.ids, pair.1.ids) else { continue }
        throw Difference(
          question: question.id, turn: turn + 1, arm: ways[way].name, position: place,
          found: pair.1.ids[from: place], expected: pair.0.ids[from: place])
      }
    }
  }

  /// The first index where two lists differ; `nil` if they are equal.
  package static func difference(_ left: [Int], _ right: [Int]) -> Int? {
    if left == right { return nil }
    return zip(left, right).enumerated().first { $1.0 != $1.1 }?.offset
      ?? min(left.count, right.count)
  }
}

extension Array {
  /// The element at an index, if there is one.
  fileprivate subscript(from index: Int) -> Element? {
    indices.contains(index) ? self[index] : nil
  }
}
