// SPDX-License-Identifier: Apache-2.0
import Testing

/// The rooms and their doors: what a room may import, and that it says so.
@Suite struct ImportTests {
  /// The floor of every room.
  static let floors = [
    "CDendriteKernels": 0, "CDendriteMPI": 0,
    "DendriteCompute": 1, "DendriteTokenizer": 1, "DendriteReport": 1,
    "DendriteCheckpoint": 2,
    "DendriteModel": 3,
    "DendriteDecoding": 4, "DendriteDistributed": 4,
    "Dendrite": 6,
    "DendriteCommand": 7,
  ]

  /// Modules of the toolchain and the system.
  static let system: Set<String> = [
    "Darwin", "Dispatch", "Foundation", "Glibc", "Musl", "Swift", "Synchronization", "Testing",
  ]

  @Test
  func `every import is a declared dependency`() throws {
    let manifest = try Manifest.load()
    for target in manifest.targets.values {
      let allowed = target.targets.union(target.products).union(Self.system)
      for file in try SourceTree.files(in: target.path, extensions: ["swift"]) {
        for module in SourceTree.imports(of: file.text).subtracting(allowed).sorted() {
          Issue.record(
            "\(file.path) imports \(module), which is no dependency of \(target.name) in Package.swift"
          )
        }
      }
    }
  }

  @Test
  func `every declared dependency of a room is imported`() throws {
    for room in try Manifest.load().rooms {
      let imports = try SourceTree.files(in: room.path, extensions: ["swift"])
        .reduce(into: Set<String>()) { $0.formUnion(SourceTree.imports(of: $1.text)) }
      for module in room.targets.union(room.products).subtracting(imports).sorted() {
        Issue.record("\(room.name) declares \(module) in Package.swift, but no file imports it")
      }
    }
  }

  @Test
  func `doors open only downward`() throws {
    for room in try Manifest.load().rooms {
      guard let floor = Self.floors[room.name] else {
        Issue.record("\(room.name) has no floor: add it to this table and to ARCHITECTURE.md")
        continue
      }
      for dependency in room.targets.sorted() {
        guard let below = Self.floors[dependency] else {
          Issue.record("\(room.name) depends on \(dependency), which is not a room")
          continue
        }
        #expect(
          below < floor, "\(room.name) on floor \(floor) imports \(dependency) on floor \(below)")
      }
    }
  }

  @Test
  func `only the roof depends on other packages`() throws {
    for room in try Manifest.load().rooms where Self.floors[room.name] != 7 {
      #expect(room.products.isEmpty, "\(room.name) depends on \(room.products.sorted())")
    }
  }

  @Test
  func `imports are found in every form`() {
    // Written with another word, or this file would seem to import them.
    let text = """
      use A
      @_exported public use B
      internal use C.D
      @preconcurrency use struct E.F
        package use func G.h  // a comment
      // use I
      let text = "use J"
      reuse K
      """.replacing("use ", with: "import ")
    #expect(SourceTree.imports(of: text) == ["A", "B", "C", "E", "G"])
  }
}
