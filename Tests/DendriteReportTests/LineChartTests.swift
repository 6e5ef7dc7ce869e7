// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import Foundation
import Testing

@Suite struct LineChartTests {
  private func chart(_ lines: [LineChart.Line]) -> LineChart {
    LineChart(
      "Title & <more>", note: "What it is.", across: "tokens", upward: "ms",
      ticks: [.init(1, "one"), .init(4, "four"), .init(16, "sixteen")], lines: lines,
      mark: .init(4, "here"))
  }

  /// The numbers of the points of every line.
  private func points(of svg: String) -> [[(x: Double, y: Double)]] {
    svg.components(separatedBy: "points=\"").dropFirst().map { part in
      part.prefix { $0 != "\"" }.split(separator: " ").map { pair in
        let numbers = pair.split(separator: ",").compactMap { Double($0) }
        return (numbers[0], numbers[1])
      }
    }
  }

  @Test func `equal ratios are equal steps`() throws {
    let svg = chart([.init("a", [.init(1, 1), .init(4, 10), .init(16, 100)])]).svg(id: "t")
    let line = try #require(points(of: svg).first)
    #expect(line.count == 3)
    #expect(abs((line[1].x - line[0].x) - (line[2].x - line[1].x)) <= 0.2)
    #expect(abs((line[0].y - line[1].y) - (line[1].y - line[2].y)) <= 0.2)
    // Up is more.
    #expect(line[0].y > line[2].y)
  }

  @Test func `an image is well formed and escapes its texts`() throws {
    let svg = chart([.init("a<b", [.init(1, 0.02)]), .init("c", [.init(16, 5000)])]).svg(id: "t")
    #expect(try XMLDocumentCheck().elements(of: svg) > 0)
    #expect(svg.contains("Title &amp; &lt;more&gt;"))
    #expect(svg.contains("a&lt;b"))
    for label in ["0.01", "10,000", "sixteen", "here"] { #expect(svg.contains(">\(label)<")) }
  }

  @Test func `points that cannot be drawn are left out`() throws {
    let line = LineChart.Line(
      "a", [.init(0, 1), .init(1, 0), .init(.nan, 1), .init(2, .infinity), .init(4, 3)])
    let svg = chart([line, .init("empty", [])]).svg(id: "t")
    #expect(try XMLDocumentCheck().elements(of: svg) > 0)
    #expect(points(of: svg).map(\.count) == [1])
    #expect(!svg.contains("nan"))
    #expect(try XMLDocumentCheck().elements(of: chart([]).svg(id: "t")) > 0)
  }

  @Test(arguments: [1.0, 2, 10])
  func `names at the ends of lines do not overlap, nor leave the plot`(end: Double) throws {
    let lines = (0..<6).map { LineChart.Line("line \($0)", [.init(1, 10), .init(16, end)]) }
    let svg = chart(lines).svg(id: "t")
    let places = svg.components(separatedBy: "class=\"name\" x=\"").dropFirst().compactMap {
      $0.components(separatedBy: "y=\"").dropFirst().first.flatMap {
        Double($0.prefix { $0 != "\"" })
      }
    }.sorted()
    #expect(places.count == 6)
    #expect(zip(places, places.dropFirst()).allSatisfy { $1 - $0 >= 16.9 })
    // The plot is 320 high, below a heading and one line of the note.
    let last = try #require(places.last)
    #expect(last <= 60 + 17 + 320 + 5)
  }
}
