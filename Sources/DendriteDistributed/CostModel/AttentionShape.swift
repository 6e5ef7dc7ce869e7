// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// The sizes of a model that decide what its attention costs over ranks.
package struct AttentionShape: Sendable, Hashable {
  /// What it is called.
  package var name: String
  /// Layers with attention.
  package var layerCount: Int
  /// Query heads.
  package var headCount: Int
  /// Key/value heads.
  package var kvHeadCount: Int
  /// Width of one head.
  package var headDim: Int
  /// Bytes of all weights, which every rank reads for every token; 0 to leave them out.
  package var weightBytes: Double

  /// Describes a model.
  package init(
    _ name: String, layerCount: Int, headCount: Int, kvHeadCount: Int, headDim: Int,
    weightBytes: Double = 0
  ) {
    self.name = name
    self.layerCount = layerCount
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
    self.weightBytes = weightBytes
  }

  /// The published shapes that plans know by name, with weights of two bytes.
  ///
  /// - Source: the models' config.json files; parameter counts from their cards.
  package static let all: [AttentionShape] = [
    AttentionShape(
      "llama-3.2-1b", layerCount: 16, headCount: 32, kvHeadCount: 8, headDim: 64,
      weightBytes: 2 * 1.24e9),
    AttentionShape(
      "llama-3.1-8b", layerCount: 32, headCount: 32, kvHeadCount: 8, headDim: 128,
      weightBytes: 2 * 8.03e9),
    AttentionShape(
      "llama-3.1-70b", layerCount: 80, headCount: 64, kvHeadCount: 8, headDim: 128,
      weightBytes: 2 * 70.6e9),
    AttentionShape(
      "llama-3.1-405b", layerCount: 126, headCount: 128, kvHeadCount: 8, headDim: 128,
      weightBytes: 2 * 405.9e9),
  ]

  /// One layer of sixteen heads with keys of their own, which the paper's attention benchmark uses.
  ///
  /// - Source: Tree Attention (arXiv:2408.04093) §6.1.
  package static let paperBenchmark = AttentionShape(
    "16 heads × 128, one layer", layerCount: 1, headCount: 16, kvHeadCount: 16, headDim: 128)

  /// The shape of this name, whatever the case of its letters.
  package init?(named name: String) {
    guard let shape = AttentionShape.all.first(where: { $0.name == name.lowercased() }) else {
      return nil
    }
    self = shape
  }

  // MARK: Sizes

  /// Bytes of the keys and values of one position in one layer.
  ///
  /// - Parameter elementBytes: bytes of a stored value, scales included.
  /// - Returns: bytes.
  package func cacheBytes(elementBytes: Double) -> Double {
    2 * Double(kvHeadCount) * Double(headDim) * elementBytes
  }

  /// Bytes of the partial states of one row in one layer, as they travel.
  package func stateBytes(_ format: StateFormat, rows: Int = 1) -> Double {
    4 * Double(rows) * Double(headCount) * Double(format.floats(headDim: headDim))
  }
}

/// What a partial state looks like on the wire.
package enum StateFormat: Sendable, Hashable {
  /// m, l and n: the least that an exact merge needs.
  case minimal
  /// Ours: l on sixteen lanes by key, because the order of that sum is part of the number format.
  case dendrite

  /// Floats of one state.
  package func floats(headDim: Int) -> Int {
    switch self {
    case .minimal: headDim + 2
    case .dendrite: PartialStates.packedFloats(headDim: headDim)
    }
  }
}
