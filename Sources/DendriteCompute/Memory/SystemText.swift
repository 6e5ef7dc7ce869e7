// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Small text files by which a system describes itself.
package enum SystemText {
  /// The first 64 KB of a file, or `nil` if it cannot be read.
  package static func read(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
        #if canImport(Darwin)
          return Darwin.read(file, rest.baseAddress, rest.count)
        #elseif canImport(Musl)
          return Musl.read(file, rest.baseAddress, rest.count)
        #else
          return Glibc.read(file, rest.baseAddress, rest.count)
        #endif
      }
      if got <= 0 { break }
      count += got
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// The integer behind `name` on the first line that begins with it.
  package static func field(_ name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      return line.dropFirst(name.count).split(whereSeparator: \.isWhitespace).first.flatMap {
        Int($0)
      }
    }
    return nil
  }

  package static func integer(_ text: String) -> Int? {
    Int(text.filter { !$0.isWhitespace })
  }
}
