// SPDX-License-Identifier: Apache-2.0
internal import DendriteDecoding
internal import DendriteModel
internal import DendriteTokenizer

/// What a target says behind a prompt, with its early guesses at every place.
///
/// Under noise that is keyed by position the text does not depend on drafts, so a recorded reply answers every draft
/// as the target itself would.
struct RecordedReply: Sendable {
  var prompt: [Int]
  var tokens: [Int]
  /// The exit's guesses for token i; empty for the first, which comes from the prompt's pass.
  var exits: [[ExitGuesses.Guess]]

  /// Lets a target say something, token by token.
  static func record(
    _ prompt: [Int], count: Int, of model: any CausalModel, _ tokenizer: Tokenizer,
    sampler: SamplerSettings, exit: ExitHead, guesses: Int, vocabularySize: Int
  ) throws -> RecordedReply {
    var settings = GenerationSettings(
      maximumTokens: count, sampler: sampler, ignoresEndOfGeneration: true)
    settings.speculation = .drafter(draftLength: 1)
    let notebook = Notebook(
      wish: ExitWish(head: exit, count: guesses, vocabularySize: vocabularySize))
    var loop = try GenerationLoop(
      prompt: prompt,
      in: DecodingContext(
        model: model, settings: ContextSettings(capacity: prompt.count + count + 1)),
      tokenizer: tokenizer, settings: settings, drafters: [notebook])
    while try loop.step() != nil {}
    return RecordedReply(
      prompt: prompt, tokens: loop.generatedIDs, exits: [[]] + notebook.log.rows)
  }

  /// Guesses nothing and writes down what the exit says.
  private struct Notebook: Drafter {
    final class Log: @unchecked Sendable {
      var rows: [[ExitGuesses.Guess]] = []
    }

    let wish: ExitWish
    let log = Log()
    var exitWish: ExitWish? { wish }

    mutating func propose(
      after history: [Int], pending: Int, limit: Int, into draft: inout Draft
    ) {}
    mutating func foresee(_ guesses: ExitGuesses) { log.rows.append(guesses.rows[0]) }
  }
}
