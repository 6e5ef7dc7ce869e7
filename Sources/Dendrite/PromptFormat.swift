// SPDX-License-Identifier: Apache-2.0

/// How a conversation is written for a model: the marks around instructions, questions, answers.
///
/// A model understands the format that it was trained with and no other. The formats are written
/// here by hand; a chat template is only looked at to tell which one it means.
///
/// - Source: the models' own chat templates, as listed in the tests.
public enum PromptFormat: Sendable, Hashable {
  /// No marks: the text is continued as it stands. For models that were trained on text alone.
  case plain
  /// `<|im_start|>role⏎text<|im_end|>⏎` (Qwen, SmolLM2).
  ///
  /// Some models are given instructions even if there are none: `defaultInstructions`.
  case chatML(defaultInstructions: String?)
  /// `<|start_header_id|>role<|end_header_id|>⏎⏎text<|eot_id|>`, text trimmed.
  ///
  /// From 3.1 on instructions begin with a `preamble` about dates.
  case llama3(preamble: String?)
  /// `<s>[INST] <<SYS>>⏎instructions⏎<</SYS>>⏎⏎text [/INST]`, text trimmed.
  case llama2

  /// The format that a chat template means.
  ///
  /// - Returns: the format; a note if there is a template that is not known.
  public static func detect(in template: String?) -> (format: PromptFormat, note: String?) {
    guard let template, !template.isEmpty else { return (.plain, nil) }
    if template.contains("<|im_start|>"), template.contains("<|im_end|>"),
      !template.contains("<|im_sep|>")
    {
      return (.chatML(defaultInstructions: defaultInstructions(in: template)), nil)
    }
    if template.contains("<|start_header_id|>"), template.contains("<|eot_id|>") {
      return (.llama3(preamble: preamble(in: template)), nil)
    }
    if template.contains("[INST]"), template.contains("<<SYS>>") { return (.llama2, nil) }
    return (
      .plain,
      "the file's chat template is neither ChatML nor Llama 2 nor Llama 3; text is continued as "
        + "it stands, which a model trained to chat may not understand"
    )
  }

  // MARK: Spans

  /// What comes first: the instructions, and what every conversation begins with.
  package func opening(instructions: String?) -> [PromptSpan] {
    switch self {
    case .plain:
      return [.beginning] + (instructions.map { [.text($0 + "\n\n")] } ?? [])
    case .chatML(let standard):
      guard let text = instructions ?? standard else { return [] }
      return [
        .marker("<|im_start|>"), .text("system\n" + text), .marker("<|im_end|>"), .text("\n"),
      ]
    case .llama3(let preamble):
      let begin = PromptSpan.marker("<|begin_of_text|>")
      guard preamble != nil || instructions != nil else { return [begin] }
      let text = (preamble ?? "") + Self.trimmed(instructions ?? "")
      return [begin] + Self.llama3Turn("system", text)
    case .llama2:
      guard let instructions else { return [.marker("<s>"), .text("[INST] ")] }
      let text = Self.trimmed(instructions)
      return [.marker("<s>"), .text("[INST] <<SYS>>\n\(text)\n<</SYS>>\n\n")]
    }
  }

  /// What stands between an answer and the next question.
  package var separator: [PromptSpan] {
    switch self {
    case .plain: [.text("\n")]
    case .chatML: [.marker("<|im_end|>"), .text("\n")]
    case .llama3: [.marker("<|eot_id|>")]
    case .llama2: [.marker("</s>"), .marker("<s>"), .text("[INST] ")]
    }
  }

  /// A question, and what calls for the answer.
  package func question(_ text: String) -> [PromptSpan] {
    switch self {
    case .plain:
      [.text(text)]
    case .chatML:
      [
        .marker("<|im_start|>"), .text("user\n" + text), .marker("<|im_end|>"), .text("\n"),
        .marker("<|im_start|>"), .text("assistant\n"),
      ]
    case .llama3:
      Self.llama3Turn("user", Self.trimmed(text)) + [
        .marker("<|start_header_id|>"), .text("assistant"), .marker("<|end_header_id|>"),
        .text("\n\n"),
      ]
    case .llama2:
      [.text(Self.trimmed(text) + " [/INST]")]
    }
  }

  private static func llama3Turn(_ role: String, _ text: String) -> [PromptSpan] {
    [
      .marker("<|start_header_id|>"), .text(role), .marker("<|end_header_id|>"),
      .text("\n\n" + text), .marker("<|eot_id|>"),
    ]
  }

  private static func trimmed(_ text: String) -> String {
    let front = text.drop(while: \.isWhitespace)
    guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(front[...last])
  }

  // MARK: Reading templates

  /// The text of a system turn that a ChatML template spells out whole.
  private static func defaultInstructions(in template: String) -> String? {
    for start in ["<|im_start|>system\\n", "<|im_start|>system\n"] {
      for range in template.ranges(of: start) {
        let rest = template[range.upperBound...]
        guard let end = rest.firstRange(of: "<|im_end|>") else { continue }
        let text = rest[..<end.lowerBound]
        let isLiteral = !text.contains { "'\"{}".contains($0) }
        if isLiteral, !text.isEmpty { return String(text) }
      }
    }
    return nil
  }

  /// What Llama 3.1 and later put before instructions.
  ///
  /// The templates insert today's date where they can ask for it and this one where they cannot;
  /// here the same prompt always gives the same ids.
  private static func preamble(in template: String) -> String? {
    guard template.contains("Cutting Knowledge Date: December 2023") else { return nil }
    return "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
  }
}
