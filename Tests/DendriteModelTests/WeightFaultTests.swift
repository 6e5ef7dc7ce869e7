// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Foundation
import Testing

/// Files that open, but whose weights cannot be right.
@Suite(.tags(.badInput)) struct WeightFaultTests {
  /// A golden checkpoint with some floats of a tensor replaced.
  private func damaged(_ tensor: String, at indices: Range<Int>, by value: Float) throws -> GGUFFile
  {
    let path = Repository.golden("logits/llama3.gguf")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let range = try GGUFFile(path: path).tensor(named: tensor).info.byteRange
    for index in indices {
      let start = range.lowerBound + index * 4
      withUnsafeBytes(of: value.bitPattern.littleEndian) {
        bytes.replaceSubrange(start..<start + 4, with: $0)
      }
    }
    return try GGUFFile(bytes: bytes)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `weights that are not finite are refused by tensor and row`(value: Float) throws {
    let file = try damaged("blk.1.ffn_up.weight", at: 5 * 128 + 3..<5 * 128 + 4, by: value)
    #expect {
      try CPUTransformer(file: file, machine: Machine())
    } throws: {
      "\($0)".contains("'blk.1.ffn_up.weight' has NaN or infinity in row 5")
        && "\($0)".contains("try: ")
    }
    let norm = try damaged("blk.0.attn_norm.weight", at: 7..<8, by: value)
    #expect {
      try CPUTransformer(file: norm, machine: Machine())
    } throws: { "\($0)".contains("'blk.0.attn_norm.weight'") && "\($0)".contains("index 7") }
  }

  @Test(arguments: [
    ("blk.0.attn_norm.weight", "in layer 0"), ("blk.1.ffn_norm.weight", "in layer 1"),
    ("output_norm.weight", "in the output head"),
  ])
  func `arithmetic that overflows is an error that names the layer`(
    tensor: String, place: String
  ) throws {
    let file = try damaged(tensor, at: 0..<128, by: 3e38)
    let transformer = try CPUTransformer(file: file, machine: Machine())
    let cache = try transformer.makeCache(capacity: 8, type: .f32)
    #expect {
      _ = try transformer.prefill([1, 2, 3], into: cache)
    } throws: { ($0 as? ModelError)?.code == .notFinite && "\($0)".contains(place) }
  }
}
