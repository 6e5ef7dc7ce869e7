// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

/// What the world gets wrong: each failure says what was found, what was expected, what to do.
@Suite(.tags(.badInput)) struct BadInputTests {
  static let model = Repository.golden("logits/llama2.gguf")

  @Test func `a file that is not there`() async throws {
    let result = try await CommandLineTool.run("run", "-m", "/nowhere/model.gguf", "Hello")
    #expect(result.status == 66)
    #expect(
      result.errors == """
        dendrite: no file '/nowhere/model.gguf', expected a model file
          because: open: No such file or directory (errno 2)
          try: check the path; `ls` its folder

        """)
    #expect(result.text == "")
  }

  @Test func `a truncated file`() async throws {
    let folder = try TemporaryFolder()
    let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: Self.model)))
    let path = try folder.path("cut.gguf", Array(bytes[..<(bytes.count / 2)]))
    for command in ["run", "inspect"] {
      let arguments = command == "run" ? ["-m", path] : [path, "--json"]
      let result = try await CommandLineTool.run(command, arguments[0], arguments[1])
      #expect(result.status == (command == "run" ? 64 : 65))
    }
    let result = try await CommandLineTool.run("run", "-m", path, "Hello")
    #expect(result.status == 65)
    #expect(result.errors.hasPrefix("dendrite: tensor '"), "\(result.errors)")
    #expect(result.errors.contains("expected to end within the"))
    #expect(result.errors.contains("  try: the file is incomplete or damaged"))
  }

  @Test func `a file of another kind`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("notes.txt", Array("These are my notes, not a model.".utf8))
    let result = try await CommandLineTool.run("inspect", path)
    #expect(result.status == 65)
    #expect(result.errors.contains("expected"), "\(result.errors)")
    #expect(result.errors.contains("  try: "))
  }

  @Test func `a model without weights`() async throws {
    let folder = try TemporaryFolder()
    // The smallest file of the format: no tensors, one key.
    let header: [UInt8] =
      [0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
      + [1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0] + Array("general.architecture".utf8)
      + [8, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0] + Array("llama".utf8)
    let path = try folder.path("empty.gguf", header)
    let inspected = try await CommandLineTool.run("inspect", path)
    #expect(inspected.status == 0, "\(inspected.errors)")
    #expect(inspected.text.contains("not usable"))
    let result = try await CommandLineTool.run("run", "-m", path, "Hello")
    #expect(result.status == 65)
    #expect(result.errors.contains("\n  try: "), "\(result.errors)")
  }

  @Test func `text that is not UTF-8 names the byte`() async throws {
    let folder = try TemporaryFolder()
    let bytes = Array("caf".utf8) + [0xe9] + Array(" au lait".utf8)
    let path = try folder.path("latin1.txt", bytes)
    let file = try await CommandLineTool.run("run", "-m", Self.model, "--file", path)
    #expect(file.status == 65)
    #expect(
      file.errors == """
        dendrite: '\(path)' is not UTF-8: byte 0xE9 at offset 3 of 12, expected the beginning of a \
        complete character
          try: convert it first, for example with `iconv -f latin1 -t utf-8`

        """)
    let input = try await CommandLineTool.run("run", "-m", Self.model, input: [0x61, 0xf0, 0x9f])
    #expect(input.status == 65)
    #expect(
      input.errors.contains("the standard input is not UTF-8: byte 0xF0 at offset 1 of 3"),
      "\(input.errors)")
  }

  @Test func `a prompt longer than the context`() async throws {
    let result = try await CommandLineTool.run(
      "run", "-m", Self.model, "--context", "8",
      "a prompt that has a good many more tokens than eight of them")
    #expect(result.status == 65)
    #expect(result.errors.contains("expected at most 8, the capacity of the context"))
    #expect(result.errors.contains("try: shorten the prompt, or give the reply more room"))
    #expect(result.text == "")
  }

  @Test func `a context longer than the model's`() async throws {
    let result = try await CommandLineTool.run("run", "-m", Self.model, "--context", "999999", "x")
    #expect(result.status == 64)
    #expect(result.errors.contains("--context is 999999, expected at most"), "\(result.errors)")
    #expect(result.errors.contains("  try: --context "))
  }

  @Test func `a context larger than memory`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("long.gguf")
    let made = try await CommandLineTool.run(
      "lab", "make-model", "--shape", "tiny-llama", "--type", "q8_0", "--context", "1073741824",
      "-o", path)
    #expect(made.status == 0, "\(made.errors)")
    let result = try await CommandLineTool.run(
      "run", "-m", path, "--context", "1073741824", "--cache-type", "f32", "Hello")
    #expect(result.status == 71)
    #expect(result.errors.contains("1073741824 tokens needs"), "\(result.errors)")
    #expect(result.errors.contains("of memory is available\n  try: "))
    #expect(result.text == "")
  }

  @Test func `no prompt, or two`() async throws {
    let none = try await CommandLineTool.run("run", "-m", Self.model)
    #expect(none.status == 64)
    #expect(none.errors.contains("no prompt, and the standard input is empty"))
    let two = try await CommandLineTool.run("run", "-m", Self.model, "x", "--file", "y")
    #expect(two.status == 64)
    #expect(two.errors.contains("there is a prompt and a --file"))
  }

  @Test(arguments: [
    (["run", "--top-p", "3", "x"], "--top-p is 3.0, expected a number above 0"),
    (["run", "--temperature", "-1", "x"], "--temperature is -1.0, expected 0 or"),
    (["run", "--top-k", "-5", "x"], "--top-k is -5, expected 0 (off)"),
    (
      ["run", "--cores", "0,x", "x"],
      "--cores: '0,x' as a list of cores, expected numbers and ranges"
    ),
    (["run", "--cores", "4000", "x"], "--cores: core 4000, which this process may not use"),
    (["run", "--draft-length", "0", "x"], "--draft-length is 0, expected a number from 1 to 63"),
    (
      ["run", "--draft-length", "4", "x"], "--draft-length with --drafter none, expected a drafter"
    ),
    (["run", "--threads", "0", "x"], "--threads is 0, expected a number from 1 to 1024"),
    (["run", "--max-tokens", "-1", "x"], "--max-tokens is -1, expected 0 (no limit)"),
    (["run", "--context", "0", "x"], "--context is 0, expected a positive number"),
    (["run", "--stop", "", "x"], "--stop is empty, expected a text"),
    (["run", "--seed", "x", "x"], "expected a whole number from 0"),
    (["run", "--logit-bias", "7", "x"], "expected a token's id and a number"),
    (["run", "--raw", "--system", "s", "x"], "--system text, which --raw has no place for"),
    (["inspect", "--special"], "--special without --tokens, expected both"),
  ])
  func `a setting out of range`(arguments: [String], message: String) async throws {
    let child = try Child(arguments)
    try child.feed([])
    let result = await child.outcome()
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.contains("\n  try: "), "\(result.errors)")
  }

  @Test(arguments: [
    (["rnu"], "did you mean `dendrite run`?"),
    (["lab", "mkae-model"], "did you mean `dendrite lab make-model`?"),
    (["run", "--temprature", "1", "x"], "Did you mean '--temperature'?"),
    (["run", "--cache-type", "f61", "x"], "did you mean --cache-type f16?"),
    (["run", "--kernels", "genric", "x"], "did you mean --kernels generic?"),
    (["run", "--drafter", "lookpu", "x"], "did you mean --drafter lookup?"),
    (["run", "--numerics", "exakt", "x"], "did you mean --numerics exact?"),
    (
      ["lab", "make-model", "--shape", "lama-3.2-1b", "--type", "q4_0", "-o", "x"],
      "did you mean --shape llama-3.2-1b?"
    ),
    (
      ["lab", "make-model", "--shape", "llama-3.2-1b", "--type", "q4k_m", "-o", "x"],
      "did you mean --type Q4_K_M?"
    ),
  ])
  func `a slip of the finger gets a suggestion`(
    arguments: [String], suggestion: String
  ) async throws {
    let child = try Child(arguments)
    try child.feed([])
    let result = await child.outcome()
    #expect(result.status == 64)
    #expect(result.errors.hasPrefix("dendrite: "))
    #expect(result.errors.contains(suggestion), "\(result.errors)")
  }
}
