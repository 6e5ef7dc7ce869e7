// SPDX-License-Identifier: Apache-2.0
import Testing

/// The papers beside the code: maps that are true, files that say their licence.
@Suite struct PaperTests {
  @Test(arguments: ["README.md", "ARCHITECTURE.md"])
  func `a map names every room and no other`(map: String) throws {
    let text = try SourceTree.text(map)
    let rooms = try Set(SourceTree.folders(in: "Sources"))
    for room in rooms.sorted() {
      let isNamed = text.contains("`\(room)`") || text.contains("\(room)/")
      #expect(isNamed, "\(map) does not name \(room)")
    }
    for room in ImportTests.floors.keys.sorted() {
      #expect(rooms.contains(room), "\(room) has a floor, but no folder in Sources")
    }
  }

  @Test
  func `every source file opens with its licence`() throws {
    let sources = try ["Sources", "Tests", "Examples"]
      .flatMap { try SourceTree.files(in: $0, extensions: ["swift", "c", "h"]) }
    for file in sources {
      let isLicensed = file.text.hasPrefix("// SPDX-License-Identifier: Apache-2.0\n")
      #expect(isLicensed, "\(file.path) does not open with its SPDX line")
    }
    for file in try SourceTree.files(in: "Scripts", extensions: ["sh", "py"]) {
      let head = file.text.split(separator: "\n").prefix(2)
      #expect(
        head.contains("# SPDX-License-Identifier: Apache-2.0"), "\(file.path) names no licence")
    }
  }

  @Test
  func `a source file is read in one sitting`() throws {
    for folder in ["Sources", "Tests"] {
      for file in try SourceTree.files(in: folder, extensions: ["swift"]) {
        let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        #expect(lines <= 400, "\(file.path) has \(lines) lines, expected at most 400")
      }
    }
  }

  @Test
  func `an example stays under eighty lines`() throws {
    for file in try SourceTree.files(in: "Examples", extensions: ["swift"]) {
      let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
      #expect(lines < 80, "\(file.path) has \(lines) lines")
    }
  }

  @Test
  func `decisions are numbered without gaps and listed`() throws {
    let files = try SourceTree.files(in: "Docs/Decisions", extensions: ["md"])
      .filter { $0.path != "Docs/Decisions/README.md" }
    let list = try SourceTree.text("Docs/Decisions/README.md")
    for (index, file) in files.enumerated() {
      let name = file.path.split(separator: "/").last ?? ""
      let digits = String(index + 1)
      let number = String(repeating: "0", count: 4 - digits.count) + digits
      #expect(name.hasPrefix("\(number)-"), "\(name), expected number \(number)")
      #expect(list.contains("(\(name))"), "Docs/Decisions/README.md does not list \(name)")
      for part in ["## Context", "## Choice", "## What we gave up"] {
        #expect(file.text.contains("\n\(part)\n"), "\(name) has no '\(part)'")
      }
    }
  }

  @Test
  func `the changelog begins with what is not released`() throws {
    let headings = try SourceTree.text("CHANGELOG.md").split(separator: "\n")
      .filter { $0.hasPrefix("## ") }
    #expect(headings.first == "## Unreleased")
  }
}
