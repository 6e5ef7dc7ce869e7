// SPDX-License-Identifier: Apache-2.0

public import Foundation
public import Testing

/// The folder of real test data that stands beside the checkout, at `../shared/data`.
///
/// The data is other people's and is not part of the repository. A suite that needs it carries the
/// trait `.requiresSharedData`: where the folder is missing its tests are skipped and say so; with
/// `CI=true` they run, and ``path(_:)`` makes them fail.
public enum SharedData {
  /// The folder, whether it exists or not.
  public static let root: URL = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent()  // DendriteTestSupport
    .deletingLastPathComponent()  // Tests
    .deletingLastPathComponent()  // the package
    .deletingLastPathComponent()
    .appendingPathComponent("shared/data", isDirectory: true)

  /// Whether the folder is there.
  public static var isPresent: Bool { FileManager.default.fileExists(atPath: root.path) }

  /// Whether missing data is a failure rather than a reason to skip.
  public static var isRequired: Bool { ProcessInfo.processInfo.environment["CI"] == "true" }

  /// The path of a file below the folder, such as `"vocab/ggml-vocab-gpt-2.gguf"`.
  ///
  /// - Throws: `SharedDataError` when there is no such file.
  public static func path(_ relativePath: String) throws -> String {
    let path = root.appendingPathComponent(relativePath).path
    guard FileManager.default.fileExists(atPath: path) else {
      throw SharedDataError(path: path)
    }
    return path
  }

  /// The location of a file below the folder, as ``path(_:)``.
  public static func url(_ relativePath: String) throws -> URL {
    URL(fileURLWithPath: try path(relativePath))
  }

  /// The bytes of a file below the folder.
  public static func bytes(_ relativePath: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: url(relativePath)))
  }

  /// A file below the folder as text; bytes that are not UTF-8 become U+FFFD.
  public static func text(_ relativePath: String) throws -> String {
    String(decoding: try bytes(relativePath), as: UTF8.self)
  }
}

/// A test asked for a file of the shared data that is not there.
public struct SharedDataError: Error, CustomStringConvertible {
  /// The file that was looked for.
  public let path: String

  /// What was looked for and what to do.
  public var description: String {
    """
    shared data: no file at \(path), expected the shared data beside the checkout
      try: put it there, or unset CI to skip the tests that need it
    """
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips a test, and says why, where the shared data is missing; with `CI=true` it runs and fails.
  public static var requiresSharedData: Self {
    .enabled(
      if: SharedData.isPresent || SharedData.isRequired,
      "needs the shared data at \(SharedData.root.path), which is not there")
  }
}
