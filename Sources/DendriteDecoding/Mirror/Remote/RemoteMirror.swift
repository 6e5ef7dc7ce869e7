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
  ///   - patience: seconds until a drafter that is busy is given up.
  /// - Throws: `link` if nobody answers as a drafter does, `vocabularyMismatch`.
  public init(
    host: String, port: Int, tokens: [String], patience: Int = 10
  ) throws(DecodingError) {
    address = "\(host):\(port)"
    socket = try TCPSocket.connect(host: host, port: port)
    socket.setReadTimeout(seconds: patience)
    guard let frame = socket.readFrame(atMost: 256) else {
      throw DecodingError(
        .link, "\(address) says nothing, expected a drafter there",
        remedy: "it may be serving somebody else: wait, or start another one")
    }
    let greeting = try MirrorGreeting(frame[...], from: address)
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
