// SPDX-License-Identifier: Apache-2.0
import DendriteCompute
import DendriteTestSupport
import Foundation

/// One softmax over all keys in F64, of the very numbers that the kernels are given.
enum ReferenceAttention {
  struct Result {
    var output: [Double]
    /// log₂ Σ 2ˢ.
    var energy: Double
    /// The largest score in base 2, without its sign.
    var largestScore: Double
  }

  /// Attends with a query `[headDim]`, scaled for scores in base 2, to keys and values `[key][headDim]`.
  static func attend(
    _ query: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    count: Int, headDim: Int
  ) -> Result {
    // Plain loops over pointers: this runs without optimisation, over up to 65,536 keys.
    var scores = [Double](repeating: 0, count: count)
    var highest = -Double.infinity
    var largest = 0.0
    scores.withUnsafeMutableBufferPointer { scores in
      var key = 0
      while key < count {
        let row = keys + key * headDim
        var sum = 0.0
        var channel = 0
        while channel < headDim {
          sum += Double(query[channel]) * Double(row[channel])
          channel += 1
        }
        scores[key] = sum
        if sum > highest { highest = sum }
        if abs(sum) > largest { largest = abs(sum) }
        key += 1
      }
    }
    var output = [Double](repeating: 0, count: headDim)
    var sum = 0.0
    output.withUnsafeMutableBufferPointer { output in
      var key = 0
      while key < count {
        let weight = exp2(scores[key] - highest)
        sum += weight
        let row = values + key * headDim
        var channel = 0
        while channel < headDim {
          output[channel] += weight * Double(row[channel])
          channel += 1
        }
        key += 1
      }
    }
    return Result(
      output: output.map { $0 / sum }, energy: highest + log2(sum), largestScore: largest)
  }

  /// The largest difference between outputs.
  static func difference(_ left: some Sequence<Float>, _ right: some Sequence<Double>) -> Double {
    var worst = 0.0
    for (left, right) in zip(left, right) {
      let difference = abs(Double(left) - right)
      // A NaN is no small difference.
      if !(difference <= worst) { worst = difference.isNaN ? .infinity : difference }
    }
    return worst
  }
}

/// Many normal numbers at little cost, drawn from a table by a linear congruence.
struct NormalTable {
  private static let table: [Float] = {
    var normal = NormalGenerator(seed: 20_240_807)
    return (0..<1 << 14).map { _ in Float(normal.next()) }
  }()
  private var state: UInt64

  init(seed: Int) {
    var generator = SeededGenerator(seed: seed)
    state = generator.next()
  }

  /// Fills memory, rounding each number.
  mutating func fill(
    _ memory: UnsafeMutablePointer<Float>, count: Int, rounding: (Float) -> Float = { $0 }
  ) {
    Self.table.withUnsafeBufferPointer { table in
      var index = 0
      while index < count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        memory[index] = rounding(table[Int(truncatingIfNeeded: state >> 50)])
        index += 1
      }
    }
  }

  mutating func array(_ count: Int) -> [Float] {
    var result = [Float](repeating: 0, count: count)
    result.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { fill(base, count: count) }
    }
    return result
  }
}

/// The nearest bfloat16, ties to even.
func roundedToBFloat(_ value: Float) -> Float {
  let bits = value.bitPattern
  let rounded = bits &+ 0x7fff &+ (bits >> 16 & 1)
  return Float(bitPattern: rounded & 0xffff_0000)
}

/// The nearest half-precision number, ties to even.
func roundedToHalf(_ value: Float) -> Float {
  let half = Float16(value)
  return Float(half)
}
