// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Notes what target, exit and drafter did when, side by side.
///
/// Any thread may note something; a recorder that is full notes nothing more.
public final class TraceRecorder: Sendable, Hashable {
  /// Who did something.
  public enum Lane: Int, Sendable, Hashable, CaseIterable {
    case target, exit, drafter, waiting
  }

  /// Something that was done.
  public struct Event: Sendable, Hashable {
    /// Who did it.
    public var lane: Lane
    /// What it was.
    public var name: String
    /// Seconds since the recorder was made.
    public var start: Double
    /// Seconds that it took.
    public var duration: Double
    /// Rows of a pass, guesses of a window.
    public var count: Int
  }

  /// Events that are kept.
  public static let limit = 200_000

  private let origin = ContinuousClock.now
  private let log = Mutex<[Event]>([])

  /// An empty recorder.
  public init() {}

  /// What was noted, in the order in which it ended.
  public var events: [Event] { log.withLock { $0 } }

  /// Notes what began at an instant and ends now.
  public func note(_ lane: Lane, _ name: String, since start: ContinuousClock.Instant, count: Int) {
    let now = ContinuousClock.now
    let event = Event(
      lane: lane, name: name, start: (start - origin) / .seconds(1),
      duration: (now - start) / .seconds(1), count: count)
    log.withLock { if $0.count < Self.limit { $0.append(event) } }
  }

  /// Two recorders are the same if they are one.
  public static func == (a: TraceRecorder, b: TraceRecorder) -> Bool { a === b }

  /// The recorder's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
