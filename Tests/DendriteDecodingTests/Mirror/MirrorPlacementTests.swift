// SPDX-License-Identifier: Apache-2.0
import Dendrite
import DendriteCheckpoint
import DendriteCompute
import DendriteDecoding
import DendriteModel
import DendriteTestSupport
import Testing

/// Which cores a target and its drafter get, and what finding out costs.
@Suite struct MirrorPlacementTests {
  private func load(_ machine: Machine) throws -> CPUTransformer {
    try CPUTransformer(
      file: GGUFFile(path: Repository.golden("logits/llama3.gguf")), machine: machine)
  }

  /// Passes of one row take so long, passes of several a second on three threads.
  @Test(arguments: [(1.0, true), (0.01, false)])
  func `the drafter is loaded once, wherever it will work`(
    draft: Double, isApart: Bool
  ) throws {
    let target = try load(Machine(threads: 3))
    let streams = try StreamVectors(
      file: StreamTests.streams(width: target.description.hiddenSize, count: 2),
      hiddenSize: target.description.hiddenSize)
    var loads = 0
    var timed = 0
    let placement = try MirrorPlacement.measured(
      7, target: target,
      drafter: { machine in
        loads += 1
        return DrafterModel(model: try load(machine), streams: streams)
      }, cores: nil, count: 3,
      seconds: { model, rows in
        timed += 1
        return rows == 1 ? draft : 3 / Double(model.machine.threads)
      })
    #expect(loads == 1 && timed == 4)
    #expect((placement.drafterMachine != nil) == isApart, "\(placement.description)")
    #expect(placement.drafter.streams?.count == 2)
    let drafter = try #require(placement.drafter.model as? CPUTransformer)
    #expect(drafter.fingerprint == target.fingerprint)
    #expect(placement.target.machine.threads == (isApart ? 2 : 3))
    #expect(drafter.machine.threads == (isApart ? 1 : 3))
    if isApart { #expect(placement.description.contains("instead of 8000000 µs")) }
    let model = try MirrorPlacement.seconds(drafter, rows: 1)
    #expect(model > 0)
  }
}
