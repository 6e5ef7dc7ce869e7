// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The standard streams, written at once: text that a model streams must not wait in a buffer.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Whether a person is looking.
  var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Whether the standard input is a keyboard.
  static var inputIsTerminal: Bool { isatty(0) == 1 }

  /// Writes all bytes of a text.
  ///
  /// - Throws: `outputClosed` when the reader went away, `outputFailed` for a full disk and the like.
  func write(_ text: String) throws(Failure) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { buffer in
        #if canImport(Darwin)
          Darwin.write(rawValue, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
          Musl.write(rawValue, buffer.baseAddress, buffer.count)
        #else
          Glibc.write(rawValue, buffer.baseAddress, buffer.count)
        #endif
      }
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno == EPIPE {
        throw .outputClosed
      } else if errno == EAGAIN {
        var request = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
        poll(&request, 1, -1)
      } else if errno != EINTR {
        throw .outputFailed(errno)
      }
    }
  }

  /// Writes a line for the person at the terminal; whether it arrives does not matter.
  static func say(_ line: String) {
    try? error.write(line + "\n")
  }

  /// Lets a write to a closed pipe fail instead of ending the program.
  static func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
  }

  /// Reads a file descriptor to its end, or to one byte past `limit` if there are more.
  static func readAll(
    _ descriptor: Int32, name: String, limit: Int
  ) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= limit {
      let count = chunk.withUnsafeMutableBytes { buffer in
        #if canImport(Darwin)
          Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
          Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
          Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count > 0 {
        bytes += chunk[..<min(count, limit + 1 - bytes.count)]
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        throw .unreadable(name, errno)
      }
    }
    return bytes
  }

  /// Reads a file to its end, as ``readAll(_:name:limit:)``.
  static func readAll(path: String, limit: Int) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable("'\(path)'", errno) }
    defer { close(descriptor) }
    return try readAll(descriptor, name: "'\(path)'", limit: limit)
  }

  /// The system's words for an error number.
  static func reason(_ number: Int32) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
  }
}
