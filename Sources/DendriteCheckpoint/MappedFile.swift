// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped into memory, read-only, for as long as this object lives.
///
/// Nothing is read until it is touched; the operating system may drop and reload pages at will, so
/// a model costs no private memory. Bytes have no alignment beyond that of the file's own layout.
/// Not for files that others shorten while they are mapped: touching a vanished page ends the
/// process.
public final class MappedFile: Sendable {
  /// The path as given.
  public let path: String
  /// The length of the file in bytes; never 0.
  public let count: Int

  /// The first byte.
  ///
  /// `nonisolated(unsafe)` because pointers are not `Sendable`; this one is constant, points to memory that nobody writes after `init`, and is released in `deinit` only.
  private nonisolated(unsafe) let start: UnsafeRawPointer
  private let isMapped: Bool
  /// What the system said of the file when it was mapped.
  private let identity: Identity

  /// A file and a moment of its life.
  private struct Identity: Equatable {
    var device = 0
    var inode = 0
    var size = 0
    var seconds = 0
    var nanoseconds = 0

    init() {}

    init(_ status: stat) {
      device = Int(truncatingIfNeeded: status.st_dev)
      inode = Int(truncatingIfNeeded: status.st_ino)
      size = Int(status.st_size)
      #if canImport(Darwin)
        seconds = status.st_mtimespec.tv_sec
        nanoseconds = status.st_mtimespec.tv_nsec
      #else
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
      #endif
    }
  }

  /// Maps a file.
  ///
  /// - Throws: `.unreadable` if the path is missing, not a regular file or not readable,
  ///   `.truncated` if the file is empty.
  public init(path: String) throws(CheckpointError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw MappedFile.openFailure(path, errno) }
    defer { close(descriptor) }

    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw MappedFile.unreadable(path, "fstat", errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "not a regular file"
      throw CheckpointError(
        .unreadable, "\(quoted(path)) is \(kind), expected a file",
        remedy: "give the path of the .gguf file itself")
    }
    guard status.st_size > 0 else {
      throw CheckpointError(
        .truncated, "\(quoted(path)) has 0 bytes, expected a model file",
        remedy: "download or copy the file again")
    }
    guard let size = Int(exactly: status.st_size),
      let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
      address != MAP_FAILED
    else {
      throw MappedFile.unreadable(path, "mmap", errno)
    }
    self.path = path
    self.count = size
    self.start = UnsafeRawPointer(address)
    self.isMapped = true
    identity = Identity(status)
  }

  /// Holds a copy of `bytes` under a name, so that a file in memory can be read like any other.
  ///
  /// - Throws: `.truncated` if there are no bytes.
  package init(name: String, copying bytes: [UInt8]) throws(CheckpointError) {
    guard !bytes.isEmpty else {
      throw CheckpointError(
        .truncated, "\(quoted(name)) has 0 bytes, expected a model file",
        remedy: "download or copy the file again")
    }
    let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 64)
    bytes.withUnsafeBytes { source in
      if let first = source.baseAddress { copy.copyMemory(from: first, byteCount: source.count) }
    }
    self.path = name
    self.count = bytes.count
    self.start = UnsafeRawPointer(copy)
    self.isMapped = false
    identity = Identity()
  }

  /// Whether somebody wrote to the file since it was mapped.
  ///
  /// A file that was deleted or replaced is unchanged here: the mapping keeps the old one.
  package var hasChanged: Bool {
    guard isMapped else { return false }
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    let now = Identity(status)
    return now.inode == identity.inode && now.device == identity.device && now != identity
  }

  deinit {
    let memory = UnsafeMutableRawPointer(mutating: start)
    if isMapped { munmap(memory, count) } else { memory.deallocate() }
  }

  /// The first byte of the file; valid while this object lives.
  package var base: UnsafeRawPointer { start }

  /// Calls `body` with a range of the file's bytes.
  ///
  /// - Precondition: `range` lies inside `0..<count`.
  public func withUnsafeBytes<R>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "range \(range) is outside the \(count) bytes of the file")
    return try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count))
    }
  }
}

// MARK: - Advice to the operating system

extension MappedFile {
  /// Asks for `range` to be read ahead, in the background; a hint, whose failure changes nothing.
  public func adviseWillNeed(_ range: Range<Int>) { advise(range, MADV_WILLNEED) }

  /// Allows the pages of `range` to be dropped; the next touch reads them from the file again.
  public func adviseDontNeed(_ range: Range<Int>) { advise(range, MADV_DONTNEED) }

  private func advise(_ range: Range<Int>, _ advice: Int32) {
    guard isMapped else { return }
    let lower = max(0, range.lowerBound)
    let upper = min(count, range.upperBound)
    guard lower < upper else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = lower / page * page
    _ = madvise(UnsafeMutableRawPointer(mutating: start + first), upper - first, advice)
  }
}

// MARK: - Errors

extension MappedFile {
  private static func unreadable(_ path: String, _ call: String, _ number: Int32) -> CheckpointError
  {
    CheckpointError(
      .unreadable, "\(quoted(path)) cannot be mapped, expected a readable file",
      remedy: "copy it to a local disk and try again", cause: systemError(call, number))
  }

  private static func openFailure(_ path: String, _ number: Int32) -> CheckpointError {
    let cause = systemError("open", number)
    return switch number {
    case ENOENT, ENOTDIR:
      CheckpointError(
        .unreadable, "no file \(quoted(path)), expected a model file",
        remedy: "check the path; `ls` its folder", cause: cause)
    case EACCES, EPERM:
      CheckpointError(
        .unreadable, "\(quoted(path)) may not be read, expected read permission",
        remedy: "`chmod +r` the file, or run as its owner", cause: cause)
    default:
      CheckpointError(
        .unreadable, "\(quoted(path)) cannot be opened, expected a readable file",
        remedy: "see the reason above", cause: cause)
    }
  }

  /// The failed `call` with the system's words for `number`.
  static func systemError(_ call: String, _ number: Int32) -> SystemCallError {
    let reason = strerror(number).map { String(cString: $0) } ?? "unknown error"
    return SystemCallError(call: call, number: number, reason: reason)
  }
}
