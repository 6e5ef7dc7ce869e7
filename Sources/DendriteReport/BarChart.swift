// SPDX-License-Identifier: Apache-2.0

/// Groups of horizontal bars with whiskers, as one SVG image that needs nothing else.
///
/// Bars carry their figure and a pattern besides a colour, so the chart reads the same in grey. It follows the
/// reader's light or dark setting.
package struct BarChart: Sendable, Hashable {
  /// Bars that belong together: one for each series.
  package struct Group: Sendable, Hashable {
    /// What they belong to.
    package var label: String
    /// A second line, for what a reader must know; the bars are then pale.
    package var remark: String?
    /// The bars, in the order of the series; `nil` where there is none.
    package var bars: [Estimate?]

    /// A group.
    package init(_ label: String, remark: String? = nil, bars: [Estimate?]) {
      self.label = label
      self.remark = remark
      self.bars = bars
    }
  }

  /// The heading.
  package var title: String
  /// What the bars are, in a sentence or two.
  package var note: String
  /// Behind every figure, such as `×`.
  package var unit: String
  /// The names of the bars of a group.
  package var series: [String]
  /// The groups, from top to bottom.
  package var groups: [Group]
  /// A line across all groups, with its name.
  package var reference: Reference?

  /// A value to compare bars with.
  package struct Reference: Sendable, Hashable {
    /// Where the line is.
    package var value: Double
    /// What it stands for.
    package var label: String

    /// A value and its name.
    package init(_ value: Double, _ label: String) {
      self.value = value
      self.label = label
    }
  }

  /// A chart.
  package init(
    _ title: String, note: String, unit: String = "", series: [String], groups: [Group],
    reference: Reference? = nil
  ) {
    self.title = title
    self.note = note
    self.unit = unit
    self.series = series
    self.groups = groups
    self.reference = reference
  }

  // MARK: Measures, in pixels

  private static let left = 196.0
  private static let plot = 440.0
  private static let width = 760.0
  private static let bar = 15.0
  private static let pitch = 18.0
  private static let gap = 16.0
  private static let line = 17.0
  /// What a letter of a name takes, generously.
  private static let letter = 7.4

  // MARK: Drawing

  /// The image.
  ///
  /// - Parameter id: names the image's parts; two images of one page need two.
  /// - Returns: an SVG element.
  package func svg(id: String) -> String {
    let scale = Scale(reaching: highest)
    let notes = Table.wrapped(note, to: 104)
    let legend = legendRows()
    let top = 48 + Self.line * Double(notes.count + legend.count) + 12
    let height = groups.reduce(0) { $0 + Self.height(of: $1) }
    let whole = top + height + 38
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.px(Self.width)) \(Self.px(whole))\" "
        + "role=\"img\" aria-label=\"\(Markup.escaped(title))\" class=\"chart\">",
      "<style>\(Self.style)</style>", "<defs>\(Self.patterns(id))</defs>",
      Self.text("title", 0, 20, title),
    ]
    for (index, text) in notes.enumerated() {
      parts.append(Self.text("note", 0, 42 + Self.line * Double(index), text))
    }
    for (row, entries) in legend.enumerated() {
      let y = 50 + Self.line * Double(notes.count + row)
      for entry in entries {
        parts += Self.bar(entry.index, id, x: entry.x, y: y - 11, width: 20, height: 12)
        parts.append(Self.text("name", entry.x + 27, y, series[entry.index]))
      }
    }
    parts += grid(scale, top: top, bottom: top + height)
    var y = top
    for group in groups {
      parts += draw(group, id, scale, top: y)
      y += Self.height(of: group)
    }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  /// The largest value, the ends of intervals and the reference included.
  private var highest: Double {
    let values = groups.flatMap(\.bars).compactMap { bar in
      bar.map { max($0.value, $0.interval?.upper ?? $0.value) }
    }
    return (values + [reference?.value ?? 0]).filter(\.isFinite).max() ?? 0
  }

  private static func height(of group: Group) -> Double {
    max(pitch * Double(group.bars.count), group.remark == nil ? 0 : 2 * line) + gap
  }

  /// Where the names of the series go, in as many rows as they need.
  private func legendRows() -> [[(index: Int, x: Double)]] {
    var rows: [[(index: Int, x: Double)]] = []
    var x = 0.0
    for (index, name) in series.enumerated() {
      let width = 27 + Self.letter * Double(Table.width(of: name)) + 22
      if rows.isEmpty || x + width > Self.width {
        rows.append([])
        x = 0
      }
      rows[rows.count - 1].append((index, x))
      x += width
    }
    return rows
  }

  private func grid(_ scale: Scale, top: Double, bottom: Double) -> [String] {
    var parts: [String] = []
    for tick in scale.ticks {
      let x = Self.left + Self.plot * tick / scale.end
      parts.append(Self.line("grid", x, top - 4, x, bottom - 6))
      parts.append(
        Self.text("tick", x, bottom + 12, Self.tick(tick) + unit, anchor: "middle"))
    }
    if let reference, reference.value >= 0, reference.value <= scale.end {
      let x = Self.left + Self.plot * reference.value / scale.end
      parts.append(Self.line("reference", x, top - 4, x, bottom - 2))
      parts.append(Self.text("tick", x, bottom + 28, reference.label, anchor: "middle"))
    }
    return parts
  }

  private func draw(_ group: Group, _ id: String, _ scale: Scale, top: Double) -> [String] {
    let block = Self.pitch * Double(group.bars.count)
    let isPale = group.remark != nil
    let middle = top + max(block, isPale ? 2 * Self.line : 0) / 2
    var parts = [
      Self.text(
        "name", Self.left - 12, middle + (isPale ? -3 : 4), group.label, anchor: "end")
    ]
    if let remark = group.remark {
      parts.append(Self.text("remark", Self.left - 12, middle + 13, remark, anchor: "end"))
    }
    if isPale { parts.append("<g class=\"pale\">") }
    for (index, bar) in group.bars.enumerated() {
      let y = middle - block / 2 + Self.pitch * Double(index)
      parts += draw(bar, index, id, scale, y: y)
    }
    if isPale { parts.append("</g>") }
    return parts
  }

  private func draw(
    _ bar: Estimate?, _ index: Int, _ id: String, _ scale: Scale, y: Double
  ) -> [String] {
    let middle = y + Self.bar / 2
    guard let bar, bar.value.isFinite, bar.value >= 0 else {
      return [Self.text("value", Self.left + 6, middle + 4.5, "–")]
    }
    func x(_ value: Double) -> Double {
      Self.left + Self.plot * min(max(value, 0), scale.end) / scale.end
    }
    var parts = Self.bar(
      index, id, x: Self.left, y: y, width: x(bar.value) - Self.left, height: Self.bar)
    var end = x(bar.value)
    if let interval = bar.interval, interval.lower.isFinite, interval.upper.isFinite {
      let (from, to) = (x(interval.lower), x(interval.upper))
      parts += [
        Self.line("whisker", from, middle, to, middle),
        Self.line("whisker", from, middle - 4, from, middle + 4),
        Self.line("whisker", to, middle - 4, to, middle + 4),
      ]
      end = max(end, to)
    }
    let figure = Figures.text(bar.value) + unit
    // Keeps lines of the grid out of the figure.
    let width = Self.letter * Double(Table.width(of: figure)) + 2
    parts.append(
      "<rect class=\"ground\" x=\"\(Self.px(end + 5))\" y=\"\(Self.px(y))\" "
        + "width=\"\(Self.px(width))\" height=\"\(Self.px(Self.bar))\"/>")
    parts.append(Self.text("value", end + 7, middle + 4.5, figure))
    return parts
  }

  // MARK: Pieces

  private static func px(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }

  /// A number of an axis, without zeros that say nothing.
  private static func tick(_ value: Double) -> String {
    let text = Figures.text(value, decimals: 2)
    guard text.contains(".") else { return text }
    var trimmed = text[...]
    while trimmed.last == "0" { trimmed.removeLast() }
    if trimmed.last == "." { trimmed.removeLast() }
    return String(trimmed)
  }

  private static func text(
    _ style: String, _ x: Double, _ y: Double, _ content: String, anchor: String? = nil
  ) -> String {
    let anchor = anchor.map { " text-anchor=\"\($0)\"" } ?? ""
    return "<text class=\"\(style)\" x=\"\(px(x))\" y=\"\(px(y))\"\(anchor)>"
      + "\(Markup.escaped(content))</text>"
  }

  private static func line(
    _ style: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double
  ) -> String {
    "<line class=\"\(style)\" x1=\"\(px(x1))\" y1=\"\(px(y1))\" x2=\"\(px(x2))\" y2=\"\(px(y2))\"/>"
  }

  /// A bar in the colour and the pattern of its series.
  private static func bar(
    _ index: Int, _ id: String, x: Double, y: Double, width: Double, height: Double
  ) -> [String] {
    let place =
      "x=\"\(px(x))\" y=\"\(px(y))\" width=\"\(px(max(width, 0.5)))\" height=\"\(px(height))\""
    let series = index % seriesCount
    var parts = ["<rect class=\"bar s\(series)\" \(place) rx=\"2\"/>"]
    if series > 0 { parts.append("<rect \(place) rx=\"2\" fill=\"url(#\(id)-p\(series))\"/>") }
    return parts
  }

  /// Series that look different; there is no use for more in one chart.
  private static let seriesCount = 6

  /// What tells series apart without colour: the first is plain.
  private static func patterns(_ id: String) -> String {
    let shapes = [
      "<path d=\"M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6\"/>",
      "<path d=\"M2 0 V8 M6 0 V8\"/>",
      "<path d=\"M0 4 H8\"/>",
      "<path d=\"M-2 6 L2 10 M0 0 L8 8 M6 -2 L10 2\"/>",
      "<path d=\"M0 4 H8 M4 0 V8\"/>",
    ]
    return shapes.enumerated().map { index, shape in
      "<pattern id=\"\(id)-p\(index + 1)\" width=\"8\" height=\"8\" "
        + "patternUnits=\"userSpaceOnUse\"><g class=\"ink\">\(shape)</g></pattern>"
    }.joined()
  }

  private static let style = """
    .chart text { font: 13px system-ui, sans-serif; fill: #333 }
    .chart .title { font-size: 16px; font-weight: 600 } .chart .note, .chart .remark { fill: #666 }
    .chart .remark { font-style: italic; font-size: 12px } .chart .tick { fill: #666; font-size: 12px }
    .chart .value { font-size: 12px } .chart .grid { stroke: #ddd }
    .chart .reference { stroke: #777; stroke-dasharray: 4 4 }
    .chart .whisker { stroke: #222; stroke-width: 1.3 } .chart .ground { fill: #fff }
    .chart .pale .bar, .chart .pale .whisker, .chart .pale .value { opacity: 0.5 }
    .chart .ink path { stroke: #fff; stroke-width: 1.6; fill: none }
    .s0 { fill: #0b66c3 } .s1 { fill: #c2570c } .s2 { fill: #2f855a } .s3 { fill: #8a4baf }
    .s4 { fill: #946c00 } .s5 { fill: #52606d }
    @media (prefers-color-scheme: dark) {
      .chart text { fill: #ddd } .chart .note, .chart .remark, .chart .tick { fill: #aaa }
      .chart .grid { stroke: #333 } .chart .reference { stroke: #888 }
      .chart .whisker { stroke: #f4f4f4 } .chart .ink path { stroke: #14171a }
      .chart .ground { fill: #14171a }
      .s0 { fill: #4a94e6 } .s1 { fill: #e07b3a } .s2 { fill: #4fae7f } .s3 { fill: #b583d6 }
      .s4 { fill: #c29a2e } .s5 { fill: #8a98a6 }
    }
    """
}

/// An axis from zero: where it ends and where its lines are.
struct Scale {
  /// The value at its end.
  let end: Double
  /// The values of its lines.
  let ticks: [Double]

  /// An axis that holds a value, with four to eight round steps.
  init(reaching highest: Double) {
    let highest = highest.isFinite && highest > 0 ? min(max(highest, 1e-9), 1e15) : 1
    var power = 1.0
    while power * 10 <= highest { power *= 10 }
    while power > highest { power /= 10 }
    // highest is 1 … 10 powers.
    let times = highest / power
    let step = (times <= 1.5 ? 0.25 : times <= 3 ? 0.5 : times <= 6 ? 1 : 2) * power
    let count = (highest / step - 1e-9).rounded(.up)
    end = step * count
    ticks = (0...Int(count)).map { step * Double($0) }
  }
}
