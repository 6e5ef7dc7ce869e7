// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteTestSupport
import Testing

@Suite struct QuestionTests {
  private func read(_ text: String, name: String = "q.jsonl") throws -> [Question] {
    try QuestionFile.parse(Array(text.utf8), name: name)
  }

  @Test func `the three kinds of files are told apart by their fields`() throws {
    let questions = try read(
      #"""
      {"question_id": 81, "category": "writing", "turns": ["Write.", "Again."]}
      {"question_id": "x-9", "category": "rag", "turns": ["Read."], "reference": [["a"]]}

      {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "test": ""}
      {"question": "How many?", "answer": "Four. #### 4"}

      """#)
    #expect(
      questions == [
        Question(id: "81", task: .multiTurn, category: "writing", turns: ["Write.", "Again."]),
        Question(id: "x-9", task: .rag, turns: ["Read."]),
        Question(id: "HumanEval/0", task: .code, turns: ["def f():\n"]),
        Question(id: "gsm8k-5", task: .maths, turns: ["How many?"]),
      ])
  }

  @Test(arguments: [
    ("writing", QuestionTask.multiTurn), ("roleplay", .multiTurn), ("reasoning", .multiTurn),
    ("math", .multiTurn), ("coding", .multiTurn), ("extraction", .multiTurn), ("stem", .multiTurn),
    ("humanities", .multiTurn), ("translation", .translation), ("summarization", .summarization),
    ("qa", .qa), ("math_reasoning", .mathReasoning), ("rag", .rag),
  ])
  func `thirteen categories are six tasks`(category: String, task: QuestionTask) throws {
    let line = #"{"question_id": 1, "category": "\#(category)", "turns": ["?"]}"#
    #expect(try read(line).map(\.task) == [task])
  }

  @Test(arguments: [
    ("", "'q.jsonl' has no questions, expected a JSON object on each line"),
    ("\n \r\n", "'q.jsonl' has no questions"),
    ("not JSON", "line 1 of 'q.jsonl' is not JSON at byte 2: 'o', expected 'null'"),
    (
      "{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":",
      "line 2 of 'q.jsonl' is not JSON at byte 13"
    ),
    ("[1]", "line 1 of 'q.jsonl' is no JSON object, expected one"),
    ("{}", "line 1 of 'q.jsonl' has no fields, expected question_id, category and turns"),
    (
      "{\"text\":\"a\",\"n\":1}",
      "line 1 of 'q.jsonl' has the fields 'text', 'n', expected question_id"
    ),
    (
      #"{"question_id":1,"category":"cooking","turns":["?"]}"#,
      "has the category 'cooking', expected one of writing"
    ),
    (#"{"question_id":1.5,"category":"qa","turns":["?"]}"#, "has a question_id that is neither"),
    (#"{"question_id":1,"category":7,"turns":["?"]}"#, "has a field category that is no text"),
    (#"{"question_id":1,"category":"qa","turns":[]}"#, "has turns that are no list of texts"),
    (#"{"question_id":1,"category":"qa","turns":"?"}"#, "has turns that are no list of texts"),
    (
      #"{"question_id":1,"category":"qa","turns":["?",2]}"#,
      "has a turn that is no text or an empty one"
    ),
    (
      #"{"question_id":1,"category":"qa","turns":[""]}"#,
      "has a turn that is no text or an empty one"
    ),
    (#"{"task_id":"HumanEval/0","prompt":null}"#, "has a field prompt that is no text"),
    (#"{"question":"","answer":"4"}"#, "has a field question that is no text or an empty one"),
  ])
  func `a bad line says where, what and what was expected`(text: String, message: String) {
    do {
      _ = try read(text)
      Issue.record("it was read")
    } catch let error as QuestionError {
      #expect(error.message.contains(message), "\(error.message)")
      #expect(error.remedy.hasPrefix("take a file of Spec-Bench, HumanEval or GSM8K"))
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func `a compressed file says how to unpack it`() {
    let expected = QuestionError(
      message: "'my files/HumanEval.jsonl.gz' is compressed, expected JSON lines as they are",
      remedy: "gunzip -k 'my files/HumanEval.jsonl.gz'")
    #expect(throws: expected) { try read("", name: "my files/HumanEval.jsonl.gz") }
    #expect(throws: QuestionError.self) {
      try QuestionFile.parse([0x1f, 0x8b, 8], name: "questions")
    }
  }

  @Test func `a few of each task are the first, and categories take turns`() {
    func question(_ id: Int, _ task: QuestionTask, _ category: String) -> Question {
      Question(id: "\(id)", task: task, category: category, turns: ["?"])
    }
    let questions = [
      question(1, .multiTurn, "writing"), question(2, .multiTurn, "writing"),
      question(3, .multiTurn, "stem"), question(4, .qa, "qa"), question(5, .qa, "qa"),
      question(6, .qa, "qa"), question(7, .multiTurn, "stem"), question(8, .multiTurn, "math"),
    ]
    func ids(_ count: Int) -> [String] { Question.select(questions, perTask: count).map(\.id) }
    #expect(ids(1) == ["1", "4"])
    #expect(ids(2) == ["1", "3", "4", "5"])
    #expect(ids(4) == ["1", "2", "3", "4", "5", "6", "8"])
    #expect(ids(0).count == 8 && ids(100).count == 8)
  }

  @Test(.requiresSharedData) func `the real files are read whole`() throws {
    let bench = try QuestionFile.parse(
      SharedData.bytes("prompts/spec-bench.jsonl"), name: "spec-bench.jsonl")
    #expect(bench.count == 480)
    #expect(bench.map(\.turns.count).reduce(0, +) == 560)
    for task: QuestionTask in [.multiTurn, .translation, .summarization, .qa, .mathReasoning, .rag]
    {
      #expect(bench.count { $0.task == task } == 80)
    }
    let first = Question.select(bench, perTask: 10)
    #expect(first.count == 60)
    #expect(Set(first.filter { $0.task == .multiTurn }.map(\.category)).count == 8)
    let maths = try QuestionFile.parse(
      SharedData.bytes("prompts/gsm8k-test.jsonl"), name: "gsm8k-test.jsonl")
    #expect(maths.count == 1_319 && maths.allSatisfy { $0.task == .maths })
  }

  @Test func `words are quoted for the shell only where they must be`() {
    #expect(
      ["a/b-c_1.jsonl", "lookup,auto", "x=1"].map(Shell.quoted) == [
        "a/b-c_1.jsonl", "lookup,auto", "x=1",
      ])
    #expect(Shell.quoted("it's $HOME") == #"'it'\''s $HOME'"#)
    #expect(Shell.quoted("") == "''" && Shell.quoted("ä") == "'ä'")
  }
}
