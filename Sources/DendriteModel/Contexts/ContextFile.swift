// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint

/// A context in a file: tokens that were read once, with their keys and values, to be continued by any process.
///
/// ```
///  0 "DNDX"  4 u32 layout version  8 u32 numerics version  12 u32 cache type
/// 16 u64 model fingerprint  24 u64 tokens  32 u64 bytes of a block  40 u64 from block to block
/// 48 u64 where block 0 begins  56 u64 hash of the header, this field zero
/// 64 u32 bytes of the model's name, the name, zeros up to a multiple of eight
///    i32 tokens …, zeros up to a multiple of eight   u64 hash of each block …   zeros up to block 0
///    blocks of 64 positions, as caches hold them; the last may be half full
/// ```
///
/// Blocks begin at pages, so the file is mapped and attended to where it is: opening it reads the header alone, and as many
/// processes as like share one copy. A cache that writes behind the context copies the last block first; the file is
/// never written. A block's hash is checked before the block is attended to for the first time.
public final class ContextFile: Sendable {
  /// Changes with the layout above.
  static let layoutVersion: UInt32 = 1
  static let page = 4096
  static let fixedBytes = 68

  /// Where the file is.
  public var path: String { file.path }
  /// The tokens that were read.
  public let tokens: [Int]
  /// How keys and values are stored.
  public let cacheType: CacheType
  /// The name of the model that read them.
  public let modelName: String
  /// Bytes of the file.
  public var byteCount: Int { file.count }
  /// The version of the arithmetic that made it.
  public let numericsVersion: Int
  /// A hash of the header, and so of the tokens and of the blocks' hashes.
  package let identity: UInt64
  let fingerprint: UInt64
  let blockBytes: Int
  private let stride: Int
  private let start: Int
  private let hashes: [UInt64]
  private let file: MappedFile

  /// Blocks of 64 positions.
  var blockCount: Int { hashes.count }

  /// Maps a file and checks its header.
  ///
  /// - Throws: `badContext` for anything that is no context, or was cut short; the reason of a file that cannot be read
  ///   is in `cause`.
  public init(path: String) throws(ModelError) {
    do {
      file = try MappedFile(path: path)
    } catch {
      throw ModelError(.badContext, error.message, remedy: error.remedy, cause: error)
    }
    var reader = ContextFileReader(file)
    let header = try reader.header()
    tokens = header.tokens
    cacheType = header.cacheType
    modelName = header.modelName
    numericsVersion = header.numericsVersion
    fingerprint = header.fingerprint
    identity = header.identity
    blockBytes = header.blockBytes
    stride = header.stride
    start = header.start
    hashes = header.hashes
  }

  /// The bytes of a block, where they lie.
  func block(_ index: Int) -> UnsafeRawPointer { file.base + start + index * stride }

  /// Whether a block is as it was written.
  func isSound(_ index: Int) -> Bool {
    BlockHash.of(UnsafeRawBufferPointer(start: block(index), count: blockBytes)) == hashes[index]
  }

  /// Checks that nobody has written to the file since it was opened; a file that another replaced is no concern.
  ///
  /// - Throws: `badContext`.
  func checkUnchanged() throws(ModelError) {
    guard file.hasChanged else { return }
    throw ModelError(
      .badContext, "'\(path)' was written to while it was in use, expected it to stay as it was",
      remedy: "build it again under another name, and open that")
  }

  func damage(inBlock index: Int) -> ModelError {
    ModelError(
      .badContext,
      "block \(index) of '\(path)' (tokens \(index * 64) to "
        + "\(min(tokens.count, index * 64 + 64) - 1)) does not match its hash",
      remedy: "copy the file again, or build it again")
  }
}

/// A hash of a block: four chains of multiplications side by side, as fast as memory.
enum BlockHash {
  private static let factor: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// Hashes bytes; a tail of less than 32 is taken with zeros behind it.
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var a: UInt64 = 1
    var b: UInt64 = 2
    var c: UInt64 = 3
    var d: UInt64 = 4
    let whole = bytes.count / 32 * 32
    if let base = bytes.baseAddress {
      var place = 0
      while place < whole {
        let at = base + place
        a = mix(a, at.loadUnaligned(as: UInt64.self))
        b = mix(b, at.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        c = mix(c, at.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        d = mix(d, at.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        place += 32
      }
    }
    for place in whole..<bytes.count { a = mix(a, UInt64(bytes[place]) &+ 256) }
    var hash = UInt64(bytes.count)
    for part in [a, b, c, d] { hash = mix(hash, part) }
    return hash ^ hash >> 32
  }

  @inline(__always)
  private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ UInt64(littleEndian: word)) &* factor
    return product ^ product >> 29
  }
}
