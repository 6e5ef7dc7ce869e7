// SPDX-License-Identifier: Apache-2.0

extension GGUFFile: ModelSource {
  /// `GGUF`.
  public var formatName: String { "GGUF" }

  /// As llama.cpp spells it.
  public func spelling(of name: TensorName, in model: ModelConfiguration) -> String {
    if case .feedForwardNorm(let layer) = name, model.architecture == .gptOSS {
      return TensorName.attentionPostNorm(layer).description
    }
    return name.description
  }

  /// The contiguous dimension first.
  public func text(ofShape shape: [Int]) -> String { "\(shape)" }

  /// Of longrope the table for short contexts is in the configuration, the other is not used.
  public func mayIgnore(tensor name: String, in model: ModelConfiguration) -> Bool {
    guard case .divisors = model.ropeScaling else { return false }
    return name == "rope_factors_short.weight" || name == "rope_factors_long.weight"
  }

  /// The tensor of this name, or `nil`.
  public func tensorIfPresent(_ name: TensorName) -> TensorView? {
    tensorIfPresent(named: name.description)
  }

  /// The tensor of this name, of this shape (ne0 first); `reason` says where the shape comes from.
  ///
  /// - Throws: `.missingTensor` or `.wrongShape`, with both shapes and `reason`.
  public func tensor(
    _ name: TensorName, shape: [Int], because reason: String = ""
  ) throws(CheckpointError) -> TensorView {
    try tensor(named: name.description, shape: shape, because: reason)
  }
}
