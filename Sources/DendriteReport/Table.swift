// SPDX-License-Identifier: Apache-2.0

/// Cells in aligned columns, for a terminal or for a Markdown file.
public struct Table: Sendable, Hashable {
  /// Which side of a column is straight.
  public enum Alignment: Sendable, Hashable {
    /// For words.
    case left
    /// For figures.
    case right
  }

  /// A column's heading and alignment.
  public struct Column: Sendable, Hashable {
    /// The heading.
    public var title: String
    /// Which side is straight.
    public var alignment: Alignment

    /// A column of words.
    public static func words(_ title: String) -> Column { Column(title: title, alignment: .left) }
    /// A column of figures.
    public static func figures(_ title: String) -> Column {
      Column(title: title, alignment: .right)
    }
  }

  /// The columns, from left to right.
  public let columns: [Column]
  /// The rows, each with a cell for every column.
  public private(set) var rows: [[String]] = []

  /// A table without rows.
  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row.
  ///
  /// Control characters, which a model file may smuggle into a name, become U+FFFD.
  ///
  /// - Precondition: there is a cell for every column.
  public mutating func append(_ cells: [String]) {
    precondition(
      cells.count == columns.count, "\(cells.count) cells, expected \(columns.count)")
    rows.append(cells.map(Self.printable))
  }

  // MARK: Terminal

  /// Lines of at most `width` columns, if the columns of words can be narrowed that far.
  public func lines(width: Int = 100) -> [String] {
    let widths = columnWidths(limit: width)
    var lines = line(columns.map { [$0.title] }, widths)
    lines.append(String(repeating: "─", count: widths.reduce(2 * (widths.count - 1), +)))
    for row in rows {
      let cells = zip(row, widths).map { Self.wrapped($0, to: $1) }
      lines += line(cells, widths)
    }
    return lines
  }

  /// A row of cells, each of which may have several lines.
  private func line(_ cells: [[String]], _ widths: [Int]) -> [String] {
    (0..<(cells.map(\.count).max() ?? 0)).map { index in
      var text = ""
      for (column, cell) in cells.enumerated() {
        let piece = index < cell.count ? cell[index] : ""
        let space = String(repeating: " ", count: max(0, widths[column] - Self.width(of: piece)))
        if column > 0 { text += "  " }
        text += columns[column].alignment == .left ? piece + space : space + piece
      }
      while text.last == " " { text.removeLast() }
      return text
    }
  }

  /// The widths that the cells want, the columns of words narrowed until the line fits.
  private func columnWidths(limit: Int) -> [Int] {
    var widths = columns.indices.map { column in
      rows.reduce(Self.width(of: columns[column].title)) {
        max($0, Self.width(of: $1[column]))
      }
    }
    let narrowest = columns.map { max(12, Self.width(of: $0.title)) }
    var excess = widths.reduce(2 * (widths.count - 1), +) - limit
    while excess > 0 {
      let candidates = columns.indices.filter {
        columns[$0].alignment == .left && widths[$0] > narrowest[$0]
      }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }

  // MARK: Markdown

  /// The table as a Markdown table.
  public func markdown() -> [String] {
    func row(_ cells: [String]) -> String {
      "| "
        + cells.map {
          $0.split(separator: "|", omittingEmptySubsequences: false)
            .joined(separator: "\\|")
        }.joined(separator: " | ") + " |"
    }
    let rules = columns.map { $0.alignment == .left ? "---" : "---:" }
    return [row(columns.map(\.title)), row(rules)] + rows.map(row)
  }

  // MARK: Characters

  /// Breaks a text at spaces into lines of at most `width` columns; longer words are cut.
  static func wrapped(_ text: String, to width: Int) -> [String] {
    guard Self.width(of: text) > width, width > 0 else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      var word = String(word)
      if !line.isEmpty, Self.width(of: line) + 1 + Self.width(of: word) > width {
        lines.append(line)
        line = ""
      }
      while Self.width(of: word) > width {
        var piece = ""
        while let first = word.first, Self.width(of: piece) + Self.width(of: String(first)) <= width
        {
          piece.append(word.removeFirst())
        }
        if piece.isEmpty { piece.append(word.removeFirst()) }
        lines.append(piece)
      }
      line += line.isEmpty ? word : " " + word
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// Columns that a text takes on a terminal.
  static func width(of text: String) -> Int {
    text.reduce(0) { $0 + ($1.unicodeScalars.first.map(isWide) == true ? 2 : 1) }
  }

  /// East Asian wide characters and emoji.
  ///
  /// - Source: Unicode Standard Annex 11, the large ranges.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
      0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
      true
    default: false
    }
  }

  /// The text with U+FFFD in place of control characters.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isControl(scalar) ? "\u{fffd}" : scalar) }
    return String(result)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
