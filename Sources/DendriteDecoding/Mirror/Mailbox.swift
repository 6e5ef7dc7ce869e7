// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute

/// Messages from one thread to another, in order.
package final class Mailbox<Message: Sendable>: @unchecked Sendable {
  // Sendable: all state is touched under the gate's lock.
  private let gate = Gate()
  private var messages: [Message] = []
  private var isOpen = true

  package init() {}

  /// Adds a message; after `close` it is dropped.
  package func send(_ message: Message) {
    gate.signal { if isOpen { messages.append(message) } }
  }

  /// Takes the oldest message, waiting for one; `nil` once the box is closed.
  package func receive() -> Message? {
    var message: Message?
    gate.wait {
      if !messages.isEmpty { message = messages.removeFirst() }
      return message != nil || !isOpen
    }
    return message
  }

  /// Takes the oldest message if one comes within so many seconds.
  package func receive(atMost seconds: Double) -> Message? {
    var message: Message?
    _ = gate.wait(atMost: seconds) {
      if !messages.isEmpty { message = messages.removeFirst() }
      return message != nil || !isOpen
    }
    return message
  }

  /// Whether a message waits that is like this.
  package func contains(where isSuch: (Message) -> Bool) -> Bool {
    var found = false
    gate.signal { found = messages.contains(where: isSuch) }
    return found
  }

  /// How many messages wait.
  package var count: Int {
    var count = 0
    gate.signal { count = messages.count }
    return count
  }

  /// Whether `close` was called.
  package var isClosed: Bool {
    var closed = false
    gate.signal { closed = !isOpen }
    return closed
  }

  /// Waits for `close`.
  package func waitUntilClosed() { gate.wait { !isOpen } }

  /// Ends all waiting; messages that were not taken are dropped.
  package func close() {
    gate.signal {
      isOpen = false
      messages = []
    }
  }
}
