// SPDX-License-Identifier: Apache-2.0

/// The fragments of a reply, as they are made.
///
/// The reply is made at the model's pace, whether somebody listens or not: fragments wait here, at
/// most one per token. When the stream and its iterators go, or the listening task is cancelled,
/// the reply ends at the next token. A cancelled listener gets a `CancellationError`, so that nobody
/// takes half a reply for a whole one.
///
/// One listener: only one task at a time may wait for a fragment.
public struct ReplyStream: AsyncSequence, Sendable {
  /// A token and the text that it completed.
  public typealias Element = Fragment
  /// What ends a reply early: `DecodingError` or `CancellationError`.
  public typealias Failure = any Error

  let fragments: AsyncThrowingStream<Fragment, any Error>
  let producer: Task<GenerationStatistics, any Error>

  /// What the reply cost; waits until it has ended.
  ///
  /// - Throws: what ended the reply early; being cancelled is no error here but a finish reason.
  public var statistics: GenerationStatistics {
    get async throws { try await producer.value }
  }

  /// Ends the reply at the next token; the fragments made so far stay readable.
  public func cancel() { producer.cancel() }

  /// Starts listening.
  public func makeAsyncIterator() -> Iterator {
    Iterator(base: fragments.makeAsyncIterator())
  }

  /// Hands out fragments as they are made.
  public struct Iterator: AsyncIteratorProtocol {
    var base: AsyncThrowingStream<Fragment, any Error>.Iterator

    /// The next fragment, or `nil` when the reply has ended.
    ///
    /// - Throws: `DecodingError`; `CancellationError` if the listening task was cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(any Error) -> Fragment? {
      if let fragment = try await base.next(isolation: actor) { return fragment }
      try Task.checkCancellation()
      return nil
    }
  }
}
