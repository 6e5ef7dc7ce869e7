// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A file of a ``SuffixMemory``, open and locked; it is closed and unlocked with its last reference.
///
/// The lock is advisory and belongs to this opening of the file, so it holds between processes and within one. Whoever
/// waited for it while the file was replaced opens the new one.
final class MemoryFile {
  /// The largest file that is read, in bytes.
  static let largest = 1 << 30
  /// How often a lock is tried, and microseconds in between: five seconds in all.
  private static let patience = (trials: 500, pause: UInt32(10_000))

  private let path: String
  private let descriptor: Int32

  /// Opens a file and creates it if there is none.
  convenience init(_ path: String) throws(DecodingError) {
    try self.init(path, MemoryFile.openLocked(path, O_CREAT))
  }

  /// Opens a file; `nil` if there is none.
  convenience init?(existing path: String) throws(DecodingError) {
    let descriptor = try MemoryFile.openLocked(path, 0)
    guard descriptor >= 0 else { return nil }
    self.init(path, descriptor)
  }

  private init(_ path: String, _ descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Opens and locks the file that has this name when it is locked; −1 if there is none and none is to be created.
  private static func openLocked(_ path: String, _ flags: Int32) throws(DecodingError) -> Int32 {
    for _ in 0..<patience.trials {
      // Neither a link nor a pipe: what is opened is what is changed, and nothing is waited for.
      let file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0o600)
      guard file >= 0 else {
        let number = errno
        if number == ENOENT, flags == 0 { return -1 }
        throw failure(path, "open", number)
      }
      var status = stat()
      guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        close(file)
        throw SuffixRecords.foreign(path, "is not a regular file")
      }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        let number = errno
        close(file)
        guard number == EWOULDBLOCK || number == EINTR else {
          throw failure(path, "flock", number)
        }
        usleep(patience.pause)
        continue
      }
      var named = stat()
      if lstat(path, &named) == 0, named.st_ino == status.st_ino, named.st_dev == status.st_dev {
        return file
      }
      close(file)
    }
    throw DecodingError(
      .memoryUnavailable, "the memory '\(path)' is locked by another process, expected a free one",
      remedy: "try again, or end the process that holds it")
  }

  /// Reads the file, or the beginning of it.
  func read(atMost limit: Int) throws(DecodingError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "fstat", errno) }
    guard status.st_size <= Self.largest else {
      throw SuffixRecords.foreign(path, "has \(status.st_size) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: min(limit, Int(status.st_size)))
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        pread(
          descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count, off_t(count))
      }
      if got < 0 {
        let number = errno
        if number == EINTR { continue }
        throw Self.failure(path, "read", number)
      }
      if got == 0 { break }
      count += got
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// Writes bytes from an offset on, or leaves the file as long as it was before.
  func write(_ bytes: [UInt8], at offset: Int) throws(DecodingError) {
    do throws(DecodingError) {
      try Self.write(bytes, to: descriptor, at: offset, path)
    } catch {
      ftruncate(descriptor, off_t(offset))
      throw error
    }
  }

  /// Cuts off what is behind.
  func truncate(to count: Int) throws(DecodingError) {
    guard ftruncate(descriptor, off_t(count)) == 0 else {
      throw Self.failure(path, "ftruncate", errno)
    }
  }

  /// Lets only the owner read and write.
  func makePrivate() throws(DecodingError) {
    guard fchmod(descriptor, 0o600) == 0 else { throw Self.failure(path, "fchmod", errno) }
  }

  /// Lets a new file with these bytes take the name, at once; this one is not to be used any more.
  func replace(with bytes: [UInt8]) throws(DecodingError) {
    // Whoever holds the lock may take this name, so what a crash left there is in nobody's use.
    let partial = Self.partial(path)
    unlink(partial)
    let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw Self.failure(partial, "open", errno) }
    defer { close(file) }
    do throws(DecodingError) {
      try Self.write(bytes, to: file, at: 0, path)
      guard fsync(file) == 0 else { throw Self.failure(path, "fsync", errno) }
      guard rename(partial, path) == 0 else { throw Self.failure(path, "rename", errno) }
    } catch {
      unlink(partial)
      throw error
    }
    syncFolder()
  }

  /// Deletes the file and what a crash may have left beside it.
  func delete() throws(DecodingError) {
    unlink(Self.partial(path))
    guard unlink(path) == 0 else { throw Self.failure(path, "unlink", errno) }
    syncFolder()
  }

  /// Makes a change of names durable; a file system that cannot is left alone.
  private func syncFolder() {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let handle = open(folder, O_RDONLY | O_CLOEXEC)
    guard handle >= 0 else { return }
    fsync(handle)
    close(handle)
  }

  private static func partial(_ path: String) -> String { "\(path).partial" }

  private static func write(
    _ bytes: [UInt8], to file: Int32, at offset: Int, _ path: String
  ) throws(DecodingError) {
    var count = 0
    while count < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        pwrite(
          file, buffer.baseAddress?.advanced(by: count), buffer.count - count,
          off_t(offset + count))
      }
      if written < 0 {
        let number = errno
        if number == EINTR { continue }
        throw failure(path, "write", number)
      }
      count += written
    }
  }

  private static func failure(_ path: String, _ call: String, _ number: Int32) -> DecodingError {
    let remedy =
      switch number {
      case ENOSPC, EDQUOT, EFBIG: "free space on that disk, or keep the memory on another"
      case ENOENT, ENOTDIR: "create the folder first"
      case EACCES, EPERM, EROFS: "choose a path that you may write to"
      case EISDIR: "give the name of a file, not of a folder"
      case ELOOP: "give the path of the file itself, not of a link to it"
      default: "choose another place for the file"
      }
    return DecodingError(
      .memoryUnavailable,
      "the memory '\(path)' cannot be used (\(call): \(String(cString: strerror(number)))), "
        + "expected a file that may be read and written", remedy: remedy)
  }
}
