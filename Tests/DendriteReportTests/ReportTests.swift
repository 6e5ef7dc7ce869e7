// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import Foundation
import Testing

@Suite struct ReportTests {
  static let report = Report(
    "bench", facts: [.init("model", "tiny"), .init("machine", "2 threads")],
    sections: [
      .init(
        "Speed",
        [
          Measurement(
            "decode", 48.13, unit: "tok/s",
            interval: Interval(lower: 47.6, upper: 48.5, confidence: 0.957), ceiling: 52.8),
          Measurement("published elsewhere", 1_240, unit: "tok/s", kind: .published),
        ])
    ],
    notes: ["a share above 1 means that the limit is wrong"])

  @Test func `a report is a page for a terminal`() {
    let expected = """
      model    tiny
      machine  2 threads

      Speed
      what                             median     interval  unit   limit  share
      ─────────────────────────────────────────────────────────────────────────
      decode                             48.1  47.6 … 48.5  tok/s   52.8   91 %
      published elsewhere (published)   1,240            –  tok/s

      • a share above 1 means that the limit is wrong

      """
    #expect(Self.report.text() == expected)
  }

  @Test func `a report is valid JSON with stable keys`() throws {
    let expected = #"""
      {"report":"bench","facts":{"model":"tiny","machine":"2 threads"},"sections":[{"title":"Speed","measurements":[{"name":"decode","value":48.13,"unit":"tok/s","interval":{"lower":47.6,"upper":48.5,"confidence":0.957},"floor":null,"ceiling":52.8,"kind":"measured"},{"name":"published elsewhere","value":1240,"unit":"tok/s","interval":null,"floor":null,"ceiling":null,"kind":"published"}]}],"notes":["a share above 1 means that the limit is wrong"]}
      """#
    #expect(Self.report.json.text(indented: false) == expected)
    for text in [Self.report.json.text(), expected] {
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      #expect(object?["report"] as? String == "bench")
    }
  }

  @Test func `numbers that are not finite never reach JSON`() throws {
    let odd = Measurement(
      "odd", .nan, interval: Interval(lower: -.infinity, upper: .infinity, confidence: 0.95),
      floor: .infinity)
    let text = Report("odd", sections: [.init("s", [odd])]).json.text()
    #expect(!text.lowercased().contains("nan") && !text.lowercased().contains("inf"))
    _ = try JSONSerialization.jsonObject(with: Data(text.utf8))
    #expect(odd.shareOfCeiling == nil)
  }

  @Test func `every number and every string survives JSON`() throws {
    let numbers = [0.1, -2.5e-7, 1e300, 2.5e-308, 123_456_789.125, -0.0, 1e15, 999_999_999_999_999]
    let strings = ["\"\\\n\r\t\u{1}\u{7f}", "ä½🙂\u{2028}", ""]
    let value = JSONValue.array(numbers.map { .number($0) } + strings.map { .string($0) })
    let read = try JSONSerialization.jsonObject(with: Data(value.text().utf8)) as? [Any]
    #expect(read?.prefix(numbers.count).compactMap { $0 as? Double } == numbers)
    #expect(read?.dropFirst(numbers.count).compactMap { $0 as? String } == strings)
    #expect(JSONValue.array([]).text() == "[]")
    #expect(
      JSONValue.object([.init("a", .null), .init("b", .bool(true))]).text()
        == "{\n  \"a\": null,\n  \"b\": true\n}")
  }

  @Test func `a share is a part of the ceiling`() {
    #expect(Measurement("x", 3, ceiling: 4).shareOfCeiling == 0.75)
    #expect(Measurement("x", 3).shareOfCeiling == nil)
    #expect(Measurement("x", 3, ceiling: 0).shareOfCeiling == nil)
  }
}
