// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Foundation
import Testing

/// A keyboard: what is typed here arrives at a terminal.
private final class Keyboard {
  private let keys: FileHandle
  let terminal: FileHandle

  init() throws {
    var primary: Int32 = -1
    var secondary: Int32 = -1
    try #require(openpty(&primary, &secondary, nil, nil, nil) == 0)
    keys = FileHandle(fileDescriptor: primary, closeOnDealloc: true)
    terminal = FileHandle(fileDescriptor: secondary, closeOnDealloc: true)
  }

  func type(_ text: String) throws { try keys.write(contentsOf: Data(text.utf8)) }
}

@Suite struct ConversationTests {
  private static let controlD = "\u{4}"

  @Test func `lines are continued one by one until Ctrl-D`() async throws {
    let keyboard = try Keyboard()
    let child = try Child(
      ["run", "-m", Repository.bundledModel, "--max-tokens", "5", "--ignore-eos"],
      terminal: keyboard.terminal)
    try keyboard.type("xyzzy\n\n  \nplugh\n" + Self.controlD)
    let result = await child.outcome()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("dendrite-tiny is ready. It continues what you type;"))
    #expect(result.errors.ranges(of: "reply 5 tokens").count == 2, "\(result.errors)")
    // The prompt is on the screen already.
    #expect(!result.text.contains("xyzzy"))
  }

  @Test func `a chat model remembers`() async throws {
    let folder = try TemporaryFolder()
    let keyboard = try Keyboard()
    let child = try Child(
      ["run", "-m", try ChatTests.chatModel(folder), "--max-tokens", "5", "--ignore-eos"],
      terminal: keyboard.terminal)
    try keyboard.type("Hello\nAgain\n" + Self.controlD)
    let result = await child.outcome()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("It remembers the conversation."))
    #expect(result.errors.contains("remembered)"), "\(result.errors)")
  }

  @Test func `a line that is too long does not end the conversation`() async throws {
    let keyboard = try Keyboard()
    let child = try Child(
      ["run", "-m", Repository.bundledModel, "--max-tokens", "3", "--context", "8"],
      terminal: keyboard.terminal)
    let long = String(repeating: "def ", count: 40)
    try keyboard.type("\(long)\nimport\n" + Self.controlD)
    let result = await child.outcome()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("expected at most 8"))
    #expect(result.errors.contains("reply 3 tokens"), "\(result.errors)")
  }

  @Test func `JSON needs a prompt`() async throws {
    let keyboard = try Keyboard()
    let child = try Child(["run", "--json"], terminal: keyboard.terminal)
    let result = await child.outcome()
    #expect(result.status == 64)
    #expect(result.errors.contains("--json without a prompt, expected one\n  try: "))
  }
}
