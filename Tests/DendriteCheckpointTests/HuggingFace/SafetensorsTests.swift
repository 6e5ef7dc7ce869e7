// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteTestSupport
import Foundation
import Testing

/// Headers of safetensors files that are right, and every way in which one can be wrong.
@Suite struct SafetensorsTests {
  /// What a file as the only weights of a model is answered with.
  private func error(_ file: RawSafetensors) throws -> CheckpointError? {
    openingError(try SavedModel(weights: ["model.safetensors": file.bytes]))
  }

  @Test func `a whole file opens, in whatever order its header lists tensors`() throws {
    var file = RawSafetensors(tensors: SavedModel.tensors())
    #expect(try error(file) == nil)
    let entries = [
      #""b": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]}"#,
      #""__metadata__": {"format": "pt"}"#,
      #""a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}"#,
    ]
    file = RawSafetensors(header: "{\(entries.joined(separator: ","))}   ", extraBytes: 32)
    let model = try SavedModel(weights: ["model.safetensors": file.bytes])
    let directory = try ModelDirectory(path: model.path)
    #expect(directory.tensors.map(\.name) == ["a", "b"])
    #expect(directory.tensors.map(\.shape) == [[4], [3, 2]])
    #expect(directory.tensors.map(\.type) == [.bf16, .f32])
  }

  @Test func `eight-bit and sixteen-bit floats are what PyTorch widens them to`() throws {
    let model = try SavedModel(weights: [
      "model.safetensors": [UInt8](
        try Data(
          contentsOf: URL(
            fileURLWithPath: Repository.golden("families/dtypes.safetensors"))))
    ])
    let directory = try ModelDirectory(path: model.path)
    for (name, type) in [
      ("f8_e4m3", TensorType.f8_e4m3), ("f8_e5m2", .f8_e5m2), ("f16", .f16), ("bf16", .bf16),
    ] {
      let stored = try directory.tensor(named: name)
      #expect(stored.info.type == type)
      let got = stored.floats()
      let want = try directory.tensor(named: name + ".widened").floats()
      #expect(got.count == want.count && got.count >= 256)
      for (index, pair) in zip(got, want).enumerated() {
        let (g, w) = pair
        #expect(
          g.bitPattern == w.bitPattern || (g.isNaN && w.isNaN), "\(name) \(index): \(g), \(w)")
      }
    }
  }

  struct Fault: CustomTestStringConvertible, Sendable {
    let name: String
    let code: CheckpointError.Code
    let words: [String]
    let change: @Sendable (inout RawSafetensors) -> Void
    var testDescription: String { name }

    init(
      _ name: String, _ code: CheckpointError.Code, _ words: [String],
      _ change: @escaping @Sendable (inout RawSafetensors) -> Void
    ) {
      self.name = name
      self.code = code
      self.words = words
      self.change = change
    }
  }

  static let faults: [Fault] = [
    Fault("a header longer than the file", .truncated, ["ends inside its header"]) {
      $0.headerLength = 90_000
    },
    Fault("a huge header", .malformed, ["100000001", "2 to 100000000"]) {
      $0.headerLength = 100_000_001
    },
    Fault("a header of 2^63 bytes", .malformed, ["9223372036854775808"]) {
      $0.headerLength = 1 << 63
    },
    Fault("a header of all ones", .malformed, ["18446744073709551615"]) { $0.headerLength = .max },
    Fault("a header of no bytes", .malformed, ["0 bytes"]) { $0.headerLength = 0 },
    Fault("a header that is no JSON", .malformed, ["not JSON"]) { $0.header = "{nonsense}" },
    Fault("a header that is an array", .malformed, ["byte 91", "'{'"]) { $0.header = "[1, 2]" },
    Fault("a header nested too deep", .malformed, ["levels"]) {
      $0.header = String(repeating: "{\"a\":", count: 12) + "1" + String(repeating: "}", count: 12)
    },
    Fault("a tensor twice", .malformed, ["already"]) { $0.tensors.append($0.tensors[1]) },
    Fault("an entry that is no object", .malformed, ["'x'", "no object"]) {
      $0.header = #"{"x": 5}"#
    },
    Fault("metadata that are no strings", .malformed, ["__metadata__"]) {
      $0.header = #"{"__metadata__": {"a": 1}}"#
    },
    Fault("no dtype", .malformed, ["'x'", "dtype"]) {
      $0.header = #"{"x": {"shape": [1], "data_offsets": [0, 4]}}"#
    },
    Fault("no shape", .malformed, ["'x'", "shape"]) {
      $0.header = #"{"x": {"dtype": "F32", "data_offsets": [0, 4]}}"#
    },
    Fault("a negative dimension", .malformed, ["shape"]) {
      $0.header = #"{"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#
    },
    Fault("a dimension with a fraction", .malformed, ["shape"]) {
      $0.header = #"{"x": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 6]}}"#
    },
    Fault("a shape beyond all memory", .malformed, ["2^63"]) {
      $0.header =
        #"{"x": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}}"#
    },
    Fault("one offset", .malformed, ["data_offsets"]) {
      $0.header = #"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}"#
    },
    Fault("offsets in the wrong order", .malformed, ["data_offsets"]) {
      $0.tensors[0].offsets = (640, 0)
    },
    Fault("fewer bytes than the shape needs", .malformed, ["636 bytes", "expected 640"]) {
      $0.tensors[0].offsets = (0, 636)
    },
    Fault("data outside the file", .truncated, ["model.norm.weight", "expected at"]) {
      $0.extraBytes = -4
    },
    Fault("an overlap", .malformed, ["inside those of tensor 'model.embed_tokens.weight'"]) {
      $0.tensors[1].offsets = (636, 700)
    },
    Fault("a gap", .malformed, ["no tensor has the bytes 640 to 644"]) {
      $0.tensors[1].offsets = (644, 708)
      $0.extraBytes = 4
    },
    Fault("bytes behind the data", .malformed, ["12 bytes follow"]) { $0.extraBytes = 12 },
    Fault("an unknown type", .unsupportedTensorType, ["'F4'", "F8_E4M3"]) {
      $0.tensors[0].dtype = "F4"
    },
    Fault("weights of integers", .unsupportedTensorType, ["'model.embed_tokens.weight'", "I64"]) {
      $0.tensors[0].dtype = "I64"
    },
    Fault(
      "another shape", .wrongShape, ["has shape [12, 16], expected [10, 16]", "vocabularySize 10"]
    ) {
      $0.tensors[0].shape = [12, 16]
    },
    Fault("a missing tensor", .missingTensor, ["'model.layers.0.mlp.up_proj.weight'", "'llama'"]) {
      $0.tensors.removeAll { $0.name.contains("up_proj") }
    },
    Fault(
      "a tensor too many", .unsupportedModel, ["'model.layers.0.mlp.up_proj.bias'", "no place"]
    ) {
      $0.tensors.append(.init("model.layers.0.mlp.up_proj.bias", [24]))
    },
  ]

  @Test(.tags(.badInput), arguments: faults)
  func `a broken file is refused with what is wrong`(fault: Fault) throws {
    var file = RawSafetensors(tensors: SavedModel.tensors())
    fault.change(&file)
    let found = try error(file)
    #expect(found != nil)
    expect(found, fault.code, says: fault.words)
  }

  @Test(.tags(.badInput), arguments: [1, 7, 8, 9, 100, 700])
  func `a file cut short is refused`(length: Int) throws {
    let bytes = RawSafetensors(tensors: SavedModel.tensors()).bytes
    let model = try SavedModel(weights: ["model.safetensors": Array(bytes.prefix(length))])
    let error = openingError(model)
    #expect(error?.code == .truncated)
    expect(error, .truncated, says: ["model.safetensors"])
  }

  @Test func `buffers of old versions and a head that is tied anyway do no harm`() throws {
    var file = RawSafetensors(tensors: SavedModel.tensors())
    file.tensors.append(.init("model.layers.0.self_attn.rotary_emb.inv_freq", [4]))
    file.tensors.append(.init("lm_head.weight", [10, 16]))
    #expect(try error(file) == nil)
  }
}
