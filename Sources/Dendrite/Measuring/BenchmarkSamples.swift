// SPDX-License-Identifier: Apache-2.0

/// What a benchmark saw: one value per repetition in every list, so that values with the same index
/// met the same machine.
package struct BenchmarkSamples: Sendable {
  /// How the rows of a verifying pass hang together.
  package enum Shape: String, Sendable, Hashable, CaseIterable {
    /// Each row follows the one before.
    case chain
    /// A binary tree of rows.
    case tree
  }

  /// One width of verifying passes.
  package struct Verification: Sendable {
    package var rows: Int
    package var shape: Shape
    /// Seconds a pass.
    package var seconds: [Double]

    /// A width, without samples unless given.
    package init(rows: Int, shape: Shape, seconds: [Double] = []) {
      self.rows = rows
      self.shape = shape
      self.seconds = seconds
    }
  }

  /// One length of prompts.
  package struct Prefill: Sendable {
    package var length: Int
    /// Seconds a prompt.
    package var seconds: [Double]

    /// A length, without samples unless given.
    package init(length: Int, seconds: [Double] = []) {
      self.length = length
      self.seconds = seconds
    }
  }

  /// One way to choose a token.
  package struct Choosing: Sendable {
    package var name: String
    /// Seconds a token.
    package var seconds: [Double]

    /// A way, without samples unless given.
    package init(name: String, seconds: [Double] = []) {
      self.name = name
      self.seconds = seconds
    }
  }

  /// Bytes per second that all threads read.
  package var readRate: [Double] = []
  /// Int8 multiply-adds per second of all threads.
  package var int8Rate: [Double] = []
  /// Seconds a decoded token.
  package var decode: [Double] = []
  package var prefills: [Prefill] = []
  package var verifications: [Verification] = []
  package var choosing: [Choosing] = []
  /// Seconds of an operation whose parts do nothing.
  package var forkJoin: [Double] = []
  /// Seconds of an operation that begins when every thread has come.
  package var meeting: [Double] = []

  /// No samples yet.
  package init() {}
}
