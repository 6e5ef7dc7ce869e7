// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteReport
import DendriteTestSupport
import Foundation
import Testing

@Suite struct SpeculationBenchmarkTests {
  // MARK: Loops

  @Test func `a token is in a loop from the third time round`() {
    #expect(Repetition.marks(in: []) == [])
    #expect(Repetition.marks(in: [7, 7, 7, 7]) == [false, false, true, true])
    #expect(
      Repetition.marks(in: [1, 2, 3, 1, 2, 3, 1, 2, 9, 1])
        == [false, false, false, false, false, false, true, true, false, false])
    #expect(Repetition.marks(in: Array(0..<100)).allSatisfy { !$0 })
  }

  @Test func `a period longer than the longest is no loop`() {
    let period = Array(0..<10)
    let text = period + period + period
    #expect(Repetition.marks(in: text, longestPeriod: 9).allSatisfy { !$0 })
    #expect(Repetition.marks(in: text, longestPeriod: 10).suffix(10).allSatisfy { $0 })
  }

  @Test(arguments: [1, 2, 3])
  func `marks are what the definition says`(seed: Int) {
    var random = SeededGenerator(seed: seed)
    let text = (0..<300).map { _ in Int.random(in: 0...1, using: &random) }
    let expected = text.indices.map { index in
      (1...8).contains { period in
        guard index >= 2 * period else { return false }
        return text[(index - 2 * period)..<(index - period)]
          .elementsEqual(text[(index - period)..<index]) && text[index] == text[index - period]
      }
    }
    #expect(Repetition.marks(in: text, longestPeriod: 8) == expected)
  }

  /// A reply whose passes took so long.
  private func reply(_ ids: [Int], tokens: [Int], seconds: [Double]) throws -> TimedReply {
    let model = ToyStatistics.statistics
    return TimedReply(
      ids: ids, tokensByPass: tokens, secondsByPass: seconds, seconds: seconds.reduce(0, +),
      statistics: model)
  }

  @Test func `the tokens of a pass share its time`() throws {
    let reply = try reply([5, 5, 5, 5, 8], tokens: [1, 2, 2], seconds: [3, 4, 2])
    #expect(reply.loops.tokens == 2)
    #expect(reply.loops.seconds == 3)  // half of the second pass and half of the third
    #expect(reply.prefillSeconds == 3 && reply.decodeSeconds == 6)
    #expect(Array(reply.acceptedLengths) == [2, 2])
  }

  // MARK: Figures

  private func sample(_ tokens: Int, _ seconds: Double, loops: Double = 0) -> SpeculationSample {
    var sample = SpeculationSample()
    sample.tokens = tokens
    sample.seconds = seconds
    sample.decodeSeconds = seconds
    sample.loopSeconds = loops
    sample.acceptedLengths = [2, 4]
    return sample
  }

  @Test func `Spec-Bench's speed-up is a ratio of means of rates, total is a ratio of times`()
    throws
  {
    var result = SpeculationResult(ways: ["plain", "lookup"])
    result.entries = [
      .init(
        question: Question(id: "1", task: .qa, turns: ["?"]),
        samples: [sample(10, 1), sample(10, 0.5)]),
      .init(
        question: Question(id: "2", task: .qa, turns: ["?"]),
        samples: [sample(10, 10, loops: 9), sample(10, 10, loops: 8)]),
    ]
    let summary = try #require(result.summaries(untaught: []).first)
    let lookup = summary.ways[1]
    #expect(lookup.meanRate == 10.5)  // (20 + 1) ÷ 2
    #expect(abs((lookup.speedUp?.value ?? 0) - 10.5 / 5.5) < 1e-12)
    #expect(abs((lookup.totalSpeedUp?.value ?? 0) - 11 / 10.5) < 1e-12)
    #expect(abs((lookup.speedUpOutsideLoops?.value ?? 0) - 2 / 2.5) < 1e-12)
    #expect(lookup.tokensPerPass?.value == 3)
  }

  @Test func `untaught tasks are marked, and all together are only as good as their parts`() {
    var result = SpeculationResult(ways: ["plain", "auto"])
    for task: QuestionTask in [.code, .qa, .maths] {
      result.entries.append(
        .init(
          question: Question(id: task.rawValue, task: task, turns: ["?"]),
          samples: [sample(10, 1), sample(10, 1)]))
    }
    let names = result.summaries(untaught: [.qa]).map { "\($0.name) \($0.isMeaningful)" }
    #expect(
      names == [
        "qa false", "code true", "maths true", "overall, meaningful ones true", "overall false",
      ])
    #expect(result.summaries(untaught: []).last?.isMeaningful == true)
    #expect(result.summaries(untaught: [.qa, .maths]).map(\.name).last == "overall")
  }

  private func report(_ ways: [String], _ samples: [SpeculationSample]) -> SpeculationReport {
    var result = SpeculationResult(ways: ways)
    result.drafterNotes = ["\(ways[1]): decided so"]
    result.entries = ["1", "2"].map {
      .init(question: Question(id: $0, task: .code, turns: ["?"]), samples: samples)
    }
    let model = ModelDescription(
      name: "toy", architecture: "llama", vocabularySize: 9, hiddenSize: 8, layerCount: 1,
      contextLength: 9, parameterCount: 9, weightByteCount: 9)
    return SpeculationReport(result, model: model, facts: [], perTask: 0, command: "dendrite")
  }

  @Test func `a mirror's figures stand where one drafts, and nowhere else`() {
    var mirrored = sample(10, 1)
    (mirrored.hits, mirrored.misses, mirrored.cold) = (6, 2, 1)
    (mirrored.draftSeconds, mirrored.drafterSeconds) = (0.2, 0.5)
    (mirrored.branchRows, mirrored.branchBytes) = (96, 3_000_000)
    let with = report(["plain", "mirror:x", "lookup"], [sample(10, 1), mirrored, sample(10, 1)])
    #expect(with.report.sections.map(\.title).last == "What mirrors had ready")
    let text = with.report.text().split(separator: "\n")
      .first { $0.contains("mirror:x") && $0.contains("MB") }
    let cells = (text ?? "").split(separator: " ").map(String.init)
    // Two questions: 12 of 16 hits, 0.4 s of 1 s waited for, 0.4 s in four passes; rows are the most at a time.
    #expect(
      cells.suffix(9) == ["mirror:x", "75", "%", "60", "%", "100", "96", "3.0", "MB"]
        || cells.suffix(7) == ["mirror:x", "75%", "60%", "100", "96", "3.0", "MB"], "\(cells)")
    let json = with.json.text()
    for part in [
      #""hit_rate": 0.75"#, #""branch_bytes": 3000000"#, #""wait_seconds_per_pass": 0.1"#,
    ] {
      #expect(json.contains(part), "\(part)")
    }
    #expect(with.page.text().contains("What mirrors had ready"))
    #expect(with.notes.contains("mirror:x: decided so"))
    #expect(with.notes.contains { $0.hasPrefix("hits: windows that were prepared") })
    let without = report(["plain", "lookup"], [sample(10, 1), sample(10, 1)])
    #expect(!without.report.text().contains("What mirrors had ready"))
    #expect(!without.page.text().contains("What mirrors had ready"))
    #expect(without.json.text().contains(#""mirror": null"#))
    #expect(!without.notes.contains { $0.hasPrefix("hits: ") })
  }

  // MARK: Texts

  @Test func `a text that guesses changed is named by its first place`() {
    #expect(SpeculationBenchmark.difference([1, 2, 3], [1, 2, 3]) == nil)
    #expect(SpeculationBenchmark.difference([1, 2, 3], [1, 5, 3]) == 1)
    #expect(SpeculationBenchmark.difference([1, 2, 3], [1, 2]) == 2)
    let difference = SpeculationBenchmark.Difference(
      question: "81", turn: 2, arm: "lookup", position: 4, found: 17, expected: nil)
    #expect(
      difference.message
        == "question 81, turn 2, with lookup: id 5 of the reply is 17, and is missing by plain "
        + "decoding, expected the same text")
    #expect(difference.remedy.contains("report it"))
  }

  @Test func `turns, ways and lengths add up on a real model`() async throws {
    let model = try await LocalModel.load(Repository.bundledModel, on: Machine(threads: 1))
    let questions = [
      Question(id: "talk", task: .multiTurn, turns: ["Write a list.", "Again."]),
      Question(id: "code", task: .code, turns: ["def f(n):\n"]),
      Question(id: "long", task: .qa, turns: [String(repeating: "long ", count: 500)]),
    ]
    let benchmark = SpeculationBenchmark(
      tokenizer: model.engine.tokenizer, format: model.promptFormat,
      settings: .init(maximumTokens: 24, context: ContextSettings(capacity: 256), warmUps: 1),
      arms: [
        SpeculationArm(name: "lookup", speculation: .promptLookup(draftLength: 4)),
        SpeculationArm(
          name: "own", speculation: .drafter(draftLength: 3), makeDrafters: { [PromptLookup()] }),
      ],
      questions: questions)
    let shares = Shares()
    let result = try await model.engine.withModel { target in
      try benchmark.run(on: target, progress: { shares.values.append($0) })
    }
    #expect(result.entries.map(\.question.id) == ["talk", "code"])
    #expect(result.tooLong == ["long"])
    #expect(shares.values == shares.values.sorted() && shares.values.last == 1)
    for entry in result.entries {
      #expect(entry.samples.count == 3)
      #expect(Set(entry.samples.map(\.tokens)).count == 1)
      for sample in entry.samples {
        // Every token but the first of each reply comes from a pass behind the prompt.
        #expect(sample.passTokens + entry.question.turns.count == sample.tokens)
        #expect(sample.passTokens == sample.passes + sample.accepted)
        #expect(sample.seconds >= sample.decodeSeconds && sample.decodeSeconds > 0)
        #expect(sample.loopSeconds <= sample.seconds)
      }
      #expect(entry.samples[0].acceptedLengths.allSatisfy { $0 == 1 })
      #expect(entry.samples[0].drafted == 0)
    }
  }

  /// Written by one thread while a test waits.
  private final class Shares: @unchecked Sendable { var values: [Double] = [] }

  @Test func `a wish to stop ends the run between two tokens`() async throws {
    let model = try await LocalModel.load(Repository.bundledModel, on: Machine(threads: 1))
    let benchmark = SpeculationBenchmark(
      tokenizer: model.engine.tokenizer, format: model.promptFormat, arms: [],
      questions: [Question(id: "1", task: .code, turns: ["def f(n):\n"])])
    await #expect(throws: CancellationError.self) {
      try await model.engine.withModel { try benchmark.run(on: $0, isCancelled: { true }) }
    }
  }
}

/// Statistics of a reply that nobody made.
private enum ToyStatistics {
  static let statistics = GenerationStatistics(
    promptTokens: 1, seed: 1, kernelVariant: "generic", cacheType: .f16)
}
