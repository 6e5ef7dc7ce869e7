// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// A drafter on another computer, or in another process.
///
/// Ids and scores go over the wire, no text.
public final class RemoteMirror: MirrorLink {
  /// Where the drafter is, as in `127.0.0.1:7411`.
  public let address: String
  private let socket: TCPSocket
  private let orders = Mailbox<[UInt8]>()
  private let answers = Mailbox<MirrorAnswer>()
  private let broken = FailureNote()
  /// The drafter's vocabulary.
  package let vocabularySize: Int

  /// Connects to a drafter that waits with `dendrite lab drafter --listen`.
  ///
  /// - Parameters:
  ///   - host: a name or an address.
  ///   - port: where it listens.
  ///   - tokens: the target's vocabulary; the drafter's must be its beginning.
  ///   - patience: seconds until a drafter that is silent, or serves another target, is given up; at least one.
  /// - Throws: `link` if nobody answers as a drafter does, `drafterInUse` if it serves another target,
  ///   `vocabularyMismatch`.
  public init(
    host: String, port: Int, tokens: [String], patience: Int = 10
  ) throws(DecodingError) {
    address = "\(host):\(port)"
    let greeting: MirrorGreeting
    (socket, greeting) = try Self.meet(host, port, patience: max(1, patience))
    guard greeting.vocabularySize <= tokens.count,
      greeting.vocabularyHash
        == SuffixMemory.vocabularyHash(of: tokens.prefix(greeting.vocabularySize))
    else {
      throw DecodingError(
        .vocabularyMismatch,
        "the drafter at \(address) has another vocabulary of \(greeting.vocabularySize) tokens, "
          + "expected the beginning of the target's \(tokens.count)",
        remedy: "serve a drafter that was made for this vocabulary")
    }
    vocabularySize = greeting.vocabularySize
    guard socket.write(greeting.frame) else {
      throw DecodingError(
        .link, "\(address) hung up, expected a drafter there", remedy: "start it again")
    }
    socket.setReadTimeout(seconds: 0)
    startThreads()
  }

  /// Connects and hears a greeting; asks again while the drafter serves somebody else, who may be about to go.
  private static func meet(
    _ host: String, _ port: Int, patience: Int
  ) throws(DecodingError) -> (TCPSocket, MirrorGreeting) {
    let address = "\(host):\(port)"
    let deadline = ContinuousClock.now + .seconds(patience)
    while true {
      let socket = try TCPSocket.connect(host: host, port: port)
      socket.setReadTimeout(seconds: patience)
      guard let frame = socket.readFrame(atMost: 256) else {
        throw DecodingError(
          .link, "\(address) says nothing, expected a drafter there",
          remedy: "start it again, or start another one")
      }
      do {
        return (socket, try MirrorGreeting(frame[...], from: address))
      } catch {
        guard error.code == .drafterInUse, ContinuousClock.now < deadline else { throw error }
        pauseThread(seconds: 0.3)
      }
    }
  }

  /// One thread for each direction, so that sending never waits.
  private func startThreads() {
    let (socket, orders, answers, broken) = (socket, orders, answers, broken)
    let lost = "the link to \(address) is broken"
    let reader = NativeThread.start {
      detachThread()
      while let frame = socket.readFrame() {
        guard let answer = try? MirrorCodec.decodeAnswer(frame[...]) else { break }
        answers.send(answer)
      }
      broken.set(lost)
      answers.close()
      orders.close()
      socket.shutDown()
    }
    let writer = NativeThread.start {
      detachThread()
      while let frame = orders.receive() {
        guard socket.write(frame) else { break }
      }
      socket.shutDown()
    }
    if reader == nil || writer == nil { broken.set("the system gave no thread for the link") }
  }

  deinit {
    orders.close()
    socket.shutDown()
  }

  /// Queues an order.
  package func send(_ order: MirrorOrder) { orders.send(MirrorCodec.encode(order)) }

  /// The next answer.
  package func receive(atMost seconds: Double) -> MirrorAnswer? {
    answers.receive(atMost: seconds)
  }

  /// Why the link is broken.
  package var failure: String? { broken.text }
}
