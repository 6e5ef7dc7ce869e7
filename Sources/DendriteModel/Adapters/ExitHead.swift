// SPDX-License-Identifier: Apache-2.0
public import DendriteCheckpoint

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Reads an early guess of the next token off a hidden state in the middle of a model.
///
/// Without weights the model's own final norm and head are used as they are (the control). With them the
/// state h goes through a low-rank correction first:
///
///     r = h / √(mean(h²) + ε)        h′ = h + U · silu(D · r)        D [rank, d], U [d, rank]
///
/// A guess decides which drafts are prepared, never what the model says; so the sums here have no fixed order.
///
/// - Source: Mirror-SD (arXiv:2510.13161), §3.1, reads the raw state; a trained correction on a frozen model
///   as the pruning head of Speculative Streaming (arXiv:2402.11131), §3.
public struct ExitHead: Sendable {
  /// The layers before the exit.
  public let layer: Int
  /// Whether a trained correction is applied.
  public var isTrained: Bool { rank > 0 }

  private let epsilon: Float
  private let rank: Int
  private let width: Int
  private let down: [Float]
  private let up: [Float]

  /// The control: the state as it is.
  public init(rawAfter layer: Int) {
    self.layer = layer
    epsilon = 0
    rank = 0
    width = 0
    down = []
    up = []
  }

  /// A trained exit of a sidecar file.
  ///
  /// - Parameters:
  ///   - file: a GGUF file of type `adapter`, kind `dendrite.exits`.
  ///   - layer: the layers before the exit, one of those in the file.
  ///   - hiddenSize: the width of the model that it is for.
  ///   - fingerprint: that model's; a file that names another one is refused.
  /// - Throws: `badCheckpoint` if the file is something else or does not fit.
  public init(
    file: GGUFFile, layer: Int, hiddenSize: Int, fingerprint: UInt64? = nil
  ) throws(ModelError) {
    let layers = try Self.layers(in: file, hiddenSize: hiddenSize, fingerprint: fingerprint)
    guard layers.contains(layer) else {
      throw ModelError(
        .badCheckpoint, "no exit after layer \(layer), expected one of \(layers)",
        remedy: "choose one of these layers")
    }
    let down = try AdapterFile.matrix(
      AdapterKey.down(layer), in: file, columns: hiddenSize, rows: nil)
    rank = down.rows
    self.layer = layer
    self.down = down.values
    up = try AdapterFile.matrix(
      AdapterKey.up(layer), in: file, columns: rank, rows: hiddenSize
    ).values
    width = hiddenSize
    epsilon = try AdapterFile.positive(
      AdapterKey.exitEpsilon, in: file, usual: AdapterKey.usualExitEpsilon)
  }

  /// The layers that a sidecar file has exits for, ascending.
  ///
  /// - Throws: `badCheckpoint` if the file is something else or does not fit.
  public static func layers(
    in file: GGUFFile, hiddenSize: Int, fingerprint: UInt64? = nil
  ) throws(ModelError) -> [Int] {
    try AdapterFile.check(
      file, kind: AdapterKey.exits, hiddenSize: hiddenSize, fingerprint: fingerprint)
    return try AdapterFile.integers(AdapterKey.exitLayers, in: file)
  }

  /// The state that the model's final norm and head read.
  ///
  /// - Shapes: both `[hiddenSize]`.
  public func adapt(
    _ hidden: UnsafeBufferPointer<Float>, into adapted: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(adapted.count == hidden.count, "\(adapted.count) for \(hidden.count) values")
    _ = adapted.update(fromContentsOf: hidden)
    guard rank > 0, hidden.count == width else { return }
    var squares: Float = 0
    for value in hidden { squares += value * value }
    let scale = 1 / (squares / Float(width) + epsilon).squareRoot()
    down.withUnsafeBufferPointer { down in
      up.withUnsafeBufferPointer { up in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rank) { middle in
          for row in 0..<rank {
            var sum = SIMD16<Float>.zero
            var index = 0
            while index + 16 <= width {
              sum += Self.load(down, row * width + index) * Self.load(hidden, index)
              index += 16
            }
            var total = sum.sum()
            while index < width {
              total += down[row * width + index] * hidden[index]
              index += 1
            }
            total *= scale
            middle[row] = total / (1 + exp(-total))
          }
          for row in 0..<width {
            var total: Float = 0
            for index in 0..<rank { total += up[row * rank + index] * middle[index] }
            adapted[row] += total
          }
        }
      }
    }
  }

  private static func load(_ values: UnsafeBufferPointer<Float>, _ index: Int) -> SIMD16<Float> {
    UnsafeRawPointer(values.baseAddress.unsafelyUnwrapped + index)
      .loadUnaligned(as: SIMD16<Float>.self)
  }
}
