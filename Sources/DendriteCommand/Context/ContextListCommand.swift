// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// `dendrite context list`: the contexts of a folder.
struct ContextListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the contexts of a folder.")

  @Argument(help: "The folder, or files (default: here).", completion: .file())
  var places: [String] = ["."]

  func run() throws {
    var table = Table([
      .words("context"), .figures("tokens"), .words("stored as"), .figures("size"),
      .words("model"),
    ])
    for (name, path) in try places.flatMap(Self.files) {
      do {
        let file = try ContextFile(path: path)
        table.append([
          name, Figures.text(file.tokens.count), file.cacheType.rawValue,
          MemoryBudget.text(file.byteCount), file.modelName,
        ])
      } catch {
        table.append([name, "", "", "", error.message])
      }
    }
    if table.rows.isEmpty {
      StandardStream.say("no contexts here; `dendrite context build TEXT` makes one")
    } else {
      for line in table.lines() { print(line) }
    }
  }

  /// A file itself, or the files of a folder that end in .ctx.
  private static func files(at place: String) throws(Failure) -> [(name: String, path: String)] {
    var status = stat()
    guard stat(place, &status) == 0 else {
      throw Failure(
        .noInput, "nothing at '\(place)', expected a folder or a context",
        remedy: "dendrite context list .")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [(place, place)] }
    guard let folder = opendir(place) else {
      throw Failure(
        .noInput, "the folder '\(place)' cannot be read, expected read permission",
        remedy: "choose a folder that you may read")
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".ctx") { names.append(name) }
    }
    return names.sorted().map { ($0, place == "." ? $0 : "\(place)/\($0)") }
  }
}
