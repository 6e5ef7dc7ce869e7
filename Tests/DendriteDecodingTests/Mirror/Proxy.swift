// SPDX-License-Identifier: Apache-2.0
import DendriteDecoding

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A thread for a test.
enum Thread {
  static func detach(_ body: @escaping @Sendable () -> Void) {
    final class Box {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let context = Unmanaged.passRetained(Box(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      pthread_create(
        &thread, nil,
        {
          Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body()
          return nil
        }, context)
    #else
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        {
          if let context = $0 { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
          return nil
        }, context)
    #endif
  }
}

/// A wire that can be cut: passes frames on in both directions.
final class Proxy: @unchecked Sendable {
  private let socket: TCPSocket
  private var ends: [TCPSocket] = []
  let port: Int

  init(to port: Int) throws {
    let socket = try TCPSocket.listen(host: "127.0.0.1", port: 0)
    self.socket = socket
    self.port = socket.port
    Thread.detach { [self] in
      guard let near = socket.accept() else { return }
      guard let far = try? TCPSocket.connect(host: "127.0.0.1", port: port) else {
        return near.shutDown()
      }
      ends = [near, far]
      for (from, to) in [(near, far), (far, near)] {
        Thread.detach {
          while let frame = from.readFrame() {
            let head = (0..<4).map { UInt8(truncatingIfNeeded: frame.count >> (8 * $0)) }
            guard to.write(head + frame) else { break }
          }
          to.shutDown()
        }
      }
    }
  }

  func cut() { for end in ends { end.shutDown() } }

  /// Sends bytes to a port, behind a greeting or not, and hangs up.
  static func throwAt(_ port: Int, _ bytes: [UInt8], greets: Bool) throws {
    let socket = try TCPSocket.connect(host: "127.0.0.1", port: port)
    if greets, let frame = socket.readFrame() {
      let head = (0..<4).map { UInt8(truncatingIfNeeded: frame.count >> (8 * $0)) }
      _ = socket.write(head + frame)
    }
    _ = socket.write(bytes)
    socket.shutDown()
  }
}
