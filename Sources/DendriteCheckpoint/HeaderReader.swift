// SPDX-License-Identifier: Apache-2.0

/// Reads little-endian values from a file's header, front to back, never past its end.
///
/// Every read checks the bytes that remain first; every count is checked against them before
/// anything is allocated, so a header can claim what it likes and memory stays bounded by the
/// length of the file.
struct HeaderReader {
  /// What is being read, for messages; spelt out only when something fails.
  enum Place {
    case header
    case key(Int, of: Int, name: String?)
    case tensor(Int, of: Int, name: String?)
  }

  /// The file.
  let file: MappedFile
  /// Bytes read so far.
  private(set) var position = 0
  /// What is being read.
  var place = Place.header

  init(_ file: MappedFile) { self.file = file }

  /// Bytes from here to the end of the file.
  var remaining: Int { file.count - position }
}

// MARK: - Values

extension HeaderReader {
  /// Reads an integer of fixed width.
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    as type: T.Type
  ) throws(CheckpointError) -> T {
    let size = MemoryLayout<T>.size
    guard size <= remaining else { throw truncated(needing: size) }
    let value = (file.base + position).loadUnaligned(as: T.self)
    position += size
    return T(littleEndian: value)
  }

  /// Reads a Float32.
  mutating func float() throws(CheckpointError) -> Float {
    Float(bitPattern: try integer(as: UInt32.self))
  }

  /// Reads a Float64.
  mutating func double() throws(CheckpointError) -> Double {
    Double(bitPattern: try integer(as: UInt64.self))
  }

  /// Reads a bool of one byte.
  mutating func bool() throws(CheckpointError) -> Bool {
    let byte = try integer(as: UInt8.self)
    guard byte <= 1 else {
      throw malformed("a bool is \(byte), expected 0 or 1")
    }
    return byte == 1
  }

  /// Reads a string: its length in bytes (u64), then the bytes.
  mutating func stringBytes() throws(CheckpointError) -> UnsafeRawBufferPointer {
    let length = try integer(as: UInt64.self)
    guard length <= UInt64(remaining) else {
      throw CheckpointError(
        .truncated,
        "\(quoted(file.path)): a string of \(length) bytes at byte \(position), expected at most "
          + "the \(remaining) bytes that remain\n(reading \(placeName))",
        remedy: HeaderReader.downloadAgain)
    }
    let bytes = UnsafeRawBufferPointer(start: file.base + position, count: Int(length))
    position += Int(length)
    return bytes
  }

  /// Reads a string; bytes that are not UTF-8 become U+FFFD.
  mutating func string() throws(CheckpointError) -> String {
    String(decoding: try stringBytes(), as: UTF8.self)
  }

  /// Moves forward to a multiple of `alignment`, counted from the start of the file.
  ///
  /// - Precondition: `alignment` is a power of two no larger than 2^30.
  mutating func align(to alignment: Int) throws(CheckpointError) {
    let padding = (alignment - position % alignment) % alignment
    guard padding <= remaining else { throw truncated(needing: padding) }
    position += padding
  }
}

// MARK: - Errors

extension HeaderReader {
  static let downloadAgain =
    "the file is incomplete or damaged: download it again and compare its size and checksum"

  /// Where the reader is, in words.
  var placeName: String {
    switch place {
    case .header: "the header"
    case .key(let index, let count, let name):
      "key \(index + 1) of \(count)" + (name.map { " \(quoted($0))" } ?? "")
    case .tensor(let index, let count, let name):
      "tensor \(index + 1) of \(count)" + (name.map { " \(quoted($0))" } ?? "")
    }
  }

  /// The file ends too early.
  func truncated(needing bytes: Int) -> CheckpointError {
    CheckpointError(
      .truncated,
      "\(quoted(file.path)) ends at byte \(file.count) inside \(placeName), expected "
        + "\(bytes) bytes at byte \(position)",
      remedy: HeaderReader.downloadAgain)
  }

  /// The header contradicts itself; `what` says what was found and what was expected.
  func malformed(_ what: String, remedy: String? = nil) -> CheckpointError {
    CheckpointError(
      .malformed, "\(quoted(file.path)): \(what)\n(reading \(placeName))",
      remedy: remedy ?? HeaderReader.downloadAgain)
  }
}
