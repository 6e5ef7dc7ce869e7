// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteTestSupport
import Foundation
import Testing

/// The programs that look at a whole run: one hash on all variants, no allocation per token.
@Suite(.tags(.slow)) struct ToolTests {
  static var isRelease: Bool {
    var isRelease = true
    assert(
      {
        isRelease = false; return true
      }())
    return isRelease
  }

  /// The bundled model, and one with soft caps, windows and GELU.
  static let traced = [Repository.bundledModel, Repository.golden("families/gemma2.gguf")]

  @Test(arguments: traced)
  func `a sampled text and all kernel outputs are the same on every variant`(
    model: String
  ) throws {
    let trace = FileManager.default.temporaryDirectory.appendingPathComponent(
      "\(UUID().uuidString).trace")
    defer { try? FileManager.default.removeItem(at: trace) }
    var hashes: Set<Substring> = []
    for variant in KernelVariant.available {
      let run = try BuiltTool.run(
        "DendriteTrace", [model, trace.path, variant.name])
      #expect(run.status == 0, "\(run.errors)")
      hashes.insert(run.output.drop { $0 != " " }.drop { $0 == " " })
    }
    #expect(hashes.count == 1)
    #expect(hashes.first?.contains("24 tokens") == true)
  }

  @Test(
    .enabled(if: ToolTests.isRelease, "a debug build allocates by itself; the release run counts"))
  func `forward, sampling and commit allocate nothing after prefill`() throws {
    let run = try BuiltTool.run("DendriteAllocations", [Repository.bundledModel])
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #if os(Linux)
      #expect(run.output.split(separator: "\n").count == 12)
    #endif
  }
}
