// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A connection, or a port that waits for some.
package final class TCPSocket: @unchecked Sendable {
  // Sendable: the system serialises calls on a descriptor; `close` shuts it down first, so that nobody reads from a
  // descriptor that was given to somebody else.
  private let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = close(descriptor) }

  /// Connects, waiting a few seconds at most for each of the host's addresses.
  ///
  /// - Throws: `link`.
  package static func connect(host: String, port: Int) throws(DecodingError) -> TCPSocket {
    var last = "it has no address"
    for address in try addresses(host, port, isListening: false) {
      let descriptor = socket(address.family, streamType, 0)
      guard descriptor >= 0 else {
        last = reason()
        continue
      }
      let made = TCPSocket(descriptor)
      made.setTimeout(SO_SNDTIMEO, seconds: 5)
      let status = address.bytes.withUnsafeBytes { bytes in
        bytes.baseAddress.map {
          systemConnect(
            descriptor, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        } ?? -1
      }
      guard status == 0 else {
        last = reason()
        continue
      }
      made.sendAtOnce()
      made.noticeSilence()
      return made
    }
    throw DecodingError(
      .link, "no connection to \(host):\(port): \(last), expected a drafter there",
      remedy: "start one with `dendrite lab drafter --listen \(host):\(port)`")
  }

  /// Waits for connections on a port of an address; port 0 takes any that is free.
  ///
  /// - Throws: `link`.
  package static func listen(host: String, port: Int) throws(DecodingError) -> TCPSocket {
    var last = "it has no address"
    for address in try addresses(host, port, isListening: true) {
      let descriptor = socket(address.family, streamType, 0)
      guard descriptor >= 0 else {
        last = reason()
        continue
      }
      let made = TCPSocket(descriptor)
      var on: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
      let status = address.bytes.withUnsafeBytes { bytes in
        bytes.baseAddress.map {
          bind(descriptor, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        } ?? -1
      }
      guard status == 0, systemListen(descriptor, 8) == 0 else {
        last = reason()
        continue
      }
      return made
    }
    throw DecodingError(
      .link, "cannot listen on \(host):\(port): \(last)",
      remedy: "choose another port, or an address of this computer")
  }

  /// The port that a listening socket has.
  package var port: Int {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    guard status == 0 else { return 0 }
    // The port is in the third and fourth byte of every internet address.
    return withUnsafeBytes(of: &storage) { Int($0[2]) << 8 | Int($0[3]) }
  }

  /// The next connection; `nil` when the socket was shut down.
  package func accept() -> TCPSocket? {
    while true {
      let next = systemAccept(descriptor, nil, nil)
      if next >= 0 {
        let made = TCPSocket(next)
        made.sendAtOnce()
        made.setTimeout(SO_SNDTIMEO, seconds: 10)
        made.noticeSilence()
        return made
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO: pauseThread(seconds: 0.1)
      default: return nil
      }
    }
  }

  /// Gives up on reads after so many seconds; 0 waits for ever.
  func setReadTimeout(seconds: Int) { setTimeout(SO_RCVTIMEO, seconds: seconds) }

  /// Ends reads and writes, those under way too.
  package func shutDown() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Writes all bytes.
  ///
  /// - Returns: whether the other side may have got them.
  package func write(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { send(descriptor, $0 + sent, bytes.count - sent, noSignal) } ?? -1
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// The next frame; `nil` if the connection ended or what came is no frame.
  package func readFrame(atMost longest: Int = MirrorCodec.longestFrame) -> [UInt8]? {
    guard let head = read(4) else { return nil }
    let length = head.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= longest else { return nil }
    return read(length)
  }

  private func read(_ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    // Grown as bytes come: a length alone reserves nothing.
    while bytes.count < count {
      var piece = [UInt8](repeating: 0, count: min(count - bytes.count, 1 << 16))
      let got = piece.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return nil }
      bytes.append(contentsOf: piece.prefix(got))
    }
    return bytes
  }

  // MARK: The system

  private func setTimeout(_ option: Int32, seconds: Int) {
    var time = timeval()
    time.tv_sec = seconds
    setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Notices within a minute that the other side's power is gone.
  private func noticeSilence() {
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size)
    #if !canImport(Darwin)
      for (option, seconds) in [(TCP_KEEPIDLE, 20), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 3)] {
        var value = Int32(seconds)
        setsockopt(descriptor, Int32(IPPROTO_TCP), option, &value, size)
      }
    #endif
  }

  /// Small messages do not wait for more to be sent along.
  private func sendAtOnce() {
    var on: Int32 = 1
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    #if canImport(Darwin)
      setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
  }

  private static func addresses(
    _ host: String, _ port: Int, isListening: Bool
  ) throws(DecodingError) -> [(family: Int32, bytes: [UInt8])] {
    var hints = addrinfo()
    hints.ai_socktype = streamType
    hints.ai_flags = isListening ? AI_PASSIVE : 0
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, "\(port)", &hints, &list)
    guard status == 0 else {
      throw DecodingError(
        .link, "'\(host)' is no host that is known here: \(String(cString: gai_strerror(status)))",
        remedy: "give a name or an address, as in 127.0.0.1:7411")
    }
    defer { freeaddrinfo(list) }
    var found: [(Int32, [UInt8])] = []
    var next = list
    while let entry = next?.pointee {
      if let address = entry.ai_addr {
        let bytes = UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen))
        found.append((entry.ai_family, Array(bytes)))
      }
      next = entry.ai_next
    }
    return found
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}

#if canImport(Glibc)
  private let streamType = Int32(SOCK_STREAM.rawValue)
#else
  private let streamType = SOCK_STREAM
#endif
#if canImport(Darwin)
  private let noSignal: Int32 = 0
#else
  private let noSignal = Int32(MSG_NOSIGNAL)
#endif

/// The system's functions, where a method has the same name.
private func systemConnect(
  _ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t
) -> Int32 { connect(descriptor, address, size) }

private func systemListen(_ descriptor: Int32, _ backlog: Int32) -> Int32 {
  listen(descriptor, backlog)
}

private func systemAccept(
  _ descriptor: Int32, _ address: UnsafeMutablePointer<sockaddr>?,
  _ size: UnsafeMutablePointer<socklen_t>?
) -> Int32 { accept(descriptor, address, size) }
