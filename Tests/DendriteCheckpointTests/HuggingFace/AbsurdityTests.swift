// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteTestSupport
import Foundation
import Testing

/// Directories with damage that nobody thought of: they are read, or refused in words, and nothing traps.
@Suite(.tags(.badInput)) struct AbsurdityTests {
  static let families = [
    "gemma2", "gemma3", "gpt-oss", "gpt-oss-mxfp4", "llama", "mistral", "mixtral", "phi3",
    "phi3-longrope", "qwen2", "qwen3", "qwen3moe", "smollm3",
  ]

  static let absurd: [String] = [
    "null", "true", "-1", "0", "1", "3", "0.5", "1e308", "-1e308", "4611686018427387904",
    "9223372036854775807", "1e400", "\"\"", "\"yarn\"", "[]", "[0]", "[1e300, -1]", "{}",
    "{\"factor\": 0}", "{\"rope_type\": \"yarn\", \"factor\": 1e6}",
    "{\"rope_type\": \"longrope\", \"short_factor\": [0, 0, 0, 0]}",
    "{\"full_attention\": 5}",
  ]

  /// What opening and checking throws, which must have the form of this room's errors.
  private func check(_ path: String, _ what: String) {
    do throws(CheckpointError) {
      let directory = try ModelDirectory(path: path)
      let model = try directory.modelConfiguration()
      try directory.checkTensors(for: model)
      for layer in 0..<model.layerCount {
        _ = (model.window(ofLayer: layer), model.rotation(ofLayer: layer))
      }
    } catch {
      let text = error.description
      #expect(text.contains("expected") && text.contains("\n  try: "), "\(what): \(text)")
    }
  }

  @Test(arguments: families)
  func `any key with any value`(family: String) throws {
    let source = Repository.golden("families/\(family)")
    let text = try String(contentsOfFile: source + "/config.json", encoding: .utf8)
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in try FileManager.default.contentsOfDirectory(atPath: source) {
      try FileManager.default.copyItem(
        atPath: source + "/" + name, toPath: folder.path + "/" + name)
    }
    let more = ["rope_scaling", "quantization_config", "text_config", "layer_types", "head_dim"]
    for key in Set(object.keys).union(more).sorted() {
      var rest = object
      rest[key] = nil
      let data = try JSONSerialization.data(withJSONObject: rest)
      let others = String(decoding: data, as: UTF8.self).dropFirst()
      for value in Self.absurd {
        try Data("{\"\(key)\": \(value), \(others)".utf8)
          .write(to: folder.appendingPathComponent("config.json"))
        check(folder.path, "\(key): \(value)")
      }
    }
  }

  @Test(arguments: 1...4)
  func `any byte of a header changed`(seed: Int) throws {
    var generator = SeededGenerator(seed: seed)
    let bytes = RawSafetensors(tensors: SavedModel.tensors()).bytes
    let model = try SavedModel()
    let length = bytes.count - SavedModel.tensors().reduce(0) { $0 + 4 * $1.shape.reduce(1, *) }
    for round in 0..<300 {
      var damaged = bytes
      for _ in 0...generator.below(3) {
        damaged[generator.below(length)] = UInt8(generator.below(256))
      }
      try model.write("model.safetensors", Data(damaged))
      check(model.path, "seed \(seed), round \(round)")
    }
  }
}
