// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Every tensor type: what a packed matrix multiplies is what the plain decoder reads.
@Suite struct FormatTests {
  static let types = TensorType.allCases.filter { !$0.isInteger && $0 != .f64 }

  @Test(arguments: types)
  func `a unit vector picks out a decoded column`(type: TensorType) throws {
    let rows = 37
    let columns = 512
    let machine = try Machine(threads: 2)
    let rowBytes = columns / type.blockLength * type.blockBytes
    var bytes = [UInt8](repeating: 0, count: rows * rowBytes)
    bytes.withUnsafeMutableBytes { RandomBlocks(type, seed: 5).fill($0, byteOffset: 0) }
    var decoded = [Float](repeating: 0, count: rows * columns)
    bytes.withUnsafeBytes { source in
      decoded.withUnsafeMutableBufferPointer { BlockCodec.dequantize(type, from: source, into: $0) }
    }
    let matrix = try bytes.withUnsafeBytes {
      try PackedMatrix(
        name: "w", type: Int(type.rawValue), rows: rows, columns: columns, source: $0.baseAddress!,
        rowBytes: rowBytes, machine: machine)
    }
    let activations = try Activations(capacity: 1, columns: columns)
    let kernels = RowKernels(machine.variant)
    let output = try AlignedBuffer<Float>(zeroed: rows)
    let largest = decoded.map(abs).max() ?? 0
    #expect(largest > 0)
    for column in 0..<columns {
      var unit = [Float](repeating: 0, count: columns)
      unit[column] = 1
      var view = activations.view(rows: 1)
      kernels.prepare(&view, row: 0, from: unit, columns: columns, asIntegers: matrix.usesIntegers)
      machine.multiply(view, Product(matrix, into: output.base, stride: rows))
      for row in 0..<rows {
        let want = decoded[row * columns + column]
        #expect(abs(output[row] - want) <= 4e-7 * largest, "\(type) row \(row) column \(column)")
      }
    }
  }

  @Test(arguments: WeightFormat.names)
  func `a model of every format runs, and close to its decoded twin`(name: String) throws {
    let format = try #require(WeightFormat(named: name))
    let file = try GGUFFile(bytes: ModelMaker(shape: .tinyLlama, format: format, seed: 3).bytes())
    let twin = try decodedTwin(of: file)
    let tokens = randomTokens(12, vocabulary: 256, seed: 4)
    let results = try [file, twin].map { file -> [Float] in
      let transformer = try CPUTransformer(file: file, machine: Machine(threads: 2))
      let cache = try transformer.makeCache(capacity: 16, type: .f32)
      return try transformer.prefill(tokens, into: cache).map(Float.init(bitPattern:))
    }
    let scale = results[1].map(abs).max() ?? 0
    let error = zip(results[0], results[1]).map { abs($0 - $1) }.max() ?? .infinity
    // Activations are 8-bit codes: a few parts in a hundred on random weights, none for floats.
    #expect(error <= 0.05 * scale, "\(name): \(error) of \(scale)")
  }

  /// The same model with every tensor decoded to F32.
  private func decodedTwin(of file: GGUFFile) throws -> GGUFFile {
    let format = try #require(WeightFormat(named: "f32"))
    var bytes = try ModelMaker(shape: .tinyLlama, format: format, seed: 3).bytes()
    let frame = try GGUFFile(bytes: bytes)
    for tensor in frame.tensors {
      let values = try file.tensor(named: tensor.name).floats()
      values.withUnsafeBytes { bytes.replaceSubrange(tensor.byteRange, with: $0) }
    }
    return try GGUFFile(bytes: bytes)
  }
}
