// SPDX-License-Identifier: Apache-2.0
import DendriteTestSupport
import Foundation

/// The built `dendrite`, run as a child process.
struct CommandLineTool {
  /// What a run left behind.
  struct Outcome {
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var lines: [Substring] { text.split(separator: "\n") }
  }

  /// Runs the command with this standard input, and waits for its end.
  static func run(
    _ arguments: String..., input: [UInt8] = [], environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await run(arguments, input: input, environment: environment)
  }

  /// The same for a list.
  static func run(
    _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:]
  ) async throws -> Outcome {
    let child = try Child(arguments, environment: environment)
    try child.feed(input)
    return await child.outcome()
  }

  /// The program that was built together with the tests.
  static let executable: URL = {
    // Linux: the tests are a program in the build's folder. macOS: a bundle there.
    let folders = [
      Bundle(for: Anchor.self).bundleURL.deletingLastPathComponent(),
      Bundle(for: Anchor.self).bundleURL,
      Bundle.main.executableURL?.deletingLastPathComponent(),
    ]
    let candidates = folders.compactMap { $0?.appendingPathComponent("dendrite") }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) }
      ?? candidates[0]
  }()

  private final class Anchor {}
}

/// A running `dendrite`.
final class Child: @unchecked Sendable {
  // Sendable: the process and its pipes are made in `init`; each pipe has one reader or writer.
  let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errors = Pipe()

  /// Starts the command; its input is a pipe, unless there is a `terminal`.
  init(
    _ arguments: [String], environment: [String: String] = [:], terminal: FileHandle? = nil
  ) throws {
    process.executableURL = CommandLineTool.executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = terminal ?? input
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  /// Writes the whole standard input and closes it.
  func feed(_ bytes: [UInt8]) throws {
    // A child that ends early, for a wrong option, does not read its input.
    try? input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
  }

  /// The next bytes of the standard output, as soon as there are any; empty at its end.
  func nextOutput() async -> Data {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { [output] in
        continuation.resume(returning: output.fileHandleForReading.availableData)
      }
    }
  }

  /// Closes the reading end of the standard output.
  func closeOutput() throws { try output.fileHandleForReading.close() }

  /// What comes first on the standard error, up to a line break; the process goes on.
  func firstErrorLine() async throws -> String {
    var line: [UInt8] = []
    let reader = errors.fileHandleForReading
    while let byte = try reader.read(upToCount: 1)?.first, byte != 10 { line.append(byte) }
    return String(decoding: line, as: UTF8.self)
  }

  /// What the process left behind when it has ended.
  func outcome(readingOutput: Bool = true) async -> CommandLineTool.Outcome {
    async let output = readingOutput ? readAll(output) : Data()
    async let errors = readAll(errors)
    let (outputData, errorData) = await (output, errors)
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { [process] in
        process.waitUntilExit()
        continuation.resume()
      }
    }
    return CommandLineTool.Outcome(
      status: process.terminationStatus, output: outputData,
      errors: String(decoding: errorData, as: UTF8.self))
  }

  /// Reads a pipe on a thread of its own, because the other pipe may fill meanwhile.
  private func readAll(_ pipe: Pipe) async -> Data {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: pipe.fileHandleForReading.readDataToEndOfFile())
      }
    }
  }
}

/// A folder for one test's files, gone with it.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("dendrite-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the folder, written if there are bytes.
  func path(_ name: String, _ bytes: [UInt8]? = nil) throws -> String {
    let file = url.appendingPathComponent(name)
    if let bytes { try Data(bytes).write(to: file) }
    return file.path
  }
}
