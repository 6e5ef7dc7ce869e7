// SPDX-License-Identifier: Apache-2.0
internal import Dispatch

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Ctrl-C while a reply is made: the first time it ends the reply, the second time the program.
///
/// Before and after, Ctrl-C ends the program at once.
struct Interrupt {
  private let source: any DispatchSourceSignal

  /// - Parameter action: called on another thread, once.
  init(_ action: @escaping @Sendable () -> Void) {
    source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler {
      signal(SIGINT, SIG_DFL)
      action()
    }
    // The default action would end the program before the source hears of the signal.
    signal(SIGINT, SIG_IGN)
    source.activate()
  }

  /// Gives Ctrl-C its usual meaning back.
  func end() {
    source.cancel()
    signal(SIGINT, SIG_DFL)
  }
}
