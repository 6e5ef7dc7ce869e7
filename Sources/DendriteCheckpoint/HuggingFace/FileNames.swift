// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Questions about names of files.
enum FileNames {
  /// Whether anything has this path; a link counts by what it points to.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether a path is a directory.
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether a name is one component that stays where it is looked up.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && !name.utf8.contains(where: {
        $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 32
      })
  }

  /// The path with all links resolved.
  ///
  /// - Throws: `.unreadable` if there is nothing.
  static func resolved(_ path: String) throws(CheckpointError) -> String {
    guard let resolved = realpath(path, nil) else {
      throw CheckpointError(
        .unreadable, "\(quoted(path)) cannot be found, expected a model",
        remedy: "check the path; `ls` its folder", cause: MappedFile.systemError("realpath", errno))
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The names in a directory, sorted; none if it cannot be read.
  static func list(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The value of an environment variable, if it has one.
  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }
}
