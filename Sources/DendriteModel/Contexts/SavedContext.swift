// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// The bytes of a saved history: a header, the blocks verbatim, a checksum.
///
/// ```
/// "DNDC"  u32 layout version  u32 numerics version  u32 cache type
/// u64 model fingerprint  u64 length  u64 block bytes
/// blocks …  u64 FNV-1a of everything before
/// ```
enum SavedContext {
  static let layoutVersion: UInt32 = 1
  static let headerBytes = 40

  struct Header {
    var numericsVersion: UInt32
    var type: UInt32
    var fingerprint: UInt64
    var length: Int
    var blockBytes: Int
  }

  /// Header and blocks without the checksum; blocks that are missing are zero.
  static func encode(_ header: Header, blocks: [UnsafeRawPointer?]) -> [UInt8] {
    var bytes: [UInt8] = Array("DNDC".utf8)
    bytes.reserveCapacity(headerBytes + blocks.count * header.blockBytes + 8)
    append(layoutVersion, to: &bytes)
    append(header.numericsVersion, to: &bytes)
    append(header.type, to: &bytes)
    append(header.fingerprint, to: &bytes)
    append(UInt64(header.length), to: &bytes)
    append(UInt64(header.blockBytes), to: &bytes)
    for block in blocks {
      if let block {
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: block, count: header.blockBytes))
      } else {
        bytes.append(contentsOf: repeatElement(0, count: header.blockBytes))
      }
    }
    return bytes
  }

  /// The same bytes with their checksum.
  static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    append(Checksum.fnv1a(bytes[...]), to: &bytes)
    return bytes
  }

  /// Reads the header and checks the length and the checksum.
  static func decode(_ bytes: [UInt8]) throws(ModelError) -> Header {
    guard bytes.count >= headerBytes + 8, bytes.starts(with: "DNDC".utf8) else {
      throw damaged("\(bytes.count) bytes that do not begin with a context's header")
    }
    let version: UInt32 = integer(bytes, at: 4)
    guard version == layoutVersion else {
      throw damaged("a context of layout version \(version), expected \(layoutVersion)")
    }
    let length: UInt64 = integer(bytes, at: 24)
    let blockBytes: UInt64 = integer(bytes, at: 32)
    let blocks = (length &+ 63) / 64
    let (payload, overflow) = blocks.multipliedReportingOverflow(by: blockBytes)
    guard !overflow, length < 1 << 40, payload == UInt64(bytes.count - headerBytes - 8) else {
      throw damaged("\(bytes.count) bytes for a context of \(length) tokens")
    }
    let stored: UInt64 = integer(bytes, at: bytes.count - 8)
    guard stored == Checksum.fnv1a(bytes[..<(bytes.count - 8)]) else {
      throw damaged("a context whose checksum does not match its content")
    }
    return Header(
      numericsVersion: integer(bytes, at: 8), type: integer(bytes, at: 12),
      fingerprint: integer(bytes, at: 16), length: Int(length), blockBytes: Int(blockBytes))
  }

  static func damaged(_ found: String) -> ModelError {
    ModelError(
      .badContext, "found \(found)",
      remedy: "save the context again from the prompt; it cannot be repaired")
  }

  private static func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func integer<T: FixedWidthInteger>(_ bytes: [UInt8], at index: Int) -> T {
    bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: T.self)) }
  }
}
