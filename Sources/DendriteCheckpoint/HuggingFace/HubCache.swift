// SPDX-License-Identifier: Apache-2.0

/// The folder in which Hugging Face's tools keep what they downloaded.
///
/// A repository `owner/name` is `models--owner--name` there: `refs/main` holds the number of a revision, and
/// `snapshots/<revision>` its files, as links into `blobs`.
///
/// - Source: huggingface_hub, "Understand caching".
public struct HubCache: Sendable {
  /// The folder.
  public let path: String

  /// A cache at a path.
  public init(path: String) { self.path = path }

  /// The cache that the environment names: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, or in
  /// `huggingface` of `XDG_CACHE_HOME` or of the home's `.cache`.
  public init() {
    let home = FileNames.environment("HOME") ?? "."
    let caches = FileNames.environment("XDG_CACHE_HOME") ?? home + "/.cache"
    let hub = FileNames.environment("HF_HOME") ?? caches + "/huggingface"
    path = FileNames.environment("HF_HUB_CACHE") ?? hub + "/hub"
  }

  /// Whether a text could be the name of a repository: `owner/name`, as the Hub allows them.
  public static func isRepository(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && !name.contains("--") && !name.contains("..")
      && parts.allSatisfy { part in
        guard let first = part.utf8.first, let last = part.utf8.last else { return false }
        return part.utf8.count <= 96 && isLetter(first) && isLetter(last)
          && part.utf8.allSatisfy { isLetter($0) || $0 == 0x2d || $0 == 0x2e }
      }
  }

  /// Letters, digits and the underscore.
  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      || byte == 0x5f
  }

  /// The folder of a repository's downloaded revision.
  ///
  /// - Parameters:
  ///   - repository: `owner/name`.
  ///   - revision: a branch, a tag or the number of a revision.
  /// - Returns: the path of `snapshots/<revision>`.
  /// - Throws: `.unreadable` if it is not there, with the command that downloads it; `.malformed` if the cache
  ///   names no revision.
  public func snapshot(
    of repository: String, revision: String = "main"
  ) throws(CheckpointError) -> String {
    let folder = path + "/models--" + repository.split(separator: "/").joined(separator: "--")
    let reference = folder + "/refs/" + revision
    var number = revision
    if FileNames.isPlain(revision), FileNames.exists(reference) {
      let file = try MappedFile(path: reference)
      let bytes = file.withUnsafeBytes(in: 0..<min(file.count, 200)) { Array($0) }
      number = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
      guard file.count <= 100, FileNames.isPlain(number) else {
        throw CheckpointError(
          .malformed, "\(quoted(reference)) names no revision, expected the number of one",
          remedy: "download the model again: `hf download \(repository)`")
      }
    }
    let snapshot = folder + "/snapshots/" + number
    guard FileNames.isPlain(number), FileNames.isDirectory(snapshot) else {
      throw CheckpointError(
        .unreadable,
        "neither a path nor a model in the Hub cache: \(quoted(repository)), revision "
          + "\(quoted(revision)), expected\n\(quoted(folder))",
        remedy: "`hf download \(repository)` gets it; HF_HOME or HF_HUB_CACHE say where it is kept")
    }
    return snapshot
  }

  /// The repository that a snapshot's path belongs to, as `owner/name`; `nil` for other paths.
  static func repositoryName(ofSnapshot path: String) -> String? {
    let parts = path.split(separator: "/")
    guard parts.count >= 3, parts[parts.count - 2] == "snapshots" else { return nil }
    let folder = parts[parts.count - 3]
    guard folder.hasPrefix("models--") else { return nil }
    return String(folder.dropFirst("models--".count)).replacing("--", with: "/")
  }
}
