// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file under construction: it gets its name when it is complete, or vanishes.
package final class TemporaryFile {
  private let path: String
  private let temporaryPath: String
  private var descriptor: Int32

  /// Creates an empty file beside `path`.
  package init(for path: String) throws(CheckpointError) {
    self.path = path
    var attempt = 0
    while true {
      let candidate = "\(path).partial-\(getpid())-\(attempt)"
      let opened = open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if opened >= 0 {
        temporaryPath = candidate
        descriptor = opened
        return
      }
      let number = errno
      attempt += 1
      guard number == EEXIST, attempt < 100 else {
        throw TemporaryFile.failure(path, "open", number)
      }
    }
  }

  /// Closes and removes the file unless it was committed.
  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Appends bytes.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    var rest = bytes
    while let start = rest.baseAddress, rest.count > 0 {
      #if canImport(Glibc)
        let written = Glibc.write(descriptor, start, rest.count)
      #elseif canImport(Musl)
        let written = Musl.write(descriptor, start, rest.count)
      #else
        let written = Darwin.write(descriptor, start, rest.count)
      #endif
      if written < 0 {
        let number = errno
        if number == EINTR { continue }
        throw TemporaryFile.failure(path, "write", number)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// Goes back to the beginning, to write over what is there.
  package func rewind() throws(CheckpointError) {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw TemporaryFile.failure(path, "lseek", errno)
    }
  }

  /// Makes the file durable and gives it its name, replacing what was there.
  package func commit() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw TemporaryFile.failure(path, "fsync", errno) }
    guard rename(temporaryPath, path) == 0 else {
      throw TemporaryFile.failure(path, "rename", errno)
    }
    close(descriptor)
    descriptor = -1
    syncFolder()
  }

  /// Makes the new name durable; a file system that cannot is left alone.
  private func syncFolder() {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let handle = open(folder, O_RDONLY | O_CLOEXEC)
    guard handle >= 0 else { return }
    fsync(handle)
    close(handle)
  }

  private static func failure(_ path: String, _ call: String, _ number: Int32) -> CheckpointError {
    let remedy =
      switch number {
      case ENOSPC, EDQUOT, EFBIG: "free space on that disk, or write to another"
      case ENOENT, ENOTDIR: "create the folder first"
      case EACCES, EPERM, EROFS: "choose a folder that you may write to"
      case EISDIR: "give the name of a file, not of a folder"
      default: "choose another place for the file"
      }
    return CheckpointError(
      .unwritable, "\(quoted(path)) cannot be written, expected a writable path", remedy: remedy,
      cause: MappedFile.systemError(call, number))
  }
}
