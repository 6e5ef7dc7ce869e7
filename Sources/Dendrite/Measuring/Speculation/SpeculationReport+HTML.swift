// SPDX-License-Identifier: Apache-2.0
package import DendriteReport

/// The report as one page with two charts.
extension SpeculationReport {
  /// The page.
  package var page: HTMLPage {
    let report = report
    var parts: [HTMLPage.Part] = [.facts(report.facts), .code(command)]
    if !result.entries.isEmpty {
      parts += [
        .figure(svg: speedChart.svg(id: "speed")), .figure(svg: passChart.svg(id: "passes")),
        .heading("Figures"),
      ]
    }
    parts += report.sections.map { .table($0.table, caption: $0.title) }
    parts += [.heading("How to read them"), .notes(notes)]
    return HTMLPage("Speculative decoding: \(modelName)", parts: parts)
  }

  private var modelName: String {
    facts.first { $0.name == "model" }.map(\.value) ?? "a model"
  }

  /// Speed-ups by task and drafter.
  package var speedChart: BarChart {
    chart(
      "Speed-up over plain decoding",
      note:
        "Mean over questions of tokens a second, prefill included, by that of plain decoding; whiskers hold "
        + "95 % of the means of questions drawn anew.",
      unit: "×", reference: .init(1, "plain decoding"), \.speedUp)
  }

  /// Tokens a pass by task and drafter.
  package var passChart: BarChart {
    chart(
      "Tokens a pass",
      note: "What one pass of the model gave on average: the right guesses and one token more.",
      unit: "", reference: .init(1, "plain decoding"), \.tokensPerPass)
  }

  private func chart(
    _ title: String, note: String, unit: String, reference: BarChart.Reference,
    _ figure: (SpeculationSummary.Way) -> Estimate?
  ) -> BarChart {
    BarChart(
      title, note: note, unit: unit, series: Array(result.ways.dropFirst()),
      groups: summaries.map { summary in
        BarChart.Group(
          summary.name, remark: summary.isMeaningful ? nil : Self.mark,
          bars: summary.ways.dropFirst().map(figure))
      },
      reference: reference)
  }
}
