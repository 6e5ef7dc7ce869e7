// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import Foundation

/// A safetensors file put together field by field, so that tests can put any of them wrong.
struct RawSafetensors {
  struct Tensor {
    var name: String
    var dtype = "F32"
    var shape: [Int]
    /// Begin and end; those that follow from the tensors before it if left out.
    var offsets: (Int, Int)?
    var bytes: [UInt8]?

    init(_ name: String, _ shape: [Int], dtype: String = "F32", offsets: (Int, Int)? = nil) {
      self.name = name
      self.shape = shape
      self.dtype = dtype
      self.offsets = offsets
    }
  }

  var tensors: [Tensor] = []
  /// Takes the place of the header that follows from the tensors.
  var header: String?
  /// Takes the place of the header's length.
  var headerLength: UInt64?
  /// Data behind those of the tensors; negative to leave some out.
  var extraBytes = 0

  static let sizes = ["F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "U8": 1]

  var bytes: [UInt8] {
    var position = 0
    var entries: [String] = []
    var data: [UInt8] = []
    for tensor in tensors {
      let count = tensor.shape.reduce(1, *) * (Self.sizes[tensor.dtype] ?? 1)
      let (begin, end) = tensor.offsets ?? (position, position + count)
      position = end
      entries.append(
        "\"\(tensor.name)\": {\"dtype\": \"\(tensor.dtype)\", \"shape\": \(tensor.shape), "
          + "\"data_offsets\": [\(begin), \(end)]}")
      data += tensor.bytes ?? [UInt8](repeating: 0, count: max(0, count))
    }
    let text = Array((header ?? "{\(entries.joined(separator: ", "))}").utf8)
    data += [UInt8](repeating: 0, count: max(0, extraBytes))
    data.removeLast(max(0, -extraBytes))
    return RawFile.integer(headerLength ?? UInt64(text.count)) + text + data
  }
}

/// A directory of a model, removed with its owner.
final class SavedModel {
  let url: URL
  var path: String { url.path }

  /// Writes a `config.json` and the weights of a tiny Llama, each changed as told.
  init(
    configuration: [String: Any?] = [:], without missing: Set<String> = [],
    weights: [String: [UInt8]]? = nil
  ) throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "model-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    var keys: [String: Any] = SavedModel.configuration.filter { !missing.contains($0.key) }
    for (key, value) in configuration { keys[key] = value ?? NSNull() }
    try write("config.json", JSONSerialization.data(withJSONObject: keys))
    let files =
      weights ?? ["model.safetensors": RawSafetensors(tensors: SavedModel.tensors()).bytes]
    for (name, bytes) in files { try write(name, Data(bytes)) }
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ data: Data) throws {
    try data.write(to: url.appendingPathComponent(name))
  }

  func write(_ name: String, text: String) throws { try write(name, Data(text.utf8)) }

  /// The keys of a tiny Llama.
  static let configuration: [String: any Sendable] = [
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 16,
    "num_hidden_layers": 1, "intermediate_size": 24, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 10, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5, "rope_theta": 10_000, "tie_word_embeddings": true,
  ]

  /// The tensors of the tiny Llama, all of one type.
  static func tensors(dtype: String = "F32") -> [RawSafetensors.Tensor] {
    let layer = "model.layers.0."
    let shapes: [(String, [Int])] = [
      ("model.embed_tokens.weight", [10, 16]), (layer + "input_layernorm.weight", [16]),
      (layer + "self_attn.q_proj.weight", [16, 16]), (layer + "self_attn.k_proj.weight", [8, 16]),
      (layer + "self_attn.v_proj.weight", [8, 16]), (layer + "self_attn.o_proj.weight", [16, 16]),
      (layer + "post_attention_layernorm.weight", [16]),
      (layer + "mlp.gate_proj.weight", [24, 16]), (layer + "mlp.up_proj.weight", [24, 16]),
      (layer + "mlp.down_proj.weight", [16, 24]), ("model.norm.weight", [16]),
    ]
    return shapes.map { RawSafetensors.Tensor($0.0, $0.1, dtype: dtype) }
  }
}

/// What opening a directory and checking everything in it throws.
func openingError(_ model: SavedModel) -> CheckpointError? {
  do throws(CheckpointError) {
    let directory = try ModelDirectory(path: model.path)
    try directory.checkTensors(for: directory.modelConfiguration())
    return nil
  } catch {
    return error
  }
}
