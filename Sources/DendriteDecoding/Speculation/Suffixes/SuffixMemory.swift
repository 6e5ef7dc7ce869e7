// SPDX-License-Identifier: Apache-2.0

/// A file of token sequences of earlier sessions, from which a ``SuffixDrafter`` may guess.
///
/// It exists only where a user asks for it, is readable by its owner alone, and holds what was said in sessions: ids of
/// tokens, which the vocabulary turns back into text. `forget` deletes it.
///
/// The file is a log. Sequences are appended; when it would exceed its limit the oldest are dropped and the rest is
/// written anew beside it and takes its name. What a crash left half written at its end is recognised by its
/// checksum and dropped; so is everything behind a damaged place, since guesses are not worth more. Several processes
/// may use one file: each operation opens it, locks it, and reads it anew.
///
/// ```text
/// "DENDSUFX"  u32 version  u32 0  u64 hash of the vocabulary  u64 FNV-1a of these 24 bytes
/// per sequence: u32 bytes of ids  u64 FNV-1a of the length and the ids  ids, 7 bits a byte, low ones first
/// ```
///
/// - Complexity: each operation reads the file, some 30 ms for 16 MiB. Ids below 16,384 take two bytes, those below
///   2,097,152 three.
public struct SuffixMemory: Sendable {
  /// Where the file is.
  public let path: String
  /// What tells the vocabulary of its ids from others; ``vocabularyHash(of:)``.
  public let vocabularyHash: UInt64
  /// Bytes that the file may take.
  public let limit: Int

  /// The limit unless another is given.
  public static let defaultLimit = 16 << 20

  /// Opens a memory, or begins one if there is none.
  ///
  /// - Throws: `badSetting` if the limit is out of range; `vocabularyMismatch` if it remembers ids of another
  ///   vocabulary; `badMemory` if the file is no memory, or one of another version; `memoryUnavailable` if it cannot
  ///   be created, read, written or locked.
  public static func open(
    path: String, vocabularyHash: UInt64, limit: Int = defaultLimit
  ) throws(DecodingError) -> SuffixMemory {
    guard limit >= 4_096, limit <= MemoryFile.largest else {
      throw DecodingError(
        .badSetting,
        "the limit of the memory is \(limit) bytes, expected from 4,096 to \(MemoryFile.largest)",
        remedy: "use \(defaultLimit), which holds some six million tokens")
    }
    let memory = SuffixMemory(path: path, vocabularyHash: vocabularyHash, limit: limit)
    let file = try MemoryFile(path)
    let records = try memory.read(file)
    if records.end > limit { try memory.compact(file, records, adding: []) }
    return memory
  }

  /// The sequences, oldest first.
  ///
  /// - Throws: as ``open(path:vocabularyHash:limit:)``.
  public func sequences() throws(DecodingError) -> [[Int]] {
    let records = try read(MemoryFile(path))
    return records.ranges.map { SuffixRecords.ids(records.bytes[$0]) }
  }

  /// Remembers a sequence; of one that takes more than half of the limit its end.
  ///
  /// - Throws: `badToken` if an id is negative or above 2,147,483,647; else as ``open(path:vocabularyHash:limit:)``.
  public func append(_ tokens: some Sequence<Int>) throws(DecodingError) {
    let record = try SuffixRecords.record(tokens, atMost: limit / 2)
    guard !record.isEmpty else { return }
    let file = try MemoryFile(path)
    let records = try read(file)
    if records.end + record.count > limit {
      try compact(file, records, adding: record)
    } else {
      try file.write(record, at: records.end)
    }
  }

  /// Deletes a memory.
  ///
  /// - Returns: whether there was one.
  /// - Throws: `badMemory` if the file is no memory, so that nothing else is deleted by mistake; `memoryUnavailable`
  ///   if it cannot be locked or deleted.
  @discardableResult
  public static func forget(path: String) throws(DecodingError) -> Bool {
    guard let file = try MemoryFile(existing: path) else { return false }
    let bytes = try file.read(atMost: SuffixRecords.magic.count)
    guard SuffixRecords.magic.starts(with: bytes) else {
      throw SuffixRecords.foreign(path, "does not begin as a memory does")
    }
    try file.delete()
    return true
  }

  /// FNV-1a over the texts of a vocabulary's tokens, in the order of their ids.
  public static func vocabularyHash(of texts: some Sequence<String>) -> UInt64 {
    var hash = FNV1a()
    for text in texts {
      var count: UInt64 = 0
      for byte in text.utf8 {
        hash.add(byte)
        count += 1
      }
      hash.add(count)
    }
    return hash.value
  }

  // MARK: The log

  /// Reads and checks the log, and cuts off what is damaged; begins one in an empty file.
  private func read(_ file: MemoryFile) throws(DecodingError) -> SuffixRecords {
    let bytes = try file.read(atMost: MemoryFile.largest)
    let header = SuffixRecords.header(vocabularyHash: vocabularyHash)
    // A crash may have left no more than the beginning of a header.
    if bytes.count < header.count, SuffixRecords.magic.starts(with: bytes.prefix(8)) {
      try file.truncate(to: 0)
      try file.makePrivate()
      try file.write(header, at: 0)
      return SuffixRecords(header)
    }
    try SuffixRecords.check(bytes, vocabularyHash: vocabularyHash, path: path)
    try file.makePrivate()
    let records = SuffixRecords(bytes)
    if records.end < bytes.count { try file.truncate(to: records.end) }
    return records
  }

  /// Writes the log anew, with the newest sequences that take three quarters of the limit.
  private func compact(
    _ file: MemoryFile, _ records: SuffixRecords, adding record: [UInt8]
  ) throws(DecodingError) {
    let header = SuffixRecords.header(vocabularyHash: vocabularyHash)
    var room = limit / 4 * 3 - header.count - record.count
    var first = records.ranges.count
    while first > 0, case let size = SuffixRecords.size(records.ranges[first - 1]), size <= room {
      room -= size
      first -= 1
    }
    var bytes = header
    if first < records.ranges.count {
      bytes += records.bytes[SuffixRecords.start(records.ranges[first])..<records.end]
    }
    bytes += record
    try file.replace(with: bytes)
  }
}
