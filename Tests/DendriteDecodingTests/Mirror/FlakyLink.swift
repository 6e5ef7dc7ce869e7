// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding
import DendriteTestSupport
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A link that delays, loses and repeats messages, and remembers what went over it.
final class FlakyLink: MirrorLink {
  struct Fault: Sendable {
    var lostInHundred = 0
    var repeatedInHundred = 0
    var longestDelay: UInt32 = 0  // microseconds
  }

  struct Record: Sendable {
    var orders: [MirrorOrder] = []
    var answers: [MirrorAnswer] = []
    var random: SeededGenerator
  }

  let link: LocalMirror
  let fault: Fault
  private let record: Mutex<Record>

  init(_ link: LocalMirror, _ fault: Fault, seed: Int) {
    self.link = link
    self.fault = fault
    record = Mutex(Record(random: SeededGenerator(seed: seed)))
  }

  var orders: [MirrorOrder] { record.withLock { $0.orders } }
  var answers: [MirrorAnswer] { record.withLock { $0.answers } }
  var failure: String? { link.failure }
  var vocabularySize: Int { link.vocabularySize }

  private func draw(_ bound: Int) -> Int { record.withLock { $0.random.below(bound) } }

  private func pause() {
    if fault.longestDelay > 0 { usleep(UInt32(draw(Int(fault.longestDelay)))) }
  }

  func send(_ order: MirrorOrder) {
    record.withLock { $0.orders.append(order) }
    pause()
    if draw(100) < fault.lostInHundred { return }
    link.send(order)
    if draw(100) < fault.repeatedInHundred { link.send(order) }
  }

  func receive(atMost seconds: Double) -> MirrorAnswer? {
    pause()
    guard let answer = link.receive(atMost: seconds) else { return nil }
    if draw(100) < fault.lostInHundred { return nil }
    record.withLock { $0.answers.append(answer) }
    return answer
  }
}
