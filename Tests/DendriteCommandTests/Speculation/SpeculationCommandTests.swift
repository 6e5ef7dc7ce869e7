// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation
import Testing

/// `dendrite bench speculation` as a person types it.
@Suite struct SpeculationCommandTests {
  static let questions = #"""
    {"question_id": 321, "category": "qa", "turns": ["Who wrote the book?"]}
    {"question_id": 322, "category": "qa", "turns": ["Who read it?"]}
    {"task_id": "HumanEval/0", "prompt": "def add(a, b):\n    \"\"\"Add.\"\"\"\n"}

    """#

  private func run(_ arguments: [String]) async throws -> CommandLineTool.Outcome {
    let model = ["-m", Repository.bundledModel, "--threads", "1"]
    return try await CommandLineTool.run(["bench", "speculation"] + model + arguments)
  }

  @Test func `one run gives a table, JSON and a page`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("few.jsonl", Array(Self.questions.utf8))
    let json = try folder.path("report.json")
    let html = try folder.path("page.html")
    let result = try await run([
      "--questions", path, "--per-category", "1", "--max-new", "16", "--json", json, "--html", html,
      "--date", "a <Tuesday>",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "")
    #expect(result.lines.allSatisfy { $0.count <= 100 })
    for words in [
      "model      dendrite-tiny", "date       a <Tuesday>", "few.jsonl", "Speed-ups over plain",
      "qa ", "not meaningful here", "code ", "overall", "lookup", "auto", "tokens a pass",
      "on all 2 questions", "one question of a task: too few",
      "replies    at most 16 tokens, greedy",
    ] { #expect(result.text.contains(words), "\(words)") }

    let data = try Data(contentsOf: URL(fileURLWithPath: json))
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(object["report"] as? String == "bench speculation")
    #expect(object["identical_texts"] as? Bool == true)
    #expect((object["command"] as? String)?.hasPrefix("dendrite bench speculation -m ") == true)
    let tasks = try #require(object["tasks"] as? [[String: Any]])
    #expect(tasks.map { $0["task"] as? String } == ["qa", "code", "overall"])
    #expect(tasks.map { $0["meaningful"] as? Bool } == [false, true, false])
    let ways = try #require(tasks[1]["ways"] as? [[String: Any]])
    #expect(ways.map { $0["guesses"] as? String } == ["plain", "lookup", "auto"])
    #expect((ways[0]["tokens_per_pass"] as? [String: Any])?["value"] as? Double == 1)
    let answered = try #require(object["questions"] as? [[String: Any]])
    #expect(answered.map { $0["id"] as? String } == ["321", "HumanEval/0"])
    // What was asked and answered stays out of the record.
    #expect(!String(decoding: data, as: UTF8.self).contains("Who wrote"))

    let page = try String(contentsOf: URL(fileURLWithPath: html), encoding: .utf8)
    #expect(page.components(separatedBy: "<svg").count - 1 == 2)
    for words in [
      "dendrite bench speculation -m", "a &lt;Tuesday&gt;", "not meaningful here</text>",
      ">plain decoding</text>", "<th scope=\"col\">task</th>", "How to read them",
    ] { #expect(page.contains(words), "\(words)") }
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(left.sorted() == ["few.jsonl", "page.html", "report.json"])
  }

  @Test func `sampled replies are the same in every way too`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("few.jsonl", Array(Self.questions.utf8))
    let result = try await run([
      "--questions", path, "--max-new", "12", "--temperature", "0.9", "--seed", "7", "--drafter",
      "lookup", "--draft-length", "3", "--per-category", "0",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.text.contains("temperature 0.9, seed 7"))
    #expect(result.text.contains("on all 3 questions"))
    #expect(!result.text.contains("auto"))
  }

  @Test func `a file of questions that cannot be used says why`() async throws {
    let folder = try TemporaryFolder()
    let missing = try await run(["--questions", "/nowhere/q.jsonl"])
    #expect(missing.status == 66)
    #expect(
      missing.errors.contains("'/nowhere/q.jsonl' cannot be read, expected"), "\(missing.errors)")
    let text = try folder.path("bad.jsonl", Array("{\"question\":\"a\",\"answer\":\"b\"}\nno".utf8))
    let bad = try await run(["--questions", text])
    #expect(bad.status == 65)
    #expect(bad.errors.contains("line 2 of '\(text)' is not JSON at byte 2"), "\(bad.errors)")
    #expect(bad.errors.contains("\n  try: take a file of Spec-Bench"))
    let gzip = try folder.path("HumanEval.jsonl.gz", [0x1f, 0x8b, 8, 0])
    let packed = try await run(["--questions", gzip])
    #expect(packed.status == 65)
    #expect(packed.errors.contains("try: gunzip -k \(gzip)"), "\(packed.errors)")
  }

  @Test func `a report that cannot be written is refused before the work`() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.path("few.jsonl", Array(Self.questions.utf8))
    for option in ["--json", "--html"] {
      for place in ["/no/such/folder/report", folder.url.path] {
        let result = try await run(["--questions", path, option, place])
        #expect(result.status == 73)
        #expect(result.errors.contains("'\(place)' cannot be written"), "\(result.errors)")
        #expect(result.text == "")
      }
    }
  }

  @Test(arguments: [
    ([], "no --questions, expected a file of questions"),
    (["--questions", "q", "--drafter", "lookpu"], "did you mean --drafter lookup?"),
    (["--questions", "q", "--drafter", "lookup,"], "--drafter is '', expected one of"),
    (["--questions", "q", "--per-category", "-1"], "--per-category is -1, expected 0 (all)"),
    (["--questions", "q", "--max-new", "0"], "--max-new is 0, expected a positive number"),
    (
      ["--questions", "q", "--draft-length", "64"], "--draft-length is 64, expected a number from 1"
    ),
    (["--questions", "q", "--temperature", "-1"], "--temperature is -1.0, expected 0 or"),
    (["--questions", "q", "--seed", "-1"], "--seed is -1, expected a whole number"),
  ])
  func `a setting out of range`(arguments: [String], message: String) async throws {
    let result = try await run(arguments)
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.contains("\n  try: "), "\(result.errors)")
  }

  @Test func `Ctrl-C ends the run with code 130 and leaves no file`() async throws {
    let folder = try TemporaryFolder()
    // So many that the run cannot end before it is interrupted, however late that comes.
    let many = String(repeating: Self.questions, count: 2_000)
    let path = try folder.path("few.jsonl", Array(many.utf8))
    let child = try Child([
      "bench", "speculation", "-m", Repository.bundledModel, "--threads", "1", "--questions", path,
      "--per-category", "0", "--max-new", "1000", "--html", try folder.path("page.html"),
    ])
    try child.feed([])
    // Loading takes a moment, answering much longer; before Ctrl-C is listened to it ends the program too.
    try await Task.sleep(for: .seconds(3))
    child.process.interrupt()
    let result = await child.outcome()
    #expect(result.status == 130 || child.process.terminationReason == .uncaughtSignal)
    #expect(result.text == "")
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(left == ["few.jsonl"])
  }

  @Test(.requiresSharedData) func `Spec-Bench's own file gives its six tasks`() async throws {
    let result = try await run([
      "--questions", try SharedData.path("prompts/spec-bench.jsonl"), "--per-category", "1",
      "--max-new", "4", "--drafter", "lookup",
    ])
    #expect(result.status == 0, "\(result.errors)")
    for task in [
      "multi-turn conversation", "translation", "summarization", "qa", "math_reasoning", "rag",
      "overall",
    ] { #expect(result.lines.contains { $0.hasPrefix("\(task) ") }, "\(task)") }
  }
}
