// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel

/// Lends a drafter to targets elsewhere, one at a time.
///
/// There is no encryption and no password: listen on the loopback, or on a network that is yours.
public final class MirrorServer: Sendable {
  private let model: DrafterModel
  private let greeting: MirrorGreeting
  private let socket: TCPSocket
  private let length: Int
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
  /// - Throws: `link`.
  public init(
    model: DrafterModel, tokens: [String], host: String = "127.0.0.1", port: Int = 0,
    length: Int = 16
  ) throws(DecodingError) {
    self.model = model
    self.length = length
    let size = min(tokens.count, model.model.description.vocabularySize)
    greeting = MirrorGreeting(
      vocabularySize: size, vocabularyHash: SuffixMemory.vocabularyHash(of: tokens.prefix(size)))
    socket = try TCPSocket.listen(host: host, port: port)
    self.port = socket.port
  }

  /// Serves one target after another until `stop`.
  ///
  /// - Parameter event: told in words what happens; nothing of a prompt is in it.
  public func run(event: (String) -> Void = { _ in }) {
    while let connection = socket.accept() {
      event("a target has come")
      event(serve(connection))
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
    connection.setReadTimeout(seconds: 10)
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
