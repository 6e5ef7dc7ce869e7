// SPDX-License-Identifier: Apache-2.0
internal import DendriteReport

/// What `inspect` found, for people and for programs.
struct InspectionReport {
  /// A heading with facts, a table, or both under it.
  struct Section {
    var title: String
    var facts: [Report.Fact] = []
    var table: Table?
  }

  var sections: [Section] = []
  /// Members of the JSON object.
  var members: [JSONValue.Member] = []

  /// The object of `--json`.
  var json: JSONValue { .object(members) }

  /// Headings at the margin, everything else indented.
  var text: String {
    sections.map { section in
      var lines: [String] = []
      if !section.facts.isEmpty {
        lines += Report("", facts: section.facts).text(width: 98).split(separator: "\n")
          .map(String.init)
      }
      if let table = section.table {
        if !lines.isEmpty { lines.append("") }
        lines += table.lines(width: 98)
      }
      return section.title + "\n" + lines.map { $0.isEmpty ? "\n" : "  \($0)\n" }.joined()
    }.joined(separator: "\n")
  }
}
