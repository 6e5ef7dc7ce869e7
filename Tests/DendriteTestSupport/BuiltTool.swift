// SPDX-License-Identifier: Apache-2.0
public import Foundation

/// A program of this package, run as a child process.
public enum BuiltTool {
  /// What a run left behind.
  public struct Result: Sendable {
    /// The exit status.
    public let status: Int32
    /// What it wrote to standard output.
    public let output: String
    /// What it wrote to standard error.
    public let errors: String
  }

  /// A tool was not built beside the tests.
  public struct Missing: Error, CustomStringConvertible {
    let name: String
    let folder: String
    /// What was looked for and what to do.
    public var description: String {
      "no '\(name)' in \(folder), expected it beside the tests\n  try: add it to the test target's dependencies"
    }
  }

  /// The folder of the build products.
  public static var products: URL {
    for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
      return bundle.bundleURL.deletingLastPathComponent()
    }
    return URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent()
  }

  /// Runs a tool to its end.
  public static func run(
    _ name: String, _ arguments: [String], input: Data? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    let executable = products.appendingPathComponent(name)
    guard FileManager.default.isExecutableFile(atPath: executable.path) else {
      throw Missing(name: name, folder: products.path)
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files rather than pipes: a child that writes much never waits for its reader.
    func file(_ name: String, _ content: Data) throws -> FileHandle {
      let url = folder.appendingPathComponent(name)
      try content.write(to: url)
      return try FileHandle(forUpdating: url)
    }
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = try file("input", input ?? Data())
    process.standardOutput = try file("output", Data())
    process.standardError = try file("errors", Data())
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
    }
    return Result(
      status: process.terminationStatus, output: try text("output"), errors: try text("errors"))
  }
}
