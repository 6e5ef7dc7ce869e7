// SPDX-License-Identifier: Apache-2.0

/// What `-m` may name: a GGUF file, a directory, or a repository in the Hub cache.
public enum ModelLocation {
  /// Opens a model.
  ///
  /// - Parameters:
  ///   - name: the path of a GGUF file (of a split model, any shard) or of a directory; or `owner/name` of a
  ///     model that is in the Hub cache, with `@revision` if it is not `main`.
  ///   - cache: where downloaded models are.
  /// - Returns: the model, its headers checked.
  /// - Throws: what `GGUFFile`, `ModelDirectory` and `HubCache` throw.
  public static func open(
    _ name: String, in cache: HubCache = HubCache()
  ) throws(CheckpointError) -> any ModelSource {
    let path = try resolve(name, in: cache)
    return FileNames.isDirectory(path) ? try ModelDirectory(path: path) : try GGUFFile(path: path)
  }

  /// The path of the file or directory that a name stands for.
  ///
  /// What exists as a path is one. A directory that holds no `config.json` but one GGUF model stands for that.
  ///
  /// - Parameters:
  ///   - name: as for `open`.
  ///   - cache: where downloaded models are.
  /// - Returns: a path, which may still turn out to be no model.
  /// - Throws: `.unreadable` for a repository that is not in the cache, or a directory with several GGUF
  ///   files.
  public static func resolve(
    _ name: String, in cache: HubCache = HubCache()
  ) throws(CheckpointError) -> String {
    let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let repository = String(parts[0])
    if !FileNames.exists(name), HubCache.isRepository(repository), !name.hasSuffix(".gguf") {
      let revision = parts.count > 1 ? String(parts[1]) : "main"
      return try modelFile(in: cache.snapshot(of: repository, revision: revision))
    }
    return FileNames.isDirectory(name) ? try modelFile(in: name) : name
  }

  private static func modelFile(in folder: String) throws(CheckpointError) -> String {
    if FileNames.exists(folder + "/" + ModelFolder.configurationName) { return folder }
    let models = FileNames.list(folder).filter { $0.hasSuffix(".gguf") }
    let first = models.filter { !$0.contains("-of-") || $0.contains("-00001-of-") }
    guard first.count <= 1 else {
      throw CheckpointError(
        .unreadable,
        "\(quoted(folder)) holds \(first.count) GGUF models, expected one:\n"
          + first.prefix(12).map { quoted($0) }.joined(separator: " "),
        remedy: "give the path of one of them")
    }
    return first.first.map { folder + "/" + $0 } ?? folder
  }
}
