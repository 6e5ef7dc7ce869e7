// SPDX-License-Identifier: Apache-2.0
public import DendriteCheckpoint

/// What lets a model guess several tokens in one pass: a vector for each place ahead.
///
/// Row j behind a token is fed the vector P_j in place of an embedding, at the j-th position after the token's; it sees
/// what the token sees, the token, and the rows before it, and its scores are those of the token one place
/// further. No row of text sees such a row, so the model says what it says without them.
///
/// - Source: Speculative Streaming (arXiv:2402.11131), §3.1, lossless mode, with all layers multi-stream and
///   streams that begin as P_j.
public struct StreamVectors: Sendable {
  /// `[hiddenSize]` each, in order.
  public let vectors: [[Float]]

  /// Tokens that a pass guesses beside the next one (γ).
  public var count: Int { vectors.count }

  /// The vectors of a sidecar file.
  ///
  /// - Parameters:
  ///   - file: a GGUF file of type `adapter`, kind `dendrite.streams`.
  ///   - hiddenSize: the width of the model that it is for.
  ///   - fingerprint: that model's; a file that names another one is refused.
  /// - Throws: `badCheckpoint` if the file is something else or does not fit.
  public init(
    file: GGUFFile, hiddenSize: Int, fingerprint: UInt64? = nil
  ) throws(ModelError) {
    try AdapterFile.check(
      file, kind: AdapterKey.streams, hiddenSize: hiddenSize, fingerprint: fingerprint)
    let count = try AdapterFile.integer(AdapterKey.streamCount, in: file, range: 1...16)
    var vectors: [[Float]] = []
    for index in 1...count {
      vectors.append(
        try AdapterFile.matrix(AdapterKey.stream(index), in: file, columns: hiddenSize, rows: 1)
          .values)
    }
    self.vectors = vectors
  }
}
