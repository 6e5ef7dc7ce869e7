// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// Reads the header of a context file; whatever the bytes say, nothing outside the file is touched.
struct ContextFileReader {
  struct Header {
    var numericsVersion: Int
    var cacheType: CacheType
    var fingerprint: UInt64
    var identity: UInt64
    var blockBytes: Int
    var stride: Int
    var start: Int
    var modelName: String
    var tokens: [Int]
    var hashes: [UInt64]
  }

  private let file: MappedFile
  private var place = 0

  init(_ file: MappedFile) { self.file = file }

  mutating func header() throws(ModelError) -> Header {
    guard file.count >= ContextFile.fixedBytes, try take(4) == 0x5844_4e44 else {
      throw damaged("\(file.count) bytes that do not begin with a context's header")
    }
    let layout = try take(4)
    guard layout == ContextFile.layoutVersion else {
      throw damaged("a context of layout version \(layout), expected \(ContextFile.layoutVersion)")
    }
    let version = try take(4)
    let number = try take(4)
    guard let cacheType = UInt32(exactly: number).flatMap(CacheType.init(savedNumber:)) else {
      throw damaged("cache type number \(number)")
    }
    let fingerprint = UInt64(bitPattern: Int64(try take(8)))
    let count = try size(below: 1 << 30, "tokens")
    let blockBytes = try size(below: 1 << 34, "bytes of a block")
    let stride = try size(below: 1 << 34, "bytes from block to block")
    let start = try size(below: 1 << 40, "bytes before the first block")
    let hash = UInt64(bitPattern: Int64(try take(8)))
    let blocks = (count + 63) / 64
    guard count > 0, blockBytes > 0, stride >= blockBytes, stride % ContextFile.page == 0,
      start % ContextFile.page == 0
    else {
      throw damaged("\(count) tokens in blocks of \(blockBytes) bytes, \(stride) apart")
    }
    guard start + blocks * stride == file.count else {
      throw damaged("\(file.count) bytes, expected \(start + blocks * stride)")
    }
    let nameBytes = try take(4)
    guard nameBytes >= 0,
      ContextFile.headerBytes(nameBytes: nameBytes, tokens: count) <= start
    else {
      throw damaged("a header that is longer than \(start) bytes")
    }
    guard hash == ContextFile.hash(ofHeader: file.base, count: start) else {
      throw damaged("a header that does not match its hash")
    }
    let name = file.withUnsafeBytes(in: place..<place + nameBytes) {
      String(decoding: $0, as: UTF8.self)
    }
    place = ContextFile.rounded(place + nameBytes, to: 8)
    var tokens: [Int] = []
    tokens.reserveCapacity(count)
    for _ in 0..<count { tokens.append(Int(Int32(truncatingIfNeeded: try take(4)))) }
    place = ContextFile.rounded(place, to: 8)
    var hashes: [UInt64] = []
    for _ in 0..<blocks { hashes.append(UInt64(bitPattern: Int64(try take(8)))) }
    return Header(
      numericsVersion: version, cacheType: cacheType, fingerprint: fingerprint, identity: hash,
      blockBytes: blockBytes, stride: stride, start: start, modelName: name, tokens: tokens,
      hashes: hashes)
  }

  private mutating func take(_ bytes: Int) throws(ModelError) -> Int {
    guard place + bytes <= file.count else { throw damaged("a header that ends too early") }
    defer { place += bytes }
    if bytes == 4 {
      return Int(
        UInt32(littleEndian: file.base.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
    }
    return Int(
      Int64(
        bitPattern: UInt64(
          littleEndian: file.base.loadUnaligned(fromByteOffset: place, as: UInt64.self))))
  }

  private mutating func size(below limit: Int, _ what: String) throws(ModelError) -> Int {
    let value = try take(8)
    guard (0..<limit).contains(value) else { throw damaged("\(value) \(what)") }
    return value
  }

  private func damaged(_ found: String) -> ModelError {
    ModelError(
      .badContext, "'\(file.path)': found \(found)",
      remedy: "build the context again with `dendrite context build`")
  }
}

extension ContextFile {
  static func rounded(_ value: Int, to unit: Int) -> Int { (value + unit - 1) / unit * unit }

  /// Bytes of everything before the first block, without the zeros in front of it.
  static func headerBytes(nameBytes: Int, tokens: Int) -> Int {
    let named = rounded(fixedBytes + nameBytes, to: 8)
    return rounded(named + tokens * 4, to: 8) + (tokens + 63) / 64 * 8
  }

  /// The hash of a header, its own field as zero.
  static func hash(ofHeader base: UnsafeRawPointer, count: Int) -> UInt64 {
    let before = BlockHash.of(UnsafeRawBufferPointer(start: base, count: 56))
    let behind = BlockHash.of(UnsafeRawBufferPointer(start: base + 64, count: count - 64))
    return before &* 3 ^ behind
  }
}
