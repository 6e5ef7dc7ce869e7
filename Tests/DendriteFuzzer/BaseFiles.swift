// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint

/// The valid files that mutations start from: tiny models of both families and tokenizer kinds.
enum BaseFiles {
  static func make() throws -> [[UInt8]] {
    let llama = ModelShape(
      "fuzz-llama",
      ModelConfiguration(
        architecture: .llama, vocabularySize: 280, contextLength: 64, hiddenSize: 32,
        layerCount: 1, feedForwardSize: 64, headCount: 4, kvHeadCount: 2, headDim: 8,
        ropeBase: 500_000, hasRopeFrequencies: true),
      .llama3(firstSpecial: 270), frequencyFactor: 8)
    let qwen = ModelShape(
      "fuzz-qwen2",
      ModelConfiguration(
        architecture: .qwen2, vocabularySize: 272, contextLength: 64, hiddenSize: 256,
        layerCount: 1, feedForwardSize: 256, headCount: 4, kvHeadCount: 2, headDim: 64,
        isOutputTied: true, hasQKVBias: true),
      .qwen2(firstSpecial: 268))
    let sentencePiece = ModelShape(
      "fuzz-llama2",
      ModelConfiguration(
        architecture: .llama, vocabularySize: 512, contextLength: 64, hiddenSize: 32,
        layerCount: 1, feedForwardSize: 32, headCount: 2, kvHeadCount: 2, headDim: 16),
      .sentencePiece)
    let formats: [(ModelShape, String)] = [
      (llama, "Q4_0"), (llama, "F16"), (llama, "MXFP4"), (llama, "Q5_1"), (qwen, "Q4_K_M"),
      (qwen, "Q2_K"), (qwen, "Q3_K"), (qwen, "IQ4_XS"), (sentencePiece, "Q8_0"),
      (sentencePiece, "F32"), (sentencePiece, "IQ4_NL"),
    ]
    return try formats.compactMap { shape, name in
      guard let format = WeightFormat(named: name) else { return nil }
      return try ModelMaker(shape: shape, format: format).bytes()
    }
  }
}
