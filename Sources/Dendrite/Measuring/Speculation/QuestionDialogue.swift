// SPDX-License-Identifier: Apache-2.0
internal import DendriteDecoding
internal import DendriteTokenizer

/// A question on its way through its turns, written as the model wants it.
///
/// With a chat template a turn is what a user says. A model without one is given `Question: …⏎Answer:`, and code
/// as it stands. A later turn follows the model's own answer.
struct QuestionDialogue {
  let task: QuestionTask
  let format: PromptFormat
  let tokenizer: Tokenizer
  /// The ids of all turns so far, without a token that ended the last one.
  private var transcript: [Int] = []

  init(_ task: QuestionTask, format: PromptFormat, tokenizer: Tokenizer) {
    self.task = task
    self.format = format
    self.tokenizer = tokenizer
  }

  /// The ids of the whole dialogue and a new question.
  func prompt(asking text: String) -> [Int] {
    let isFirst = transcript.isEmpty
    guard format == .plain else {
      let before = isFirst ? format.opening(instructions: nil) : format.separator
      return transcript + tokenizer.encode(before + format.question(text))
    }
    let question = task == .code ? text : "Question: \(text)\nAnswer:"
    let spans: [PromptSpan] =
      isFirst
      ? format.opening(instructions: nil) + [.text(question)] : [.text("\n\n" + question)]
    return transcript + tokenizer.encode(spans)
  }

  /// Keeps a turn.
  mutating func remember(_ prompt: [Int], _ reply: TimedReply) {
    var ids = reply.ids
    if case .stop(let token)? = reply.statistics.finishReason, ids.last == token {
      ids.removeLast()
    }
    transcript = prompt + ids
  }
}
