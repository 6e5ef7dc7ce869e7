// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel
internal import Synchronization

/// Lends a drafter to targets elsewhere, one at a time; others are told so and may come again.
///
/// There is no encryption and no password: listen on the loopback, or on a network that is yours.
public final class MirrorServer: Sendable {
  private let model: DrafterModel
  private let claim: DrafterModel.Claim
  private let greeting: MirrorGreeting
  private let socket: TCPSocket
  private let length: Int
  /// Since when a target is served, and how many came meanwhile; `nil` while none is.
  private let busy = Mutex<(since: ContinuousClock.Instant, turnedAway: Int)?>(nil)
  /// Where it listens.
  public let port: Int

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - model: the drafter; nobody else may call it.
  ///   - tokens: its vocabulary.
  ///   - host: an address of this computer.
  ///   - port: 0 takes any that is free.
  ///   - length: guesses in a window, at most.
  /// - Throws: `link`; `drafterInUse` if the drafter works for somebody already.
  public init(
    model: DrafterModel, tokens: [String], host: String = "127.0.0.1", port: Int = 0,
    length: Int = 16
  ) throws(DecodingError) {
    self.model = model
    claim = try model.claim(.alone)
    self.length = length
    let size = min(tokens.count, model.model.description.vocabularySize)
    greeting = MirrorGreeting(
      vocabularySize: size, vocabularyHash: SuffixMemory.vocabularyHash(of: tokens.prefix(size)))
    socket = try TCPSocket.listen(host: host, port: port)
    self.port = socket.port
  }

  /// Serves one target after another until `stop`; whoever comes meanwhile is sent away with a reason.
  ///
  /// - Parameter event: told in words what happens, on any thread; nothing of a prompt is in it.
  public func run(event: @escaping @Sendable (String) -> Void = { _ in }) {
    let visitors = Mailbox<TCPSocket>()
    let door = NativeThread.start { [self] in
      while let connection = socket.accept() {
        if let (since, count) = enter() {
          let seconds = (ContinuousClock.now - since) / .seconds(1)
          _ = connection.write(MirrorGreeting.refusal(busyFor: Int(seconds)))
          connection.shutDown()
          // Whoever waits asks again and again.
          if count == 1 { event("another target is told to wait: this one is served first") }
        } else {
          visitors.send(connection)
        }
      }
      visitors.close()
    }
    guard let door else { return event("the system gave no thread") }
    while let connection = visitors.receive() {
      event("a target has come")
      event(serve(connection))
      busy.withLock { $0 = nil }
    }
    door.join()
  }

  /// Takes the one place; or says since when it has been taken, and how many have come since.
  private func enter() -> (since: ContinuousClock.Instant, count: Int)? {
    busy.withLock { busy in
      busy?.turnedAway += 1
      if let busy { return (busy.since, busy.turnedAway) }
      busy = (.now, 0)
      return nil
    }
  }

  /// As `run`, on a thread of its own.
  ///
  /// - Throws: `noThread`.
  package func runOnThread(event: @escaping @Sendable (String) -> Void) async throws {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
      let thread = NativeThread.start { [self] in
        detachThread()
        run(event: event)
        done.resume()
      }
      if thread == nil {
        done.resume(
          throwing: DecodingError(
            .noThread, "the system gave no thread, expected one for the drafter",
            remedy: "end other programs, or raise the limit on threads (ulimit -u)"))
      }
    }
  }

  /// Ends `run` when the target that is served has gone.
  public func stop() { socket.shutDown() }

  private func serve(_ connection: TCPSocket) -> String {
    connection.setReadTimeout(seconds: 5)
    guard connection.write(greeting.frame), let reply = connection.readFrame(atMost: 256) else {
      return "it went away without a greeting"
    }
    guard let theirs = try? MirrorGreeting(reply[...], from: "the target"), theirs == greeting
    else { return "it does not speak as a target does" }
    connection.setReadTimeout(seconds: 0)
    let orders = Mailbox<MirrorOrder>()
    let note = FailureNote()
    let reader = NativeThread.start {
      while let frame = connection.readFrame() {
        guard let order = try? MirrorCodec.decodeOrder(frame[...]) else {
          note.set("it sent what no target sends")
          break
        }
        orders.send(order)
        // Whoever sends faster than anybody can draft waits.
        while orders.count > 64, !orders.isClosed { pauseThread(seconds: 0.001) }
      }
      orders.close()
    }
    guard let reader else { return "the system gave no thread" }
    MirrorWorker(model: model, limits: .init(length: length)) { answer in
      if case .failed(let reason) = answer { note.set(reason) }
      if !connection.write(MirrorCodec.encode(answer)) { orders.close() }
    }.run(orders)
    connection.shutDown()
    reader.join()
    return note.text ?? "it has gone"
  }
}
