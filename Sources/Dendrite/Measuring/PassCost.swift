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
  /// Positions that a row attends to at most; `nil` if to its whole history.
  package var attentionWindow: Int?
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
  package init(of model: CPUTransformer, file: GGUFFile, cacheType: CacheType) {
    let configuration = model.configuration
    var all = 0
    var integers = 0
    var head = 0
    for name in TensorName.all(in: configuration) {
      guard let tensor = file.tensorIfPresent(name)?.info, tensor.shape.count > 1 else { continue }
      switch name {
      case .tokenEmbedding: if configuration.isOutputTied { head = tensor.elementCount }
      case .output: head = tensor.elementCount
      default:
        all += tensor.elementCount
        if ![.f32, .f16, .bf16, .f64].contains(tensor.type) { integers += tensor.elementCount }
      }
    }
    weightBytes = model.description.weightByteCount
    cacheBytesPerPosition = CPUTransformer.cacheByteCount(of: configuration, type: cacheType)
    attentionWindow = configuration.slidingWindow
    productsPerRow = all
    productsPerOutput = head
    integerShare = all == 0 ? 0 : Double(integers) / Double(all)
  }

  /// Bytes that a pass reads behind a history of `context` tokens; its rows share the cache.
  package func bytes(context: Int) -> Double {
    let seen = min(context, attentionWindow ?? context)
    return Double(weightBytes) + Double(cacheBytesPerPosition) * Double(seen)
  }

  /// Multiply-adds of `rows` rows of which `outputs` ask for logits.
  package func products(rows: Int, outputs: Int) -> Double {
    Double(productsPerRow) * Double(rows) + Double(productsPerOutput) * Double(outputs)
  }
}
