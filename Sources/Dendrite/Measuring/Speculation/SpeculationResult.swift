// SPDX-License-Identifier: Apache-2.0
package import DendriteReport

/// What a benchmark of speculation found: every question in every way, with one text.
package struct SpeculationResult: Sendable, Hashable {
  /// A question and how each way answered it.
  package struct Entry: Sendable, Hashable {
    /// The question.
    package var question: Question
    /// By way, plain decoding first.
    package var samples: [SpeculationSample]

    /// A question and its answers.
    package init(question: Question, samples: [SpeculationSample]) {
      self.question = question
      self.samples = samples
    }
  }

  /// The names of the ways, plain decoding first.
  package var ways: [String]
  /// The questions that were answered.
  package var entries: [Entry] = []
  /// Questions whose first turn the context has no room for.
  package var tooLong: [String] = []
  /// Questions whose later turns it has no room for.
  package var shortened: [String] = []
  /// What was decided about drafters, by way.
  package var drafterNotes: [String] = []

  /// Nothing yet.
  package init(ways: [String]) { self.ways = ways }

  /// Figures by task, in the order of the tasks, and of all together if there are several.
  ///
  /// - Parameter untaught: tasks that the model never learned.
  /// - Returns: a summary of each task that was asked, then of all.
  package func summaries(untaught: Set<QuestionTask>) -> [SpeculationSummary] {
    let tasks = QuestionTask.allCases.filter { task in
      entries.contains { $0.question.task == task }
    }
    var summaries = tasks.map { task in
      SpeculationSummary(
        task.rawValue, isMeaningful: !untaught.contains(task), ways: ways,
        entries: entries.filter { $0.question.task == task })
    }
    let meaningful = tasks.filter { !untaught.contains($0) }
    guard tasks.count > 1 else { return summaries }
    if meaningful.count > 1, meaningful.count < tasks.count {
      summaries.append(
        SpeculationSummary(
          "overall, meaningful ones", isMeaningful: true, ways: ways,
          entries: entries.filter { meaningful.contains($0.question.task) }))
    }
    summaries.append(
      SpeculationSummary(
        "overall", isMeaningful: meaningful.count == tasks.count, ways: ways, entries: entries))
    return summaries
  }
}

/// Figures of a task, or of several, for each way.
package struct SpeculationSummary: Sendable, Hashable {
  /// One way's figures; speed-ups compare it with plain decoding.
  package struct Way: Sendable, Hashable {
    /// Its name.
    package var name: String
    /// Tokens a second: the mean over questions, as Spec-Bench has it; all tokens by all seconds; behind the prompt.
    package var meanRate: Double
    package var totalRate: Double
    package var decodeRate: Double
    /// The speed-up as Spec-Bench computes it: the mean of tokens a second by plain decoding's mean.
    package var speedUp: Estimate?
    /// Plain decoding's seconds by these seconds: of all calls, behind the prompts, and outside loops.
    package var totalSpeedUp: Estimate?
    package var decodeSpeedUp: Estimate?
    package var speedUpOutsideLoops: Estimate?
    /// Tokens that a pass behind the prompts gave, and its interval over questions.
    package var tokensPerPass: Estimate?
    /// Sums over all questions.
    package var sum: SpeculationSample

    /// The share of guesses that were right; `nil` without guesses.
    package var acceptance: Double? {
      sum.drafted > 0 ? Double(sum.accepted) / Double(sum.drafted) : nil
    }
  }

  /// The task's name.
  package var name: String
  /// Whether the model learned what is asked.
  package var isMeaningful: Bool
  /// How many questions.
  package var questionCount: Int
  /// The ways, plain decoding first.
  package var ways: [Way]

  init(
    _ name: String, isMeaningful: Bool, ways: [String], entries: [SpeculationResult.Entry]
  ) {
    self.name = name
    self.isMeaningful = isMeaningful
    questionCount = entries.count
    let plain = entries.map { $0.samples[0] }
    self.ways = ways.indices.map { index in
      Way(ways[index], entries.map { $0.samples[index] }, plain: plain)
    }
  }

  /// The share of tokens inside loops; the same in every way, since the texts are.
  package var loopShare: Double {
    guard let sum = ways.first?.sum, sum.tokens > 0 else { return 0 }
    return Double(sum.loopTokens) / Double(sum.tokens)
  }
}

extension SpeculationSummary.Way {
  init(_ name: String, _ samples: [SpeculationSample], plain: [SpeculationSample]) {
    self.name = name
    sum = samples.reduce(into: SpeculationSample()) { $0.add($1) }
    meanRate = samples.isEmpty ? 0 : samples.map(\.rate).reduce(0, +) / Double(samples.count)
    totalRate = sum.rate
    let behind = sum.passTokens
    decodeRate = sum.decodeSeconds > 0 ? Double(behind) / sum.decodeSeconds : 0
    speedUp = Statistics.ratioOfSums(samples.map(\.rate), to: plain.map(\.rate))
    func times(_ seconds: (SpeculationSample) -> Double) -> Estimate? {
      Statistics.ratioOfSums(plain.map(seconds), to: samples.map(seconds))
    }
    totalSpeedUp = times(\.seconds)
    decodeSpeedUp = times(\.decodeSeconds)
    speedUpOutsideLoops = times { $0.seconds - $0.loopSeconds }
    tokensPerPass = Statistics.ratioOfSums(
      samples.map { Double($0.passTokens) }, to: samples.map { Double($0.passes) })
  }
}

extension SpeculationSample {
  /// Adds another question's figures.
  mutating func add(_ other: SpeculationSample) {
    tokens += other.tokens
    seconds += other.seconds
    decodeSeconds += other.decodeSeconds
    acceptedLengths += other.acceptedLengths
    drafted += other.drafted
    accepted += other.accepted
    draftSeconds += other.draftSeconds
    verifySeconds += other.verifySeconds
    loopTokens += other.loopTokens
    loopSeconds += other.loopSeconds
    hits += other.hits
    misses += other.misses
    cold += other.cold
    drafterSeconds += other.drafterSeconds
    branchRows = max(branchRows, other.branchRows)
    branchBytes = max(branchBytes, other.branchBytes)
    failure = failure ?? other.failure
  }
}
