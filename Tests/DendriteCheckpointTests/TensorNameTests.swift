// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Testing

@Suite struct TensorNameTests {
  static let model = ModelConfiguration(
    architecture: .llama, vocabularySize: 300, contextLength: 128, hiddenSize: 64, layerCount: 1,
    feedForwardSize: 160, headCount: 4, kvHeadCount: 2, headDim: 16)

  /// A file with all tensors of the model, but for some left out or of another shape.
  static func file(
    without missing: TensorName? = nil, changing changed: [TensorName: [Int]] = [:],
    adding added: [String: [Int]] = [:], type: TensorType = .f32
  ) throws -> GGUFFile {
    var writer = GGUFWriter()
    try writer.add("general.architecture", string: "llama")
    for name in TensorName.all(in: model) where name != missing {
      let shape = changed[name] ?? name.expectedShape(in: model).shape
      try writer.addTensor(name.description, shape: shape, type: type) { _, _ in }
    }
    for (name, shape) in added {
      try writer.addTensor(name, shape: shape, type: type) { _, _ in }
    }
    return try GGUFFile(bytes: writer.bytes())
  }

  @Test func `a complete file passes`() throws {
    let file = try Self.file(changing: [.attentionNorm(0): [64, 1, 1]])
    try file.checkTensors(for: Self.model)
    #expect(file.tensors.count == 12)
    #expect(Self.model.parameterCount == file.tensors.reduce(0) { $0 + $1.elementCount })
  }

  @Test(arguments: TensorName.all(in: model))
  func `a missing tensor is named`(name: TensorName) throws {
    let file = try Self.file(without: name)
    let error = #expect(throws: CheckpointError.self) { try file.checkTensors(for: Self.model) }
    expect(error, .missingTensor, says: ["'\(name)'", "among the 11", "complete model"])
  }

  @Test(arguments: TensorName.all(in: model))
  func `a wrong shape is shown beside the right one and its reason`(name: TensorName) throws {
    let (shape, reason) = name.expectedShape(in: Self.model)
    let wrong = shape.map { $0 + 8 }
    let file = try Self.file(changing: [name: wrong])
    let error = #expect(throws: CheckpointError.self) { try file.checkTensors(for: Self.model) }
    expect(
      error, .wrongShape,
      says: ["'\(name)' has shape \(wrong)", "expected \(shape)", "(\(reason))", "same revision"])
  }

  @Test func `a wrong shape reads as the guide shows`() throws {
    let file = try Self.file(changing: [.attentionK(0): [64, 64]])
    let error = #expect(throws: CheckpointError.self) {
      try file.tensor(.attentionK(0), in: Self.model)
    }
    #expect(
      error?.description == """
        checkpoint: tensor 'blk.0.attn_k.weight' has shape [64, 64], expected [64, 32]
                    (hiddenSize 64, kvHeadCount 2 × headDim 16)
          try: get metadata and weights from the same revision; `dendrite inspect` lists both
        """)
  }

  @Test func `fused q, k and v are named as the reason`() throws {
    let file = try Self.file(without: .attentionQ(0), adding: ["blk.0.attn_qkv.weight": [64, 128]])
    let error = #expect(throws: CheckpointError.self) {
      try file.tensor(.attentionQ(0), in: Self.model)
    }
    expect(error, .missingTensor, says: ["blk.0.attn_qkv.weight", "separate q, k and v"])
  }

  @Test func `a tensor that the model does not use is refused`() throws {
    let file = try Self.file(adding: ["blk.0.attn_output.bias": [64]])
    let error = #expect(throws: CheckpointError.self) { try file.checkTensors(for: Self.model) }
    expect(error, .unsupportedModel, says: ["'blk.0.attn_output.bias'", "'llama'"])
  }

  @Test func `weights of integers are refused`() throws {
    let file = try Self.file(type: .i32)
    let error = #expect(throws: CheckpointError.self) { try file.checkTensors(for: Self.model) }
    expect(error, .unsupportedTensorType, says: ["'token_embd.weight'", "I32", "Q8_0"])
  }
}
