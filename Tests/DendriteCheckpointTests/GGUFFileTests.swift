// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import DendriteTestSupport
import Foundation
import Testing

@Suite struct GGUFFileTests {
  @Test func `the smallest valid file opens`() throws {
    let bytes =
      Array("GGUF".utf8) + [3, 0, 0, 0] + RawFile.integer(Int64(0)) + RawFile.integer(Int64(1))
      + RawFile.integer(UInt64(0x14)) + Array("general.architecture".utf8) + [8, 0, 0, 0]
      + RawFile.integer(UInt64(5)) + Array("llama".utf8)
    #expect(bytes.count == 69)
    let file = try GGUFFile(bytes: bytes)
    #expect(file.version == 3)
    #expect(file.architecture == "llama")
    #expect(file.metadata.keys == ["general.architecture"])
    #expect(file.tensors.isEmpty)
    #expect(file.alignment == 32)
  }

  @Test func `version 2 opens like version 3`() throws {
    var raw = RawFile()
    raw.version = 2
    #expect(try GGUFFile(bytes: raw.bytes).version == 2)
  }

  @Test func `what the writer writes, the reader reads`() throws {
    let writer = try Self.sample(alignment: 64)
    let folder = try TemporaryFolder()
    let path = folder.path("sample.gguf")
    var reports: [Int] = []
    try writer.write(to: path) { written, total in
      reports.append(written)
      #expect(total == writer.fileByteCount)
    }
    #expect(reports == reports.sorted())
    #expect(reports.last == writer.fileByteCount)
    #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) == writer.bytes())
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.root) == ["sample.gguf"])

    let file = try GGUFFile(path: path)
    #expect(file.alignment == 64)
    #expect(file.paths == [path])
    #expect(file.fileByteCount == writer.fileByteCount)
    #expect(try file.metadata.int("a.u8") == 255)
    #expect(try file.metadata.int("a.i8") == -128)
    #expect(try file.metadata.int("a.u16") == 65535)
    #expect(try file.metadata.int("a.i16") == -32768)
    #expect(try file.metadata.int("a.u32") == 4_294_967_295)
    #expect(try file.metadata.int("a.i32") == -2_147_483_648)
    #expect(try file.metadata.int("a.i64") == Int.min)
    #expect(file.metadata["a.u64"] == .unsigned(.max))
    #expect(try file.metadata.float("a.f32") == 0.5)
    #expect(try file.metadata.float("a.f64") == 0.1)
    #expect(try file.metadata.float("a.u8") == 255)
    #expect(try file.metadata.bool("a.bool") == true)
    #expect(try file.metadata.string("a.string") == "dendrite · ▁")
    #expect(try file.metadata.strings("a.strings") == ["", "Ġ", "x y"])
    #expect(try file.metadata.integers("a.u16s") == [0, 65535])
    #expect(file.metadata["a.bools"] == .bools([true, false]))
    #expect(try file.metadata.floats("a.f32s") == [1, -2])
    #expect(try file.metadata.floats("a.f64s") == [0.25])
    #expect(try file.metadata.strings("a.none") == [])
    #expect(try file.metadata.int("absent") == nil)

    #expect(file.tensors.map(\.name) == ["ones", "codes", "cube"])
    let ones = try file.tensor(named: "ones")
    #expect(ones.info.shape == [3])
    #expect(ones.floats() == [1, 2, 3])
    let codes = try file.tensor(named: "codes")
    #expect(codes.info.rowLength == 32 && codes.info.rowCount == 5 && codes.info.rowBytes == 18)
    #expect(codes.info.byteCount == 90)
    #expect(codes.withUnsafeBytes { $0.map { $0 } } == (0..<90).map { UInt8($0) })
    #expect(codes.floats(rows: 1..<3) == decode(.q4_0, (18..<54).map { UInt8($0) }))
    #expect(try file.tensor(named: "cube").info.elementCount == 24)
    #expect(file.tensorIfPresent(named: "absent") == nil)
  }

  @Test func `a wrong type is named with what was found and expected`() throws {
    let file = try GGUFFile(bytes: Self.sample(alignment: 32).bytes())
    let error = #expect(throws: CheckpointError.self) { try file.metadata.int("a.string") }
    expect(
      error, .invalidValue,
      says: ["'a.string'", "a string ('dendrite · ▁')", "expected an integer"])
    #expect(throws: CheckpointError.self) { try file.metadata.int("a.u64") }
    #expect(throws: CheckpointError.self) { try file.metadata.string("a.u8") }
    #expect(throws: CheckpointError.self) { try file.metadata.bool("a.u8") }
    #expect(throws: CheckpointError.self) { try file.metadata.strings("a.f32s") }
  }

  @Test func `the writer refuses what readers would`() throws {
    var writer = GGUFWriter()
    try writer.add("key", uint32: 1)
    try writer.addTensor("t", shape: [32], type: .q8_0) { _, _ in }
    let taken = #expect(throws: CheckpointError.self) { try writer.add("key", uint32: 1) }
    expect(taken, .unwritable, says: ["'key'", "new key"])
    #expect(throws: CheckpointError.self) { try writer.add("kéy", uint32: 1) }
    let large = #expect(throws: CheckpointError.self) { try writer.add("n", uint32: -1) }
    expect(large, .unwritable, says: ["'n'", "fits uint32"])
    #expect(throws: CheckpointError.self) { try writer.add("s", .string("x"), as: .float32) }
    for (name, shape, type) in [
      ("t", [32], TensorType.f32), ("", [1], .f32), (String(repeating: "x", count: 64), [1], .f32),
      ("u", [33], .q8_0), ("u", [], .f32), ("u", [0], .f32), ("u", [1, 1, 1, 1, 1], .f32),
      ("u", [1 << 40, 1 << 40], .f32),
    ] {
      let error = #expect(throws: CheckpointError.self) {
        try writer.addTensor(name, shape: shape, type: type) { _, _ in }
      }
      expect(error, .unwritable, says: ["try: "])
    }
    #expect(try GGUFFile(bytes: writer.bytes()).tensors.count == 1)
  }

  @Test func `a file that cannot be finished leaves nothing behind`() async throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: CheckpointError.self) {
      try Self.sample(alignment: 32).write(to: folder.path("no/such/folder.gguf"))
    }
    expect(missing, .unwritable, says: ["folder.gguf", "create the folder", "errno"])
    try FileManager.default.createDirectory(
      atPath: folder.path("taken.gguf"), withIntermediateDirectories: false)
    let directory = #expect(throws: CheckpointError.self) {
      try Self.sample(alignment: 32).write(to: folder.path("taken.gguf"))
    }
    expect(directory, .unwritable, says: ["rename"])

    let path = folder.path("cancelled.gguf")
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      try Self.sample(alignment: 32).write(to: path)
    }
    task.cancel()
    let cancelled = await #expect(throws: CheckpointError.self) { try await task.value }
    expect(cancelled, .cancelled, says: ["cancelled.gguf", "no partial file"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.root) == ["taken.gguf"])
  }

  @Test func `paths that are no files are refused with the reason`() throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: CheckpointError.self) { try GGUFFile(path: folder.path("no")) }
    expect(missing, .unreadable, says: ["no file", "/no'", "errno 2", "check the path"])
    let directory = #expect(throws: CheckpointError.self) { try GGUFFile(path: folder.root) }
    expect(directory, .unreadable, says: ["is a directory", "the .gguf file itself"])
    try Data().write(to: URL(fileURLWithPath: folder.path("empty.gguf")))
    let empty = #expect(throws: CheckpointError.self) {
      try GGUFFile(path: folder.path("empty.gguf"))
    }
    expect(empty, .truncated, says: ["0 bytes", "download"])
    let device = #expect(throws: CheckpointError.self) { try GGUFFile(path: "/dev/null") }
    expect(device, .unreadable, says: ["not a regular file"])
  }

  @Test func `a mapping outlives the file that opened it`() throws {
    let folder = try TemporaryFolder()
    try Self.sample(alignment: 32).write(to: folder.path("a.gguf"))
    var file: GGUFFile? = try GGUFFile(path: folder.path("a.gguf"))
    let tensor = try #require(file?.tensorIfPresent(named: "ones"))
    file?.adviseWillNeed()
    file = nil
    tensor.file.adviseDontNeed(0..<tensor.file.count)
    tensor.file.adviseDontNeed(-5..<1 << 40)
    #expect(tensor.floats() == [1, 2, 3])
  }

  @Test(.requiresSharedData) func `a trained model made by others opens`() throws {
    let file = try GGUFFile(path: SharedData.path("stories260K/stories260K.gguf"))
    #expect(file.tensors.count == 48)
    #expect(file.metadata.count == 20)
    let model = try file.modelConfiguration()
    #expect(
      model
        == ModelConfiguration(
          architecture: .llama, name: "stories260K", vocabularySize: 512, contextLength: 512,
          hiddenSize: 64, layerCount: 5, feedForwardSize: 172, headCount: 8, kvHeadCount: 4,
          headDim: 8, rmsNormEpsilon: 1e-5, isOutputTied: file.tensorIfPresent(.output) == nil))
    try file.checkTensors(for: model)
    let embedding = try file.tensor(.tokenEmbedding, in: model).floats()
    #expect(embedding.allSatisfy { $0.isFinite } && embedding.contains { $0 != 0 })
  }

  /// A file with a value of every type and three tensors.
  static func sample(alignment: Int) throws -> GGUFWriter {
    var writer = GGUFWriter(alignment: alignment)
    try writer.add("general.architecture", string: "llama")
    try writer.add("a.u8", .integer(255), as: .uint8)
    try writer.add("a.i8", .integer(-128), as: .int8)
    try writer.add("a.u16", .integer(65535), as: .uint16)
    try writer.add("a.i16", .integer(-32768), as: .int16)
    try writer.add("a.u32", uint32: 4_294_967_295)
    try writer.add("a.i32", .integer(-2_147_483_648), as: .int32)
    try writer.add("a.i64", .integer(.min), as: .int64)
    try writer.add("a.u64", .unsigned(.max), as: .uint64)
    try writer.add("a.f32", float32: 0.5)
    try writer.add("a.f64", .float(0.1), as: .float64)
    try writer.add("a.bool", bool: true)
    try writer.add("a.string", string: "dendrite · ▁")
    try writer.add("a.strings", strings: ["", "Ġ", "x y"])
    try writer.add("a.u16s", .integers([0, 65535]), as: .uint16)
    try writer.add("a.bools", .bools([true, false]), as: .bool)
    try writer.add("a.f32s", float32s: [1, -2])
    try writer.add("a.f64s", .doubles([0.25]), as: .float64)
    try writer.add("a.none", strings: [])
    try writer.addTensor("ones", shape: [3], floats: [1, 2, 3])
    try writer.addTensor("codes", shape: [32, 5], type: .q4_0) { chunk, offset in
      for index in chunk.indices { chunk[index] = UInt8(offset + index) }
    }
    try writer.addTensor("cube", shape: [2, 3, 4], type: .i8) { chunk, _ in
      for index in chunk.indices { chunk[index] = 1 }
    }
    return writer
  }
}

/// A folder that vanishes with its last reference.
final class TemporaryFolder: Sendable {
  let root: String

  init() throws {
    root =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("dendrite-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  func path(_ name: String) -> String { root + "/" + name }
}
