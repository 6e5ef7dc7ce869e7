// SPDX-License-Identifier: Apache-2.0
import DendriteReport
import Testing

@Suite struct TableTests {
  @Test func `figures stand right and words left`() {
    var table = Table([.words("rows"), .figures("ms")])
    table.append(["chain", "3.1"])
    table.append(["a tree", "12.25"])
    #expect(table.lines() == ["rows       ms", "─────────────", "chain     3.1", "a tree  12.25"])
  }

  @Test(arguments: [60, 80, 100])
  func `long words are wrapped so that the table fits`(width: Int) {
    var table = Table([.words("proof"), .figures("rows"), .words("compared")])
    let sentence =
      "a row alone gives the same bits as the same row among two to thirty-three others"
    table.append([sentence, "412", sentence])
    table.append([String(repeating: "x", count: 150), "7", "short"])
    let lines = table.lines(width: width)
    #expect(lines.allSatisfy { $0.count <= width })
    #expect(lines.joined().filter { $0 == "x" }.count == 150)
  }

  @Test func `a table becomes Markdown`() {
    var table = Table([.words("what"), .figures("tok/s")])
    table.append(["a|b", "48.1"])
    #expect(table.markdown() == ["| what | tok/s |", "| --- | ---: |", #"| a\|b | 48.1 |"#])
  }

  @Test func `wide characters keep columns straight and control characters cannot move the cursor`()
  {
    var table = Table([.words("name"), .figures("n")])
    table.append(["模型", "1"])
    table.append(["a\u{1b}[2J", "2"])
    #expect(table.lines().suffix(2) == ["模型   1", "a\u{fffd}[2J  2"])
  }
}
