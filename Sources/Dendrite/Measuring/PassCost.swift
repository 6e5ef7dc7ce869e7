// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteModel

/// What a pass must do at least: bytes to read and products to form.
///
/// Products are those of the matrices; attention and norms are not counted, so a share of the
/// integer rate that is computed from them is a little too small, never too large.
package struct PassCost: Sendable, Hashable {
  /// Bytes of weights that any pass with an output row reads.
  package var weightBytes: Int
  /// Bytes that a row reads for each position that it attends to.
  package var cacheBytesPerPosition: Int
  /// Positions that a row attends to at most in layers with a window; `nil` if to its whole history.
  package var attentionWindow: Int?
  /// The part of the layers that the window narrows, 0 to 1.
  package var windowedShare = 1.0
  /// Multiply-adds of one row in all layers.
  package var productsPerRow: Int
  /// Multiply-adds of the head, for rows that ask for logits.
  package var productsPerOutput: Int
  /// The part of the layers' products whose weights are stored as integers, 0 to 1.
  package var integerShare: Double

  /// A cost from its parts.
  package init(
    weightBytes: Int, cacheBytesPerPosition: Int, attentionWindow: Int? = nil,
    productsPerRow: Int, productsPerOutput: Int, integerShare: Double
  ) {
    self.weightBytes = weightBytes
    self.cacheBytesPerPosition = cacheBytesPerPosition
    self.attentionWindow = attentionWindow
    self.productsPerRow = productsPerRow
    self.productsPerOutput = productsPerOutput
    self.integerShare = integerShare
  }

  /// The cost of passes over a model.
  ///
  /// - Precondition: `model` was loaded from `file`.
  package init(of model: CPUTransformer, file: any ModelSource, cacheType: CacheType) {
    let configuration = model.configuration
    var all = 0
    var integers = 0
    var head = 0
    for name in TensorName.all(in: configuration) {
      guard let tensor = file.tensorIfPresent(name, in: configuration)?.info, tensor.shape.count > 1
      else { continue }
      switch name {
      case .tokenEmbedding: if configuration.isOutputTied { head = tensor.elementCount }
      case .output: head = tensor.elementCount
      default:
        let products = PassCost.products(of: name, tensor, in: configuration)
        all += products
        if ![.f32, .f16, .bf16, .f64, .f8_e4m3, .f8_e5m2].contains(tensor.type) {
          integers += products
        }
      }
    }
    weightBytes = model.description.weightByteCount
    cacheBytesPerPosition = CPUTransformer.cacheByteCount(of: configuration, type: cacheType)
    attentionWindow = configuration.slidingWindow
    let layers = 0..<configuration.layerCount
    let windowed = layers.filter { configuration.window(ofLayer: $0) != nil }
    windowedShare = Double(windowed.count) / Double(layers.count)
    productsPerRow = all
    productsPerOutput = head
    integerShare = all == 0 ? 0 : Double(integers) / Double(all)
  }

  /// Bytes that a pass reads behind a history of `context` tokens; its rows share the cache.
  package func bytes(context: Int) -> Double {
    let narrow = Double(min(context, attentionWindow ?? context))
    let seen = windowedShare * narrow + (1 - windowedShare) * Double(context)
    return Double(weightBytes) + Double(cacheBytesPerPosition) * seen
  }

  /// Multiply-adds of a row; of experts those that it goes through.
  private static func products(
    of name: TensorName, _ tensor: TensorInfo, in model: ModelConfiguration
  ) -> Int {
    guard let experts = model.experts else { return tensor.elementCount }
    return switch name {
    case .expertGates, .expertUps, .expertDowns, .expertGate, .expertUp, .expertDown:
      tensor.elementCount * experts.usedCount / experts.count
    default: tensor.elementCount
    }
  }

  /// Multiply-adds of `rows` rows of which `outputs` ask for logits.
  package func products(rows: Int, outputs: Int) -> Double {
    Double(productsPerRow) * Double(rows) + Double(productsPerOutput) * Double(outputs)
  }
}
