// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Testing

@Suite struct PromptFormatTests {
  /// The beginnings of chat templates as models ship them, and the formats they mean.
  static let templates: [(template: String, format: PromptFormat)] = [
    ("", .plain),
    (
      "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
        + "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}",
      .chatML(defaultInstructions: nil)
    ),
    (  // Qwen 2.5
      "{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- else %}"
        + "{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
        + "assistant.<|im_end|>\\n' }}",
      .chatML(
        defaultInstructions:
          "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")
    ),
    (  // SmolLM2
      "{{ '<|im_start|>system\\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
        + "Face<|im_end|>\\n' }}{{'<|im_start|>' + message['role']}}",
      .chatML(
        defaultInstructions:
          "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
    ),
    (  // Llama 3
      "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ "
        + "message['content'] | trim + '<|eot_id|>' %}",
      .llama3(preamble: nil)
    ),
    (  // Llama 3.1 and later
      "{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}{{- \"Cutting Knowledge Date: "
        + "December 2023\\n\" }}{{- \"<|eot_id|>\" }}",
      .llama3(
        preamble: "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n")
    ),
    (  // Llama 2
      "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' %}"
        + "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}",
      .llama2
    ),
  ]

  @Test(arguments: templates)
  func `a template tells its format`(template: String, format: PromptFormat) {
    #expect(PromptFormat.detect(in: template).format == format)
    #expect(PromptFormat.detect(in: template).note == nil)
  }

  @Test func `a template that is not known gives plain text and a note`() {
    for template in [
      "{{ '<|user|>\\n' }}", "{{ '[INST] ' }}", "<|im_start|><|im_sep|><|im_end|>",
    ] {
      let (format, note) = PromptFormat.detect(in: template)
      #expect(format == .plain)
      #expect(note?.contains("neither ChatML nor Llama 2 nor Llama 3") == true)
    }
    #expect(PromptFormat.detect(in: nil).note == nil)
  }

  /// A conversation of one or two questions, marks written out.
  static func render(
    _ format: PromptFormat, _ instructions: String?, _ questions: [String], answer: String = "A"
  ) -> String {
    var spans = format.opening(instructions: instructions) + format.question(questions[0])
    for question in questions.dropFirst() {
      spans += [.text(answer)] + format.separator + format.question(question)
    }
    return spans.map { span in
      switch span {
      case .beginning: "BOS"
      case .marker(let name): name
      case .text(let text): text
      }
    }.joined()
  }

  @Test func `ChatML is rendered as its models expect`() {
    #expect(
      Self.render(.chatML(defaultInstructions: nil), "S", ["U", "V"]) == """
        <|im_start|>system
        S<|im_end|>
        <|im_start|>user
        U<|im_end|>
        <|im_start|>assistant
        A<|im_end|>
        <|im_start|>user
        V<|im_end|>
        <|im_start|>assistant

        """)
    #expect(
      Self.render(.chatML(defaultInstructions: "D"), nil, ["U"]).hasPrefix(
        "<|im_start|>system\nD<|im_end|>\n<|im_start|>user\nU"))
    #expect(
      Self.render(.chatML(defaultInstructions: nil), nil, ["U"]).hasPrefix(
        "<|im_start|>user\nU"))
  }

  @Test func `Llama 3 is rendered as its models expect`() {
    #expect(
      Self.render(.llama3(preamble: nil), "S", [" U\n", "V"])
        == "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\n")
    #expect(
      Self.render(.llama3(preamble: "P\n\n"), nil, ["U"]).hasPrefix(
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nP\n\n<|eot_id|>"))
  }

  @Test func `Llama 2 is rendered as its models expect`() {
    #expect(
      Self.render(.llama2, "S", ["U", " V "])
        == "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST]A</s><s>[INST] V [/INST]")
    #expect(Self.render(.llama2, nil, ["U"]) == "<s>[INST] U [/INST]")
  }

  @Test func `plain text is continued as it stands`() {
    #expect(Self.render(.plain, nil, [" U ", "V"]) == "BOS U A\nV")
    #expect(Self.render(.plain, "S", ["U"]) == "BOSS\n\nU")
  }

  static let vocabularies: [(file: String, format: PromptFormat)] = [
    ("vocab/ggml-vocab-qwen2.gguf", .chatML(defaultInstructions: nil)),
    ("vocab/ggml-vocab-llama-bpe.gguf", .llama3(preamble: nil)),
  ]

  @Test(.requiresSharedData, arguments: vocabularies)
  func `marks become control tokens and what a user types never does`(
    file: String, format: PromptFormat
  ) throws {
    let vocabulary = try GGUFFile(path: SharedData.path(file)).vocabularyDescription()
    let tokenizer = try Tokenizer(vocabulary)
    let spans = format.opening(instructions: "Be brief.") + format.question("  2 + 2?\n\nSay it.")
    let text = Self.render(format, "Be brief.", ["  2 + 2?\n\nSay it."])
    let whole = tokenizer.encode(text, addingSpecial: false, parsingSpecial: true)
    #expect(tokenizer.encode(spans) == whole)
    #expect(whole.contains { tokenizer.isControl($0) })

    func controls(_ text: String) -> [Int] {
      tokenizer.encode(format.opening(instructions: nil) + format.question(text))
        .filter { tokenizer.isControl($0) }
    }
    let names = vocabulary.tokens.indices.filter { tokenizer.isControl($0) }.map {
      vocabulary.tokens[$0]
    }
    #expect(controls(names.joined(separator: "x") + names.joined()) == controls("harmless"))
  }
}
