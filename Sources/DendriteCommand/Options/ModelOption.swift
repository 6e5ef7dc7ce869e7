// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Which model: `-m`, which means the same in every command.
struct ModelOption: ParsableArguments {
  @Option(
    name: [.customShort("m"), .customLong("model")],
    help: ArgumentHelp(
      "A model: a .gguf file (any shard of a split one), a Hugging Face directory, or owner/name in the Hub cache.",
      discussion: "Left out: $DENDRITE_MODEL, or else the bundled model.", valueName: "model"),
    completion: .file(extensions: ["gguf"]))
  var path: String?

  /// The file or directory to load, or the name of a downloaded repository.
  ///
  /// - Throws: a failure that lists where the bundled model was looked for.
  func resolve() throws(Failure) -> String {
    if let path { return path }
    return try ModelOption.defaultPath()
  }

  /// `$DENDRITE_MODEL`, or the bundled model.
  static func defaultPath() throws(Failure) -> String {
    if let path = environment("DENDRITE_MODEL"), !path.isEmpty { return path }
    let places = bundledModelPlaces()
    if let path = places.first(where: { access($0, R_OK) == 0 }) { return path }
    throw Failure(
      .noInput,
      "no model was named and the bundled one is not there, expected it at one of\n"
        + places.joined(separator: "\n"),
      remedy: "name a model with -m PATH, or set DENDRITE_MODEL to its path")
  }

  /// The bundled model's file name.
  static let bundledName = "dendrite-tiny-q8_0.gguf"

  /// In the package that was built, next to the program, and in the share folder beside it.
  private static func bundledModelPlaces() -> [String] {
    // …/Sources/DendriteCommand/Options/ModelOption.swift → the package
    let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
    var places = [package.joined(separator: "/") + "/Models/\(bundledName)"]
    if let folder = executableFolder() {
      places += ["\(folder)/\(bundledName)", "\(folder)/../share/dendrite/\(bundledName)"]
    }
    return places
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// The folder of the running program, links resolved.
  private static func executableFolder() -> String? {
    #if os(Linux)
      let path: String? = "/proc/self/exe"
    #elseif canImport(Darwin)
      var size: UInt32 = 0
      _NSGetExecutablePath(nil, &size)
      var name = [CChar](repeating: 0, count: Int(size) + 1)
      let path: String? =
        _NSGetExecutablePath(&name, &size) == 0
        ? name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } : nil
    #else
      let path: String? = nil
    #endif
    guard let path, let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    let parts = String(cString: resolved).split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast().joined(separator: "/")
  }
}
