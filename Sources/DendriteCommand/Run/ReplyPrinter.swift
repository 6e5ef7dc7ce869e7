// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// Writes a reply as it comes, as text or as JSON.
struct ReplyPrinter {
  /// What the standard output gets.
  enum Form {
    /// The reply, closed by a line break.
    case reply
    /// Prompt and reply as one text, closed by an empty line, as llama.cpp prints it.
    case wholeText
    /// One JSON object to a line.
    case json
  }

  let form: Form
  /// Whether the statistics line is left out.
  let isQuiet: Bool
  /// Whether tokens are coloured by how they came about.
  var showsSpeculation = false

  /// Begins with the prompt, where it is shown.
  func begin(prompt: [Int], tokenizer: Tokenizer) throws(Failure) {
    guard case .wholeText = form else { return }
    var detokenizer = tokenizer.makeDetokenizer(continuingText: true)
    var text = ""
    for id in prompt { text += detokenizer.append(id) }
    try StandardStream.output.write(text + detokenizer.finish())
  }

  /// Writes a token's text at once.
  func show(_ fragment: Fragment) throws(Failure) {
    guard case .json = form else {
      guard !fragment.text.isEmpty else { return }
      let text = showsSpeculation ? SpeculationColours.paint(fragment) : fragment.text
      try StandardStream.output.write(text)
      return
    }
    let object = JSONValue.object([
      .init("type", .string("fragment")),
      .init("text", .string(fragment.text)),
      .init("id", .integer(fragment.tokenID)),
      .init("logprob", .number(Double(fragment.logProbability))),
      .init("origin", .string(fragment.origin.rawValue)),
    ])
    try StandardStream.output.write(object.text(indented: false) + "\n")
  }

  /// Closes the text and prints what it cost.
  func end(_ summary: ReplySummary) throws(Failure) {
    switch form {
    case .reply: try StandardStream.output.write("\n")
    case .wholeText: try StandardStream.output.write("\n\n")
    case .json: try StandardStream.output.write(summary.json.text(indented: false) + "\n")
    }
    if showsSpeculation { StandardStream.say(SpeculationColours.legend) }
    if !isQuiet { StandardStream.say(summary.line) }
  }
}
