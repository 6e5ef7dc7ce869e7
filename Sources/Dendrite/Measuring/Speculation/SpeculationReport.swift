// SPDX-License-Identifier: Apache-2.0
package import DendriteModel
package import DendriteReport
internal import DendriteCompute

/// The report of `dendrite bench speculation`: tables for a terminal, JSON for programs, one page with charts.
package struct SpeculationReport: Sendable {
  /// What was found.
  package let result: SpeculationResult
  /// By task, and of all together.
  package let summaries: [SpeculationSummary]
  /// What it was found with: the model, the machine, the settings.
  package let facts: [Report.Fact]
  /// Questions of each task that were asked for; 0 for all.
  package let perTask: Int
  /// The command that makes this report again.
  package let command: String
  /// When, if somebody says so.
  package let date: String?

  /// A report.
  package init(
    _ result: SpeculationResult, model: ModelDescription, facts: [Report.Fact], perTask: Int,
    command: String, date: String? = nil
  ) {
    self.result = result
    summaries = result.summaries(untaught: Self.untaught(model))
    self.facts = facts
    self.perTask = perTask
    self.command = command
    self.date = date
  }

  /// Tasks that a model never learned: the bundled one saw Python and Swift.
  package static func untaught(_ model: ModelDescription) -> Set<QuestionTask> {
    model.name == "dendrite-tiny" ? [.multiTurn, .translation, .summarization, .qa, .rag] : []
  }

  /// The words that mark such tasks everywhere.
  package static let mark = "not meaningful here"

  // MARK: Terminal

  /// Tables and notes.
  package var report: Report {
    var report = Report("bench speculation", facts: facts + dates, notes: notes)
    guard !result.entries.isEmpty else { return report }
    report.sections = [
      Report.Section("Speed-ups over plain decoding", table: speeds, measurements: []),
      Report.Section("Where they come from", table: guesses, measurements: []),
    ]
    if hasMirrors {
      report.sections.append(
        Report.Section("What mirrors had ready", table: mirrors, measurements: []))
    }
    return report
  }

  var dates: [Report.Fact] { date.map { [.init("date", $0)] } ?? [] }

  /// The rows of a table: for each task its ways, the task's name before the first, its mark before the second.
  private func fill(
    _ table: inout Table, _ cells: (SpeculationSummary, SpeculationSummary.Way, Bool) -> [String]
  ) {
    for summary in summaries {
      for (index, way) in summary.ways.enumerated() {
        let label =
          index == 0 ? summary.name : index == 1 && !summary.isMeaningful ? "  \(Self.mark)" : ""
        table.append([label, way.name] + cells(summary, way, index == 0))
      }
    }
  }

  var speeds: Table {
    var table = Table([
      .words("task"), .words("guesses"), .figures("questions"), .figures("tok/s"),
      .figures("speed-up"), .figures("interval"), .figures("total"), .figures("no loops"),
    ])
    fill(&table) { summary, way, isPlain in
      [
        isPlain ? Figures.text(summary.questionCount) : "", Figures.text(way.meanRate),
        isPlain ? "1" : Self.text(way.speedUp),
        isPlain ? "" : Figures.text(way.speedUp?.interval),
        isPlain ? "1" : Self.text(way.totalSpeedUp),
        isPlain ? "1" : Self.text(way.speedUpOutsideLoops),
      ]
    }
    return table
  }

  var guesses: Table {
    var table = Table([
      .words("task"), .words("guesses"), .figures("tokens a pass"), .figures("checked"),
      .figures("right"), .figures("guessing"), .figures("decoding only"), .figures("in loops"),
    ])
    fill(&table) { summary, way, isPlain in
      let share = way.sum.seconds > 0 ? way.sum.draftSeconds / way.sum.seconds : 0
      return [
        Self.text(way.tokensPerPass), isPlain ? "" : Figures.text(way.sum.drafted),
        isPlain ? "" : way.acceptance.map(Figures.percent) ?? "–",
        isPlain ? "" : Figures.percent(share), isPlain ? "1" : Self.text(way.decodeSpeedUp),
        isPlain ? Figures.percent(summary.loopShare) : "",
      ]
    }
    return table
  }

  /// Whether a mirror is among the drafters and drafted.
  var hasMirrors: Bool { summaries.contains { $0.ways.contains { $0.sum.hasMirror } } }

  /// Of ways whose drafter worked while the model did.
  var mirrors: Table {
    var table = Table([
      .words("task"), .words("guesses"), .figures("hits"), .figures("hidden"),
      .figures("waits, ms a pass"), .figures("branch rows"), .figures("branch memory"),
    ])
    for summary in summaries {
      var label = summary.name
      for way in summary.ways where way.sum.hasMirror {
        let wait = way.sum.waitPerPass.map { Figures.text($0 * 1000) } ?? "–"
        let memory = way.sum.branchBytes > 0 ? MemoryBudget.text(way.sum.branchBytes) : "–"
        table.append([
          label, way.name, way.sum.hitRate.map(Figures.percent) ?? "–",
          way.sum.hiddenShare.map(Figures.percent) ?? "–", wait,
          Figures.text(way.sum.branchRows), memory,
        ])
        label = ""
      }
    }
    return table
  }

  static func text(_ estimate: Estimate?) -> String {
    estimate.map { Figures.text($0.value) } ?? "–"
  }

  // MARK: Notes

  /// What a reader must know to judge the figures.
  package var notes: [String] {
    guard !result.entries.isEmpty else {
      return ["no question was answered: the context has no room for any of them"]
    }
    let count = result.entries.count
    var notes = [
      "the texts are those of plain decoding, token by token, on "
        + (count == 1 ? "the one question" : "all \(Figures.text(count)) questions")
        + " in every way",
      "speed-up, as Spec-Bench computes it: the mean over questions of tokens a second, prefill included, by "
        + "that of plain decoding; its interval holds 95 % of the means of questions drawn anew. total: all tokens "
        + "by all seconds. no loops: total, without tokens that go on with a repetition and their time",
    ]
    if summaries.contains(where: { !$0.isMeaningful }) {
      notes.append(
        "\(Self.mark): the model never learned such tasks, and how easily its replies are guessed says nothing of a "
          + "model that did")
    }
    if hasMirrors {
      notes.append(
        "hits: windows that were prepared when the model wanted them, of those that could have been. hidden: the share of the "
          + "drafter's work on windows and branches that the model did not wait for. branch memory: the most that "
          + "branches took of the drafter's cache")
    }
    notes += result.drafterNotes
    let smallest = summaries.map(\.questionCount).min() ?? 0
    if smallest < 6 {
      notes.append(
        "\(smallest == 1 ? "one question" : "\(smallest) questions") of a task: too few for figures to quote"
      )
    }
    if perTask > 0 {
      notes.append(
        "the first \(perTask == 1 ? "question" : "\(perTask) questions") of each task; --per-category 0 asks all"
      )
    }
    if !result.tooLong.isEmpty {
      notes.append("left out, longer than the context: questions \(Self.list(result.tooLong))")
    }
    if !result.shortened.isEmpty {
      notes.append(
        "later turns left out, longer than the context: questions \(Self.list(result.shortened))")
    }
    for way in summaries.last?.ways ?? [] {
      if let failure = way.sum.failure { notes.append("\(way.name) stopped guessing: \(failure)") }
    }
    return notes
  }

  private static func list(_ ids: [String]) -> String {
    ids.prefix(12).joined(separator: ", ") + (ids.count > 12 ? " and \(ids.count - 12) more" : "")
  }
}
