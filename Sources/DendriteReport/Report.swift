// SPDX-License-Identifier: Apache-2.0

/// What a command found out: facts about where, tables for eyes, measurements for programs, notes.
public struct Report: Sendable, Hashable {
  /// A name and a value in words.
  public struct Fact: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The value.
    public var value: String

    /// A name and a value.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A table and the figures behind it.
  public struct Section: Sendable, Hashable {
    /// The heading.
    public var title: String
    /// What people see.
    public var table: Table
    /// What programs read.
    public var measurements: [Measurement]

    /// A section with a table of its own.
    public init(_ title: String, table: Table, measurements: [Measurement]) {
      self.title = title
      self.table = table
      self.measurements = measurements
    }

    /// A section with the usual table: value, interval, ceiling, share of the ceiling.
    public init(_ title: String, _ measurements: [Measurement]) {
      var table = Table([
        .words("what"), .figures("median"), .figures("interval"), .words("unit"),
        .figures("limit"), .figures("share"),
      ])
      for measurement in measurements {
        table.append([
          measurement.name
            + (measurement.kind == .measured ? "" : " (\(measurement.kind.rawValue))"),
          Figures.text(measurement.value), Figures.text(measurement.interval), measurement.unit,
          measurement.ceiling.map(Figures.text) ?? "",
          measurement.shareOfCeiling.map(Figures.percent) ?? "",
        ])
      }
      self.init(title, table: table, measurements: measurements)
    }
  }

  /// What kind of report this is, such as `bench`.
  public var name: String
  /// What it was made of: the model, the machine, the settings.
  public var facts: [Fact]
  /// The findings.
  public var sections: [Section]
  /// What a reader must know to judge them.
  public var notes: [String]

  /// A report, empty unless filled.
  public init(
    _ name: String, facts: [Fact] = [], sections: [Section] = [], notes: [String] = []
  ) {
    self.name = name
    self.facts = facts
    self.sections = sections
    self.notes = notes
  }

  // MARK: Terminal

  /// The report as text for a terminal of `width` columns.
  public func text(width: Int = 100) -> String {
    var lines: [String] = []
    let indent = facts.map { Table.width(of: $0.name) }.max() ?? 0
    for fact in facts {
      let space = String(repeating: " ", count: indent + 2 - Table.width(of: fact.name))
      let values = Table.wrapped(Table.printable(fact.value), to: max(20, width - indent - 2))
      for (index, value) in values.enumerated() {
        lines.append(
          (index == 0 ? fact.name + space : String(repeating: " ", count: indent + 2)) + value)
      }
    }
    for section in sections {
      if !lines.isEmpty { lines.append("") }
      lines.append(section.title)
      lines += section.table.lines(width: width)
    }
    if !notes.isEmpty, !lines.isEmpty { lines.append("") }
    for note in notes {
      let pieces = Table.wrapped(note, to: width - 2)
      lines += pieces.enumerated().map { ($0 == 0 ? "• " : "  ") + $1 }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Markdown

  /// The report as Markdown, for a page of documentation.
  public func markdown() -> String {
    var lines = facts.map { "- \($0.name): \($0.value)" }
    for section in sections {
      lines += ["", "**\(section.title)**", ""] + section.table.markdown()
    }
    if !notes.isEmpty { lines.append("") }
    lines += notes.map { "- \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: JSON

  /// The report as JSON; keys are always there and always in this order.
  public var json: JSONValue {
    .object([
      .init("report", .string(name)),
      .init("facts", .object(facts.map { .init($0.name, .string($0.value)) })),
      .init("sections", .array(sections.map(\.json))),
      .init("notes", .array(notes.map { .string($0) })),
    ])
  }
}

extension Report.Section {
  /// The section's figures.
  public var json: JSONValue {
    .object([
      .init("title", .string(title)), .init("measurements", .array(measurements.map(\.json))),
    ])
  }
}

extension Measurement {
  /// The figure with all that belongs to it; what there is none of is `null`.
  public var json: JSONValue {
    .object([
      .init("name", .string(name)),
      .init("value", .number(value)),
      .init("unit", .string(unit)),
      .init(
        "interval",
        interval.map {
          .object([
            .init("lower", .number($0.lower)), .init("upper", .number($0.upper)),
            .init("confidence", .number($0.confidence)),
          ])
        } ?? .null),
      .init("floor", .number(floor)),
      .init("ceiling", .number(ceiling)),
      .init("kind", .string(kind.rawValue)),
    ])
  }
}
