// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A small text file that is written whole or not at all.
enum OutputFile {
  /// Writes beside the path first, then gives the file its name.
  ///
  /// - Throws: `cannotCreate` with the system's reason; then the path is as before.
  static func write(_ text: String, to path: String) throws(Failure) {
    let temporary = "\(path).partial-\(getpid())"
    guard let file = fopen(temporary, "w") else { throw failure(path, errno) }
    let bytes = Array(text.utf8)
    let written = fwrite(bytes, 1, bytes.count, file)
    let closed = fclose(file)
    guard written == bytes.count, closed == 0, rename(temporary, path) == 0 else {
      let reason = errno
      unlink(temporary)
      throw failure(path, reason)
    }
  }

  /// Finds out before long work whether a file can be written afterwards; leaves nothing behind.
  ///
  /// - Throws: `cannotCreate` with the system's reason.
  static func check(_ path: String) throws(Failure) {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { throw failure(path, EISDIR) }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let place = folder.isEmpty ? "." : folder.joined(separator: "/") + "/"
    guard access(place, W_OK) == 0 else { throw failure(path, errno) }
  }

  private static func failure(_ path: String, _ number: Int32) -> Failure {
    Failure(
      .cannotCreate, "'\(path)' cannot be written, expected a writable path",
      remedy: "choose a folder that exists and that you may write to",
      cause: StandardStream.reason(number))
  }
}
