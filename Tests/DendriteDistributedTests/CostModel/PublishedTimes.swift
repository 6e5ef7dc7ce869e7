// SPDX-License-Identifier: Apache-2.0
import DendriteDistributed
import Testing

/// What the paper measured: decoding ten tokens of a Llama, in seconds.
///
/// - Source: Tree Attention (arXiv:2408.04093), Tables 1 and 2.
struct PublishedTimes {
  struct Row {
    var context: Double
    var tree: Double
    var ring: Double
  }

  var system: String
  var ranks: Int
  var layerCount: Int
  /// Query heads × width: keys and values travelled once for each query head.
  var width: Double
  var rows: [Row]

  static let h100 = PublishedTimes(
    system: "8 × H100", ranks: 8, layerCount: 32, width: 4096,
    rows: [
      Row(context: 32e3, tree: 0.60, ring: 2.57), Row(context: 64e3, tree: 1.08, ring: 4.42),
      Row(context: 128e3, tree: 2.68, ring: 6.38), Row(context: 256e3, tree: 2.89, ring: 8.19),
    ])
  static let mi300x = PublishedTimes(
    system: "4 × MI300X", ranks: 4, layerCount: 32, width: 4096,
    rows: [
      Row(context: 32e3, tree: 1.05, ring: 3.57), Row(context: 64e3, tree: 2.36, ring: 7.33),
      Row(context: 128e3, tree: 6.43, ring: 16.40), Row(context: 256e3, tree: 15.30, ring: 35.12),
    ])
  static let rtx4090 = PublishedTimes(
    system: "2 × 4090", ranks: 2, layerCount: 16, width: 2048,
    rows: [
      Row(context: 8000, tree: 0.34, ring: 1.38), Row(context: 16_000, tree: 0.58, ring: 2.77),
      Row(context: 20_000, tree: 0.74, ring: 3.47), Row(context: 32_000, tree: 1.01, ring: 5.45),
    ])

  /// Decoding steps in a run: the first of ten tokens comes from the prompt.
  static let steps = 9.0

  /// Seconds that the ring took longer, in one layer of one step.
  func gap(_ row: Row) -> Double { (row.ring - row.tree) / Self.steps / Double(layerCount) }

  /// Bytes that a rank moved meanwhile, if keys and values travel once for each query head in sixteen bits.
  func movedBytes(_ row: Row) -> Double {
    Double(ranks - 1) * 2 * row.context / Double(ranks) * width * 2
  }
}

extension AttentionShape {
  /// A published shape that must be there.
  static func known(_ name: String) throws -> AttentionShape {
    try #require(AttentionShape(named: name))
  }
}
