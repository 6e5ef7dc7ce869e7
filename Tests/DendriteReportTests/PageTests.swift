// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import Foundation
import Testing

/// Charts and pages: complete, well-formed, and safe whatever a model file calls itself.
@Suite struct PageTests {
  static let hostile = "</style><script>alert('x')</script> & \"quotes\"\u{0}\u{1b}"

  static let chart = BarChart(
    "Speed-up", note: "Medians.", unit: "×", series: ["lookup", "auto"],
    groups: [
      .init(
        "code",
        bars: [
          Estimate(value: 1.5, interval: Interval(lower: 1.25, upper: 1.75, confidence: 0.95)),
          Estimate(value: 0.9),
        ]),
      .init("qa", remark: "not meaningful here", bars: [nil, Estimate(value: .nan)]),
    ],
    reference: .init(1, "plain decoding"))

  private func check(_ xml: String) throws {
    let parser = XMLDocumentCheck()
    #expect(try parser.elements(of: xml) > 0)
  }

  @Test func `text is escaped for XML`() {
    #expect(Markup.escaped("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;")
    #expect(Markup.escaped("x\u{0}\u{7}\u{ffff}ä🙂") == "x\u{fffd}\u{fffd}\u{fffd}ä🙂")
  }

  @Test func `a chart has a bar, a figure and whiskers for each estimate`() throws {
    let svg = Self.chart.svg(id: "c")
    try check(svg)
    #expect(svg.components(separatedBy: "class=\"whisker\"").count - 1 == 3)
    for text in ["1.50×", "0.900×", "code", "qa", "not meaningful here", "plain decoding", "auto"] {
      #expect(svg.contains(">\(text)</text>"), "\(text)")
    }
    // Two bars with a value, two keys of the legend; the second series has a pattern besides its colour.
    #expect(svg.components(separatedBy: "<rect class=\"bar ").count - 1 == 4)
    #expect(svg.components(separatedBy: "fill=\"url(#c-p1)\"").count - 1 == 2)
    #expect(svg.components(separatedBy: ">–</text>").count - 1 == 2)
    #expect(svg.contains("prefers-color-scheme: dark"))
  }

  @Test func `bars are as long as their values`() {
    let chart = BarChart(
      "t", note: "n", series: ["a"],
      groups: [.init("x", bars: [Estimate(value: 2)]), .init("y", bars: [Estimate(value: 1)])])
    let lengths = chart.svg(id: "c").matches(
      of: /class="bar s0" x="196" y="[0-9.]+" width="([0-9.]+)"/
    )
    .compactMap { Double($0.output.1) }
    #expect(lengths.count == 2)
    #expect(lengths.first == 440 && lengths.last == 220)
  }

  @Test(arguments: [0, 1e-12, 0.3, 1, 2.47, 9.99, 10, 123_456, 1e12, .infinity, .nan])
  func `any size of value makes a chart`(value: Double) throws {
    let chart = BarChart(
      "t", note: "n", series: ["a"], groups: [.init("g", bars: [Estimate(value: value)])])
    let svg = chart.svg(id: "c")
    try check(svg)
    #expect(svg.components(separatedBy: "class=\"grid\"").count - 1 <= 10)
    for word in ["nan", "inf", "-"] {
      #expect(!svg.contains("=\"\(word)"), "\(word)")
    }
  }

  @Test func `nothing in a chart or a page escapes its place`() throws {
    var chart = Self.chart
    (chart.title, chart.note, chart.unit) = (Self.hostile, Self.hostile, Self.hostile)
    chart.series = [Self.hostile, Self.hostile]
    chart.groups[0].label = Self.hostile
    chart.groups[0].remark = Self.hostile
    chart.reference?.label = Self.hostile
    try check(chart.svg(id: "c"))
    var table = Table([.words(Self.hostile), .figures("n")])
    table.append([Self.hostile, "1"])
    let page = HTMLPage(
      Self.hostile,
      parts: [
        .heading(Self.hostile), .paragraph(Self.hostile),
        .facts([.init(Self.hostile, Self.hostile)]),
        .code(Self.hostile), .figure(svg: chart.svg(id: "c")), .table(table, caption: Self.hostile),
        .notes([Self.hostile]),
      ]
    ).text()
    #expect(!page.contains("<script"))
    #expect(!page.contains("\u{0}") && !page.contains("\u{1b}"))
    #expect(page.components(separatedBy: "</style>").count - 1 == 2)
  }

  @Test func `a page needs nothing from elsewhere`() {
    var table = Table([.words("task"), .figures("tok/s")])
    table.append(["code", "48.1"])
    let page = HTMLPage(
      "Title", parts: [.figure(svg: Self.chart.svg(id: "c")), .table(table, caption: "Speeds")]
    ).text()
    #expect(page.hasPrefix("<!doctype html>"))
    #expect(page.contains("default-src 'none'"))
    #expect(page.contains("<th scope=\"col\" class=\"figure\">tok/s</th>"))
    #expect(page.contains("<td class=\"figure\">48.1</td>"))
    for word in ["src=", "href=", "@import", "<script", "<link"] {
      #expect(!page.contains(word), "\(word)")
    }
  }
}

/// A reader of XML that is strict about nesting, quotes and entities, enough for what is written here.
struct XMLDocumentCheck {
  struct Malformed: Error { var place: Substring }

  /// The number of elements of a well-formed document.
  func elements(of xml: String) throws -> Int {
    var open: [Substring] = []
    var count = 0
    var rest = xml[...]
    while let start = rest.firstIndex(of: "<") {
      guard !rest[..<start].contains(">"), Self.hasEntities(rest[..<start]) else {
        throw Malformed(place: rest.prefix(60))
      }
      guard let match = try Self.tag.prefixMatch(in: rest[start...]) else {
        throw Malformed(place: rest[start...].prefix(60))
      }
      let (whole, slash, name, attributes, ending) = match.output
      guard Self.hasEntities(attributes) else { throw Malformed(place: whole) }
      if !slash.isEmpty {
        guard open.popLast() == name else { throw Malformed(place: whole) }
      } else {
        count += 1
        if ending.isEmpty { open.append(name) }
      }
      rest = rest[whole.endIndex...]
    }
    guard open.isEmpty else { throw Malformed(place: open[open.count - 1]) }
    return count
  }

  private static var tag: Regex<(Substring, Substring, Substring, Substring, Substring)> {
    /<(\/?)([a-zA-Z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<>]*")*)\s*(\/?)>/
  }

  private static func hasEntities(_ text: Substring) -> Bool {
    text.matches(of: /&/).count == text.matches(of: /&(?:amp|lt|gt|quot|#39);/).count
  }
}
