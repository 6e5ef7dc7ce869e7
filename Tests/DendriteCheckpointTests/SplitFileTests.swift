// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Foundation
import Testing

@Suite struct SplitFileTests {
  /// Writes three shards with two tensors each; `change` may spoil one of them.
  static func write(
    to folder: TemporaryFolder,
    change: (_ shard: Int, inout GGUFWriter) throws -> Void = { _, _ in }
  ) throws {
    for shard in 0..<3 {
      var writer = GGUFWriter()
      if shard == 0 { try writer.add("general.architecture", string: "llama") }
      try writer.add("split.no", .integer(Int64(shard)), as: .uint16)
      try writer.add("split.count", .integer(3), as: .uint16)
      try change(shard, &writer)
      for tensor in 0..<2 {
        let value = Float(10 * shard + tensor)
        try writer.addTensor("t\(shard).\(tensor)", shape: [2], floats: [value, -value])
      }
      try writer.write(to: folder.path(name(shard)))
    }
  }

  static func name(_ shard: Int) -> String { "m-0000\(shard + 1)-of-00003.gguf" }

  @Test(arguments: 0..<3)
  func `a split model opens from any of its shards`(shard: Int) throws {
    let folder = try TemporaryFolder()
    try Self.write(to: folder) { shard, writer in
      if shard == 0 { try writer.add("split.tensors.count", .integer(6), as: .int32) }
    }
    let file = try GGUFFile(path: folder.path(Self.name(shard)))
    #expect(file.architecture == "llama")
    #expect(file.paths == (0..<3).map { folder.path(Self.name($0)) })
    #expect(file.tensors.map(\.name) == ["t0.0", "t0.1", "t1.0", "t1.1", "t2.0", "t2.1"])
    #expect(try file.tensor(named: "t2.1").floats() == [21, -21])
  }

  @Test func `a missing shard is named with its path`() throws {
    let folder = try TemporaryFolder()
    try Self.write(to: folder)
    try FileManager.default.removeItem(atPath: folder.path(Self.name(1)))
    let error = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path(Self.name(2)))
    }
    expect(
      error, .incompleteSplit,
      says: ["shard 2 of 3", folder.path(Self.name(1)), "all 3 shards into one folder"])
  }

  @Test func `a tensor in two shards is refused`() throws {
    let folder = try TemporaryFolder()
    try Self.write(to: folder) { shard, writer in
      if shard == 2 { try writer.addTensor("t0.1", shape: [1], floats: [0]) }
    }
    let error = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path(Self.name(0)))
    }
    expect(error, .incompleteSplit, says: ["'t0.1'", "shard 1", "shard 3", "same revision"])
  }

  @Test func `a wrong total of tensors is refused`() throws {
    let folder = try TemporaryFolder()
    try Self.write(to: folder) { shard, writer in
      if shard == 0 { try writer.add("split.tensors.count", .integer(7), as: .int32) }
    }
    let error = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path(Self.name(0)))
    }
    expect(error, .incompleteSplit, says: ["6 tensors", "expected 7", "split.tensors.count"])
  }

  @Test func `shards under each other's names are refused`() throws {
    let folder = try TemporaryFolder()
    try Self.write(to: folder)
    let manager = FileManager.default
    try manager.moveItem(atPath: folder.path(Self.name(0)), toPath: folder.path("x"))
    try manager.moveItem(atPath: folder.path(Self.name(1)), toPath: folder.path(Self.name(0)))
    try manager.moveItem(atPath: folder.path("x"), toPath: folder.path(Self.name(1)))
    let error = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path(Self.name(0)))
    }
    expect(error, .incompleteSplit, says: ["says it is shard 2 of 3", "expected shard 1 of 3"])
  }

  @Test func `a shard under another name is refused`() throws {
    let folder = try TemporaryFolder()
    try Self.write(to: folder)
    let manager = FileManager.default
    try manager.copyItem(atPath: folder.path(Self.name(1)), toPath: folder.path("second.gguf"))
    let renamed = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path("second.gguf"))
    }
    expect(
      renamed, .incompleteSplit, says: ["one of 3 shards", "-00001-of-00003.gguf", "original"])
    try manager.copyItem(
      atPath: folder.path(Self.name(1)), toPath: folder.path("m-00001-of-00002.gguf"))
    let recounted = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path("m-00001-of-00002.gguf"))
    }
    expect(recounted, .incompleteSplit, says: ["2 shards in its name", "3 in 'split.count'"])
  }

  @Test func `a shard in memory alone is refused`() throws {
    var writer = GGUFWriter()
    try writer.add("split.count", .integer(2), as: .uint16)
    let bytes = writer.bytes()
    let error = #expect(throws: CheckpointError.self) { try GGUFFile(bytes: bytes) }
    expect(error, .incompleteSplit, says: ["one of 2 shards"])
  }
}
