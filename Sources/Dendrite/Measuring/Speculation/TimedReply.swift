// SPDX-License-Identifier: Apache-2.0
package import DendriteDecoding
internal import DendriteCompute
internal import DendriteModel
internal import DendriteTokenizer

/// A reply with the time of each of its passes.
package struct TimedReply: Sendable {
  /// The ids, a token that ended the reply included.
  package var ids: [Int]
  /// Tokens by pass; the first pass is the prompt's and gives one.
  package var tokensByPass: [Int]
  /// Seconds by pass, guesses included; the first is the time to the first token.
  package var secondsByPass: [Double]
  /// Seconds of the whole call, prefill included.
  package var seconds: Double
  /// What the generation says of itself.
  package var statistics: GenerationStatistics

  /// A reply that was timed.
  package init(
    ids: [Int], tokensByPass: [Int], secondsByPass: [Double], seconds: Double,
    statistics: GenerationStatistics
  ) {
    self.ids = ids
    self.tokensByPass = tokensByPass
    self.secondsByPass = secondsByPass
    self.seconds = seconds
    self.statistics = statistics
  }

  /// Makes a reply to a prompt that the context knows nothing of yet.
  ///
  /// - Throws: `DecodingError`; `CancellationError` between two tokens once `isCancelled`.
  static func make(
    _ prompt: [Int], in context: DecodingContext, tokenizer: Tokenizer,
    settings: GenerationSettings, drafters: [any Drafter], isCancelled: () -> Bool
  ) throws -> TimedReply {
    try context.truncate(to: 0)
    let start = Clock.seconds()
    var loop = try GenerationLoop(
      prompt: prompt, in: context, tokenizer: tokenizer, settings: settings, drafters: drafters)
    var tokens: [Int] = []
    var seconds: [Double] = []
    var passes = -1
    var last = start
    while let step = try loop.step() {
      if isCancelled() { throw CancellationError() }
      guard case .fragment = step else { continue }
      if loop.statistics.decodePasses == passes {
        tokens[tokens.count - 1] += 1
      } else {
        passes = loop.statistics.decodePasses
        let now = Clock.seconds()
        tokens.append(1)
        seconds.append(now - last)
        last = now
      }
    }
    let end = Clock.seconds()
    return TimedReply(
      ids: loop.generatedIDs, tokensByPass: tokens, secondsByPass: seconds, seconds: end - start,
      statistics: loop.statistics)
  }

  // MARK: Parts

  /// Seconds to the first token.
  package var prefillSeconds: Double { secondsByPass.first ?? 0 }
  /// Seconds behind it.
  package var decodeSeconds: Double { seconds - prefillSeconds }
  /// Tokens that each pass behind the prompt gave: the accepted guesses and one.
  package var acceptedLengths: ArraySlice<Int> { tokensByPass.dropFirst() }

  /// Tokens inside loops and their seconds; the tokens of a pass share its time.
  package var loops: (tokens: Int, seconds: Double) {
    let marks = Repetition.marks(in: ids)
    var (tokens, seconds) = (0, 0.0)
    var index = 0
    for (count, time) in zip(tokensByPass, secondsByPass) {
      let inside = marks[index..<min(index + count, marks.count)].count(where: { $0 })
      tokens += inside
      seconds += time * Double(inside) / Double(count)
      index += count
    }
    return (tokens, seconds)
  }
}
