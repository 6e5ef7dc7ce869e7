// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Foundation
import Testing

@Suite struct ChatTests {
  /// A tiny model of noise that brings a ChatML template.
  static func chatModel(_ folder: TemporaryFolder) throws -> String {
    let path = try folder.path("chat.gguf")
    var writer = try ModelMaker(shape: .tinyQwen2, format: .uniform(.q8_0)).writer()
    try writer.add(
      "tokenizer.chat_template",
      string:
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    )
    try writer.write(to: path) { _, _ in }
    return path
  }

  @Test func `a model with a template answers, without the prompt`() async throws {
    let folder = try TemporaryFolder()
    let path = try Self.chatModel(folder)
    let answer = try await CommandLineTool.run(
      "run", "-m", path, "--json", "--seed", "1", "--max-tokens", "6", "--ignore-eos", "Hello")
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.text.contains(#""format":"chatml""#))
    let raw = try await CommandLineTool.run(
      "run", "-m", path, "--raw", "--seed", "1", "--max-tokens", "6", "--ignore-eos", "Hello")
    #expect(raw.text.hasPrefix("Hello"))
    let asked = try await CommandLineTool.run(
      "run", "-m", path, "--seed", "1", "--max-tokens", "6", "--ignore-eos", "Hello")
    #expect(!asked.text.hasPrefix("Hello"))
    let told = try await CommandLineTool.run(
      "run", "-m", path, "--seed", "1", "--max-tokens", "6", "--ignore-eos", "--system",
      "Be brief.",
      "Hello")
    #expect(told.status == 0, "\(told.errors)")
    let counts = try [asked, told].map { try #require($0.errors.firstMatch(of: /prompt (\d+)/)?.1) }
    #expect(Int(counts[0]) ?? 0 < Int(counts[1]) ?? 0)
  }

  @Test func `a system text needs a template, and echo a text to continue`() async throws {
    let folder = try TemporaryFolder()
    let path = try Self.chatModel(folder)
    let echo = try await CommandLineTool.run("run", "-m", path, "--echo", "Hello")
    #expect(echo.status == 64)
    #expect(echo.errors.contains("--echo with a chat model, expected a text to continue"))
    let plain = try await CommandLineTool.run(
      "run", "-m", Repository.golden("logits/llama2.gguf"), "--system", "Be brief.", "Hello")
    #expect(plain.status == 64)
    #expect(plain.errors.contains("has no chat template that is known here"))
  }
}
