// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel

/// How many rows a prover compares, chosen so that a budget of seconds suffices.
package struct Effort: Sendable, Hashable {
  /// How fast a model is, in seconds.
  package struct Speed: Sendable, Hashable {
    /// A pass of one row.
    package var alone: Double
    /// A row of a pass of sixteen.
    package var among: Double

    /// A speed from its parts.
    package init(alone: Double, among: Double) {
      self.alone = alone
      self.among = among
    }

    /// Measures a model with a few passes, the first of which warms its buffers.
    init(of model: CPUTransformer) throws {
      let cache = try model.makeCache(capacity: 16, type: .f16)
      defer { model.release(cache) }
      func best(rows: Int) throws -> Double {
        var batch = RowBatch()
        batch.append(chain: Array(repeating: 0, count: rows), to: cache, lastOutput: .logits)
        return try (0..<3).reduce(Double.infinity) { best, _ in
          let start = Clock.seconds()
          try model.submit(batch).finish()
          try model.discard(cache)
          return min(best, Clock.seconds() - start)
        }
      }
      alone = try best(rows: 1)
      among = try best(rows: 16) / 16
    }
  }

  /// Tokens of the sequence that everything is compared with.
  package var sequence: Int
  /// Tokens of it that are compared for other cache types and operations on histories.
  package var short: Int
  /// Whether a row is compared among every number of rows from 2 to 33, or among four numbers.
  package var isThorough: Bool

  /// From all to hardly anything.
  ///
  /// Blocks of a cache hold 64 positions: 600 tokens fill several, 72 begin the second.
  static let levels = [
    Effort(sequence: 600, short: 100, isThorough: true),
    Effort(sequence: 200, short: 72, isThorough: true),
    Effort(sequence: 130, short: 72, isThorough: false),
    Effort(sequence: 80, short: 40, isThorough: false),
    Effort(sequence: 40, short: 24, isThorough: false),
    Effort(sequence: 24, short: 16, isThorough: false),
  ]

  /// The most that takes about 40 % of the budget; guesses, other kernels and the text take the rest.
  package static func most(for speed: Speed, budget: Double) -> Effort {
    levels.first { $0.seconds(speed) < 0.4 * budget } ?? levels[levels.count - 1]
  }

  /// What the proofs take, by the number of their rows.
  package func seconds(_ speed: Speed) -> Double {
    let alone = sequence + 2 * short + 60
    let among = 3 * sequence + 19 * short + (isThorough ? 1_200 : 600)
    return Double(alone) * speed.alone + Double(among) * speed.among
  }
}
