// SPDX-License-Identifier: Apache-2.0

/// The bytes of a ``SuffixMemory``: its header, and the records behind it as far as they are whole.
struct SuffixRecords {
  static let magic = Array("DENDSUFX".utf8)
  static let version: UInt32 = 1
  /// Bytes of a header, and of what stands before the ids of a record.
  static let headerSize = 32
  static let prefixSize = 12

  /// All bytes of the file.
  let bytes: [UInt8]
  /// The ids of each record, without what stands before them.
  let ranges: [Range<Int>]
  /// Where the last whole record ends.
  let end: Int

  /// Finds the records behind a header that was checked, up to the first that is torn or damaged.
  init(_ bytes: [UInt8]) {
    var ranges: [Range<Int>] = []
    var end = min(Self.headerSize, bytes.count)
    while bytes.count - end >= Self.prefixSize {
      let first = end + Self.prefixSize
      let count = Int(Self.integer(bytes[end..<end + 4]))
      guard count > 0, count <= bytes.count - first else { break }
      let ids = first..<first + count
      guard Self.checksum(bytes[ids]) == Self.integer(bytes[end + 4..<first]),
        Self.areIDs(bytes[ids])
      else { break }
      ranges.append(ids)
      end = ids.upperBound
    }
    self.bytes = bytes
    self.ranges = ranges
    self.end = end
  }

  /// Where the record of these ids begins, and the bytes it takes.
  static func start(_ ids: Range<Int>) -> Int { ids.lowerBound - prefixSize }
  static func size(_ ids: Range<Int>) -> Int { ids.count + prefixSize }

  // MARK: Header

  static func header(vocabularyHash: UInt64) -> [UInt8] {
    var bytes = magic
    append(UInt64(version), 4, to: &bytes)
    append(0, 4, to: &bytes)
    append(vocabularyHash, 8, to: &bytes)
    var hash = FNV1a()
    hash.add(bytes[...])
    append(hash.value, 8, to: &bytes)
    return bytes
  }

  static func check(
    _ bytes: [UInt8], vocabularyHash: UInt64, path: String
  ) throws(DecodingError) {
    guard bytes.count >= headerSize, bytes.starts(with: magic) else {
      throw foreign(path, "does not begin as a memory does")
    }
    let found = integer(bytes[8..<12])
    guard found == version else {
      throw DecodingError(
        .badMemory, "the memory '\(path)' has version \(found), expected \(version)",
        remedy: "read it with the program that wrote it, or give the path of another file")
    }
    var hash = FNV1a()
    hash.add(bytes[..<24])
    guard hash.value == integer(bytes[24..<32]) else {
      throw DecodingError(
        .badMemory, "the header of the memory '\(path)' is damaged, expected its own checksum",
        remedy: "forget it, or restore it from a copy; a new one is begun by itself")
    }
    let vocabulary = integer(bytes[16..<24])
    guard vocabulary == vocabularyHash else {
      throw DecodingError(
        .vocabularyMismatch,
        "the memory '\(path)' is of vocabulary \(String(vocabulary, radix: 16)), expected "
          + "\(String(vocabularyHash, radix: 16)), the model's",
        remedy: "give each vocabulary a file of its own, or forget this one")
    }
  }

  static func foreign(_ path: String, _ why: String) -> DecodingError {
    DecodingError(
      .badMemory, "'\(path)' \(why), expected a file that was written as one",
      remedy: "give the path of a memory, or of a file that does not exist yet")
  }

  // MARK: Records

  /// A record of ids, the last of them if all take more than `limit` bytes; empty if there are none.
  static func record(
    _ tokens: some Sequence<Int>, atMost limit: Int
  ) throws(DecodingError) -> [UInt8] {
    var ids: [UInt8] = []
    for token in tokens {
      guard let id = Int32(exactly: token), id >= 0 else {
        throw DecodingError(
          .badToken, "a sequence to remember has id \(token), expected ids from 0 to \(Int32.max)",
          remedy: "remember tokens of the model's vocabulary only")
      }
      var rest = UInt32(id)
      while rest >= 0x80 {
        ids.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      ids.append(UInt8(rest))
    }
    let room = limit - prefixSize
    if ids.count > room {
      var cut = ids.count - room
      // An id begins behind a byte whose high bit is clear.
      while cut < ids.count, ids[cut - 1] & 0x80 != 0 { cut += 1 }
      ids.removeFirst(cut)
    }
    guard !ids.isEmpty else { return [] }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(prefixSize + ids.count)
    append(UInt64(ids.count), 4, to: &bytes)
    append(checksum(ids[...]), 8, to: &bytes)
    return bytes + ids
  }

  /// The ids of a record that was checked.
  static func ids(_ bytes: ArraySlice<UInt8>) -> [Int] {
    var ids: [Int] = []
    var id = 0
    var shift = 0
    for byte in bytes {
      id |= Int(byte & 0x7f) << shift
      shift += 7
      guard byte & 0x80 == 0 else { continue }
      ids.append(id)
      id = 0
      shift = 0
    }
    return ids
  }

  /// Whether bytes are ids: each of at most five bytes and 31 bits, the last one complete.
  private static func areIDs(_ bytes: ArraySlice<UInt8>) -> Bool {
    var place = 0
    for byte in bytes {
      guard place < 4 || byte < 0x08 else { return false }
      place = byte & 0x80 == 0 ? 0 : place + 1
    }
    return place == 0
  }

  private static func checksum(_ ids: ArraySlice<UInt8>) -> UInt64 {
    var hash = FNV1a()
    hash.add(UInt64(ids.count))
    hash.add(ids)
    return hash.value
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for place in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
  }
}

/// FNV-1a of 64 bits.
struct FNV1a {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

  mutating func add(_ bytes: ArraySlice<UInt8>) {
    for byte in bytes { add(byte) }
  }

  /// Adds eight bytes, the low one first.
  mutating func add(_ word: UInt64) {
    for place in 0..<8 { add(UInt8(truncatingIfNeeded: word >> (8 * UInt64(place)))) }
  }
}
