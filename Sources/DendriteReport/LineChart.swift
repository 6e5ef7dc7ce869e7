// SPDX-License-Identifier: Apache-2.0

/// Lines over two logarithmic axes, as one SVG image that needs nothing else.
///
/// Lines are told apart by dashes besides colours, and named at their right end. It follows the reader's light or dark setting.
package struct LineChart: Sendable, Hashable {
  /// A place in the plot; both numbers are above zero.
  package struct Point: Sendable, Hashable {
    /// To the right.
    package var x: Double
    /// Upward.
    package var y: Double

    /// A place.
    package init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// A line through points from left to right.
  package struct Line: Sendable, Hashable {
    /// What it shows.
    package var name: String
    /// Its points.
    package var points: [Point]

    /// A line.
    package init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  /// A place on an axis with its label.
  package struct Tick: Sendable, Hashable {
    /// Where.
    package var value: Double
    /// What stands there.
    package var label: String

    /// A place and its label.
    package init(_ value: Double, _ label: String) {
      self.value = value
      self.label = label
    }
  }

  /// The heading.
  package var title: String
  /// What the lines are, in a sentence or two.
  package var note: String
  /// What goes to the right, and in which unit.
  package var across: String
  /// What goes upward, and in which unit.
  package var upward: String
  /// Places on the axis below.
  package var ticks: [Tick]
  /// The lines.
  package var lines: [Line]
  /// A place across that is marked.
  package var mark: Tick?

  /// A chart.
  package init(
    _ title: String, note: String, across: String, upward: String, ticks: [Tick], lines: [Line],
    mark: Tick? = nil
  ) {
    self.title = title
    self.note = note
    self.across = across
    self.upward = upward
    self.ticks = ticks
    self.lines = lines
    self.mark = mark
  }

  // MARK: Measures, in pixels

  private static let left = 64.0
  private static let plot = (width: 490.0, height: 320.0)
  private static let width = 760.0
  private static let row = 17.0

  // MARK: Drawing

  /// The image.
  ///
  /// - Parameter id: names the image's parts; two images of one page need two.
  /// - Returns: an SVG element; without a point that can be drawn, axes alone.
  package func svg(id: String) -> String {
    let notes = Table.wrapped(note, to: 104)
    let top = 60 + Self.row * Double(notes.count)
    let bottom = top + Self.plot.height
    let whole = bottom + 52
    let points = lines.flatMap(\.points).filter(Self.canDraw)
    let across = LogarithmicScale(
      points.map(\.x) + ticks.map(\.value).filter { $0 > 0 }, from: Self.left,
      to: Self.left + Self.plot.width)
    let upward = LogarithmicScale(
      Self.decades(points.map(\.y)).map(\.value), from: bottom, to: top)
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.px(Self.width)) \(Self.px(whole))\" "
        + "role=\"img\" aria-label=\"\(Markup.escaped(title))\" class=\"lines\">",
      "<style>\(Self.style)</style>",
      "<defs><clipPath id=\"\(Markup.escaped(id))-plot\"><rect x=\"\(Self.px(Self.left))\" "
        + "y=\"\(Self.px(top))\" width=\"\(Self.px(Self.plot.width))\" "
        + "height=\"\(Self.px(Self.plot.height))\"/></clipPath></defs>",
      Self.text("title", 0, 20, title),
    ]
    for (index, text) in notes.enumerated() {
      parts.append(Self.text("note", 0, 42 + Self.row * Double(index), text))
    }
    parts.append(Self.text("tick", 0, top - 10, self.upward))
    for tick in Self.decades(points.map(\.y)) {
      let y = upward.place(tick.value)
      parts.append(Self.line("grid", Self.left, y, Self.left + Self.plot.width, y))
      parts.append(Self.text("tick", Self.left - 8, y + 4, tick.label, anchor: "end"))
    }
    for tick in ticks where tick.value > 0 {
      let x = across.place(tick.value)
      parts.append(Self.line("grid", x, top, x, bottom))
      parts.append(Self.text("tick", x, bottom + 17, tick.label, anchor: "middle"))
    }
    parts.append(
      Self.text(
        "tick", Self.left + Self.plot.width / 2, bottom + 36, self.across, anchor: "middle"))
    if let mark, mark.value > 0, across.holds(mark.value) {
      let x = across.place(mark.value)
      parts.append(Self.line("mark", x, top - 4, x, bottom))
      parts.append(Self.text("tick", x, top - 8, mark.label, anchor: "middle"))
    }
    parts += draw(across, upward, bottom: bottom, clip: "\(Markup.escaped(id))-plot")
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  private func draw(
    _ across: LogarithmicScale, _ upward: LogarithmicScale, bottom: Double, clip: String
  ) -> [String] {
    var parts: [String] = []
    var ends: [(y: Double, index: Int)] = []
    for (index, line) in lines.enumerated() {
      let places = line.points.filter(Self.canDraw)
        .map { (across.place($0.x), upward.place($0.y)) }
      guard let last = places.last else { continue }
      let path = places.map { "\(Self.px($0.0)),\(Self.px($0.1))" }.joined(separator: " ")
      parts.append(
        "<polyline class=\"line s\(index % Self.styles)\" clip-path=\"url(#\(clip))\" "
          + "points=\"\(path)\"/>")
      ends.append((last.1, index))
    }
    // Names stand at the right ends, moved apart where they would meet, and not below the plot.
    ends.sort { $0.y < $1.y }
    var highest = -Double.infinity
    for index in ends.indices {
      ends[index].y = max(ends[index].y, highest)
      highest = ends[index].y + Self.row
    }
    var lowest = bottom
    for index in ends.indices.reversed() {
      ends[index].y = min(ends[index].y, lowest)
      lowest = ends[index].y - Self.row
    }
    let x = Self.left + Self.plot.width
    for end in ends {
      parts.append(
        "<line class=\"line s\(end.index % Self.styles)\" x1=\"\(Self.px(x + 6))\" y1=\"\(Self.px(end.y))\" "
          + "x2=\"\(Self.px(x + 28))\" y2=\"\(Self.px(end.y))\"/>")
      parts.append(Self.text("name", x + 34, end.y + 4.5, lines[end.index].name))
    }
    return parts
  }

  private static func canDraw(_ point: Point) -> Bool {
    point.x > 0 && point.y > 0 && point.x.isFinite && point.y.isFinite
  }

  /// The powers of ten around some values.
  private static func decades(_ values: [Double]) -> [Tick] {
    guard let lowest = values.min(), let highest = values.max() else { return [Tick(1, "1")] }
    var power = 1.0
    while power > lowest, power > 1e-12 { power /= 10 }
    while power * 10 <= lowest { power *= 10 }
    var ticks = [Tick(power, Figures.text(power))]
    while power < highest, power < 1e15 {
      power *= 10
      ticks.append(Tick(power, label(power)))
    }
    ticks[0].label = label(ticks[0].value)
    return ticks
  }

  /// A power of ten without figures that say nothing.
  private static func label(_ power: Double) -> String {
    if power >= 1 { return Figures.text(power, decimals: 0) }
    var decimals = 0
    var scaled = power
    while scaled < 0.999, decimals < 9 {
      scaled *= 10
      decimals += 1
    }
    return Figures.text(power, decimals: decimals)
  }

  // MARK: Pieces

  private static func px(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let size = abs(tenths)
    return (tenths < 0 ? "-" : "") + (size % 10 == 0 ? "\(size / 10)" : "\(size / 10).\(size % 10)")
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

  /// Lines that look different.
  private static let styles = 6

  private static let style = """
    .lines text { font: 13px system-ui, sans-serif; fill: #333 }
    .lines .title { font-size: 16px; font-weight: 600 } .lines .note { fill: #666 }
    .lines .tick { fill: #666; font-size: 12px } .lines .name { font-size: 12px }
    .lines .grid { stroke: #ddd } .lines .mark { stroke: #777; stroke-dasharray: 4 4 }
    .lines .line { fill: none; stroke-width: 2.2 }
    .lines .s0 { stroke: #52606d } .lines .s1 { stroke: #0b66c3; stroke-width: 3 }
    .lines .s2 { stroke: #c2570c; stroke-dasharray: 9 4 } .lines .s3 { stroke: #2f855a; stroke-dasharray: 3 3 }
    .lines .s4 { stroke: #8a4baf; stroke-dasharray: 12 3 3 3 } .lines .s5 { stroke: #946c00; stroke-dasharray: 6 2 }
    @media (prefers-color-scheme: dark) {
      .lines text { fill: #ddd } .lines .note, .lines .tick { fill: #aaa } .lines .grid { stroke: #333 }
      .lines .s0 { stroke: #8a98a6 } .lines .s1 { stroke: #4a94e6 } .lines .s2 { stroke: #e07b3a }
      .lines .s3 { stroke: #4fae7f } .lines .s4 { stroke: #b583d6 } .lines .s5 { stroke: #c29a2e }
    }
    """
}

/// An axis on which equal steps are equal ratios.
struct LogarithmicScale {
  private let lowest: Double
  private let highest: Double
  private let from: Double
  private let to: Double

  /// An axis from the smallest of some values to the largest, between two places.
  init(_ values: [Double], from: Double, to: Double) {
    lowest = Self.logarithm(values.min() ?? 1)
    highest = max(Self.logarithm(values.max() ?? 10), lowest + 1e-9)
    self.from = from
    self.to = to
  }

  /// Where a value is.
  func place(_ value: Double) -> Double {
    from + (to - from) * (Self.logarithm(value) - lowest) / (highest - lowest)
  }

  /// Whether a value is on the axis.
  func holds(_ value: Double) -> Bool {
    (lowest - 1e-9...highest + 1e-9).contains(Self.logarithm(value))
  }

  /// log₂ of a positive number, to twelve digits: this room imports nothing that has one.
  static func logarithm(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return 0 }
    // value = significand · 2^exponent; the rest is 2·artanh(t)/ln 2 with |t| ≤ 1/3.
    let t = (value.significand - 1) / (value.significand + 1)
    var sum = 0.0
    var power = t
    var index = 1.0
    while index < 32 {
      sum += power / index
      power *= t * t
      index += 2
    }
    return Double(value.exponent) + 2 * sum / 0.693_147_180_559_945_3
  }
}
