// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension Tag {
  /// Takes more than a second or two.
  @Tag static var slow: Self
}

/// Damaged files by the thousand, read by a child process that may die of them.
@Suite(.tags(.slow)) struct FuzzerTests {
  @Test func `ten thousand damaged files neither trap, hang nor exhaust memory`() throws {
    let folder = try TemporaryFolder()
    let state = folder.path("seed")
    let (status, output) = try run(["--cases", "10000", "--seed", "1", "--state", state])
    let last = (try? String(contentsOfFile: state, encoding: .utf8)) ?? "none"
    #expect(
      status == 0,
      "the last seed was \(last); `DendriteFuzzer --only \(last)` reproduces it\n\(output)")
    #expect(output.contains("10000 cases"))
  }

  @Test func `hundreds of damaged tokenizer files neither trap, hang nor exhaust memory`() throws {
    let folder = try TemporaryFolder()
    let state = folder.path("seed")
    let (status, output) = try run(
      ["--kind", "tokenizers", "--cases", "400", "--seed", "3", "--state", state])
    let last = (try? String(contentsOfFile: state, encoding: .utf8)) ?? "none"
    #expect(
      status == 0,
      """
      the last seed was \(last); `DendriteFuzzer --kind tokenizers --only \(last)` reproduces it
      \(output)
      """)
    let numbers = output.split { !$0.isNumber }.compactMap { Int($0) }
    // Cases, opened, configured, complete, vocabularies, tokenizers.
    #expect(numbers.count > 5 && numbers[0] == 400 && numbers[4] > 30 && numbers[5] > 25)
  }

  @Test func `the fuzzer reaches every stage of reading`() throws {
    let (status, output) = try run(["--cases", "300", "--seed", "2"])
    try #require(status == 0)
    let numbers = output.split { !$0.isNumber }.compactMap { Int($0) }
    // Cases, opened, configured, complete, vocabularies, tokenizers.
    #expect(numbers.prefix(6).allSatisfy { $0 > 10 }, "\(output)")
  }

  /// The fuzzer's exit status (negative: the signal that ended it) and what it printed.
  private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let executable = try #require(fuzzer(), "DendriteFuzzer was not built")
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let status = process.terminationStatus
    return (process.terminationReason == .exit ? status : -status, text)
  }

  /// The executable, beside the test bundle.
  private func fuzzer() -> URL? {
    var folders = [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0])]
    folders += Bundle.allBundles.map(\.bundleURL)
    for folder in folders {
      var parent = folder
      for _ in 0..<5 {
        let candidate = parent.appendingPathComponent("DendriteFuzzer")
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder),
          !isFolder.boolValue
        {
          return candidate
        }
        parent = parent.deletingLastPathComponent()
      }
    }
    return nil
  }
}
