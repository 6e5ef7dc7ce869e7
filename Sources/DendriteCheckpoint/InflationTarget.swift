// SPDX-License-Identifier: Apache-2.0

/// The sizes that a small model is inflated to.
///
/// Heads keep their dimension and their grouping; where no number of heads is given, it grows with
/// the width.
public struct InflationTarget: Sendable, Hashable {
  /// What the target is called, for example `llama-3.2-1b` or `768x9x2048`.
  public let name: String
  /// Width of the residual stream.
  public let hiddenSize: Int
  /// Transformer blocks.
  public let layerCount: Int
  /// Width of the feed-forward network.
  public let feedForwardSize: Int
  /// The published shape that must be met whole, if it is one.
  let shape: ModelConfiguration?
  /// Rows of the embedding; `nil` keeps the small model's.
  public var vocabularySize: Int?

  /// A target of one's own: the small model's vocabulary, heads in proportion to the width.
  public init(name: String? = nil, hiddenSize: Int, layerCount: Int, feedForwardSize: Int) {
    self.name = name ?? "\(hiddenSize)x\(layerCount)x\(feedForwardSize)"
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.feedForwardSize = feedForwardSize
    shape = nil
    vocabularySize = nil
  }

  /// A published shape with its vocabulary.
  public init(_ shape: ModelShape) {
    name = shape.name
    hiddenSize = shape.configuration.hiddenSize
    layerCount = shape.configuration.layerCount
    feedForwardSize = shape.configuration.feedForwardSize
    self.shape = shape.configuration
    vocabularySize = shape.configuration.vocabularySize
  }

  /// Reads a published shape's name or three sizes, as in `768x9x2048`: width, layers, feed-forward.
  ///
  /// - Returns: `nil` for anything else, and for sizes that no model has.
  public init?(_ text: String) {
    if let shape = ModelShape(named: text) {
      self.init(shape)
      return
    }
    let sizes = text.lowercased().split(separator: "x", omittingEmptySubsequences: false)
      .map { Int($0) }
    guard sizes.count == 3, let width = sizes[0], let layers = sizes[1], let wide = sizes[2],
      Self.widths.contains(width), Self.widths.contains(wide), (1...1024).contains(layers)
    else { return nil }
    self.init(hiddenSize: width, layerCount: layers, feedForwardSize: wide)
  }

  /// The sizes of a model: inflating to them changes at most how its matrices are stored.
  public init(sizesOf model: ModelConfiguration) {
    self.init(
      name: "its own size", hiddenSize: model.hiddenSize, layerCount: model.layerCount,
      feedForwardSize: model.feedForwardSize)
  }

  private static var widths: ClosedRange<Int> { 1...(1 << 20) }
}
