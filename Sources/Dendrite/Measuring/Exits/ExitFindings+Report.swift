// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel
package import DendriteReport

extension ExitFindings {
  /// The findings as a table with a row for each exit, and the figures behind it.
  ///
  /// - Parameter facts: what was studied, for the head of the report.
  /// - Returns: the report of `dendrite lab exits`.
  package func report(facts: [Report.Fact]) -> Report {
    var table = Table([
      .words("after layer"), .figures("agree"), .figures("bonus"), .figures("rejected"),
      .figures("bonus+"), .figures("rejected+"), .figures("before"), .figures("head"),
    ])
    var measurements: [Measurement] = []
    for (index, exit) in exits.enumerated() {
      let name = Self.name(of: exit)
      let figures = figures(ofExit: index)
      table.append(
        [Self.shortName(of: exit)] + figures.map { Self.cell($0.estimate) }
          + (index < costs.count
            ? [costs[index].before, costs[index].head].map { Figures.percent($0.value) }
            : ["–", "–"]))
      measurements += figures.compactMap { figure in
        figure.estimate.map { Measurement("\(name): \(figure.name)", $0) }
      }
      guard index < costs.count else { continue }
      measurements += [
        Measurement("\(name): time before the layer", costs[index].before),
        Measurement("\(name): time of the head", costs[index].head),
      ]
    }
    let alone = draftFigures
    table.append(["the draft"] + alone.map { Self.cell($0.estimate) } + ["–", "–", "–", "–"])
    measurements += alone.compactMap { figure in
      figure.estimate.map { Measurement("the draft: \(figure.name)", $0) }
    }
    return Report(
      "exits",
      facts: facts + [
        .init("draft", draftText),
        .init(
          "rows",
          "\(Figures.text(rows.count)) in \(Set(rows.map(\.text)).count) texts; "
            + "\(Figures.text(draftedRows)) with a draft, \(Figures.text(rejections)) of them rejected"
        ),
      ],
      sections: [
        Report.Section(
          "Where the model's choice was, in per cent of rows", table: table,
          measurements: measurements)
      ],
      notes: notes)
  }

  /// A figure of a line; `nil` if there was nothing to count.
  private struct Figure {
    var name: String
    var estimate: Estimate?
  }

  private var hasCandidates: Bool { if case .model = draft { true } else { false } }

  private func figures(ofExit exit: Int) -> [Figure] {
    [
      Figure(name: "agreement", estimate: agreement(ofExit: exit)),
      Figure(name: "bonus", estimate: coverage(ofExit: exit, at: .bonus)),
      Figure(name: "rejected", estimate: coverage(ofExit: exit, at: .rejection)),
      Figure(
        name: "bonus, with the drafter's",
        estimate: hasCandidates ? coverage(ofExit: exit, withDrafts: true, at: .bonus) : nil),
      Figure(
        name: "rejected, with the drafter's",
        estimate: hasCandidates ? coverage(ofExit: exit, withDrafts: true, at: .rejection) : nil),
    ]
  }

  private var draftFigures: [Figure] {
    [
      Figure(name: "agreement", estimate: draft == .secondBest ? nil : draftAgreement()),
      Figure(name: "bonus", estimate: hasCandidates ? coverage(ofExit: nil, at: .bonus) : nil),
      Figure(
        name: "rejected", estimate: hasCandidates ? coverage(ofExit: nil, at: .rejection) : nil),
    ]
  }

  private static func name(of exit: ExitHead) -> String { "layer \(shortName(of: exit))" }

  /// `2, trained`.
  private static func shortName(of exit: ExitHead) -> String {
    "\(exit.layer), \(exit.isTrained ? "trained" : "raw")"
  }

  /// `83 (80 … 86)`.
  private static func cell(_ estimate: Estimate?) -> String {
    guard let estimate else { return "–" }
    func percent(_ share: Double) -> String { Figures.text(100 * share, decimals: 0) }
    guard let interval = estimate.interval else { return percent(estimate.value) }
    return "\(percent(estimate.value)) (\(percent(interval.lower))…\(percent(interval.upper)))"
  }

  private var draftText: String {
    switch draft {
    case .model(let name): "by the model \(name.isEmpty ? "without a name" : name)"
    case .promptLookup: "by prompt look-up: what followed the last tokens before, if anything"
    case .secondBest:
      "the model's own second-best token, always wrong: no drafter was named, and prompt look-up "
        + "was rejected too rarely to count"
    }
  }

  private var notes: [String] {
    var notes = [
      "agree: the best candidate is the model's choice. In brackets: 95 % confidence, over texts.",
      "bonus: the choice is among the best \(guesses) candidates, over all rows: what a window that "
        + "was right to its end needs.",
      "rejected: the same over rows whose draft was wrong; its token is no candidate.",
    ]
    if hasCandidates {
      notes.append(
        "+: among the exit's best \(guesses) or the drafter's own best \(guesses). The drafter's "
          + "row: its own alone.")
    }
    if !costs.isEmpty {
      notes.append(
        "before: the part of a pass of \(ExitStudy.timedRows) rows before the layer is done. head: the time of "
          + "the exit's scores for these rows on one core, as a part of that pass.")
    }
    return notes
  }
}
