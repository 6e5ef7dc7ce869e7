// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation

/// The files of the repository, read as text.
enum SourceTree {
  /// A file by its path from the root of the repository.
  struct File {
    var path: String
    var text: String
  }

  /// Files below a folder with one of these extensions, in order of their paths.
  static func files(in folder: String, extensions: Set<String>) throws -> [File] {
    let root = Repository.root.appendingPathComponent(folder)
    let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path)
    return try paths.sorted().compactMap { path in
      let url = root.appendingPathComponent(path)
      guard extensions.contains(url.pathExtension) else { return nil }
      return File(
        path: "\(folder)/\(path)", text: String(decoding: try Data(contentsOf: url), as: UTF8.self))
    }
  }

  /// Names of the folders in a folder.
  static func folders(in folder: String) throws -> [String] {
    let root = Repository.root.appendingPathComponent(folder)
    return try FileManager.default.contentsOfDirectory(
      at: root, includingPropertiesForKeys: [.isDirectoryKey]
    )
    .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
    .map(\.lastPathComponent).sorted()
  }

  /// A file at the root of the repository.
  static func text(_ path: String) throws -> String {
    String(
      decoding: try Data(contentsOf: Repository.root.appendingPathComponent(path)), as: UTF8.self)
  }

  /// The modules that a Swift file imports.
  static func imports(of text: String) -> Set<String> {
    let kinds: Set<Substring> = [
      "actor", "class", "enum", "func", "let", "protocol", "struct", "typealias", "var",
    ]
    var modules: Set<String> = []
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
        words[..<keyword].allSatisfy(isModifier)
      else { continue }
      var name = words[keyword + 1]
      if kinds.contains(name), keyword + 2 < words.count { name = words[keyword + 2] }
      modules.insert(String(name.prefix { $0 != "." && $0 != ";" }))
    }
    return modules
  }

  /// Whether a word may stand before `import`.
  private static func isModifier(_ word: Substring) -> Bool {
    let levels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    return word.hasPrefix("@") || levels.contains(word)
  }
}
