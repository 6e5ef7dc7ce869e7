// SPDX-License-Identifier: Apache-2.0

/// The parsed and validated header of one GGUF file, one shard of a model.
///
/// Source: ggml `docs/gguf.md` and `src/gguf.cpp`.
struct GGUFHeader: Sendable {
  /// The file, mapped.
  let file: MappedFile
  /// The format's version, 2 or 3.
  let version: Int
  /// Bytes that tensor offsets are multiples of.
  let alignment: Int
  /// The key/value part.
  let metadata: GGUFMetadata
  /// The tensors, in the file's order; their ranges are inside the file and do not overlap.
  let tensors: [TensorInfo]

  /// Parses and checks a header.
  ///
  /// - Complexity: O(header bytes + tensors × log tensors); allocates at most a small multiple of
  ///   the header's bytes.
  init(_ file: MappedFile, shard: Int) throws(CheckpointError) {
    var reader = HeaderReader(file)
    try GGUFHeader.checkMagic(&reader)
    version = try GGUFHeader.readVersion(&reader)
    let tensorCount = try GGUFHeader.readCount(
      &reader, of: "tensors", minimumBytes: GGUFHeader.minimumTensorBytes)
    let keyCount = try GGUFHeader.readCount(
      &reader, of: "keys", minimumBytes: GGUFHeader.minimumKeyBytes)
    metadata = try GGUFHeader.readMetadata(&reader, count: keyCount)
    alignment = try GGUFHeader.readAlignment(reader, metadata)
    tensors = try GGUFHeader.readTensors(
      &reader, count: tensorCount, alignment: alignment, shard: shard)
    self.file = file
  }

  /// A key of one byte (u64 length, byte), a tag and a value of one byte.
  private static let minimumKeyBytes = 8 + 1 + 4 + 1
  /// A name of one byte (u64 length, byte), no dimensions (u32), a type (u32) and an offset (u64).
  private static let minimumTensorBytes = 8 + 1 + 4 + 4 + 8
}

// MARK: - Magic, version, counts

extension GGUFHeader {
  private static func checkMagic(_ reader: inout HeaderReader) throws(CheckpointError) {
    let file = reader.file
    let found = file.withUnsafeBytes(in: 0..<min(16, file.count)) { [UInt8]($0) }
    guard found.starts(with: Array("GGUF".utf8)) else {
      let hex = found.prefix(4).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
      let (guess, remedy) = GGUFHeader.recognise(found)
      throw CheckpointError(
        .unsupportedFormat,
        "\(quoted(file.path)) begins with the bytes \(hex.joined(separator: " "))\(guess), expected "
          + "47 47 55 46 (\"GGUF\")",
        remedy: remedy)
    }
    _ = try reader.integer(as: UInt32.self)
  }

  /// What a file that is not GGUF might be, and what to do with it.
  private static func recognise(_ bytes: [UInt8]) -> (guess: String, remedy: String) {
    let text = String(decoding: bytes, as: UTF8.self)
    let convert = "convert it to GGUF, for example with llama.cpp's convert_hf_to_gguf.py"
    if text.hasPrefix("FUGG") {
      return (" (the other byte order)", "convert the file for little-endian machines")
    }
    if text.hasPrefix("PK") { return (" (a zip archive, perhaps a PyTorch checkpoint)", convert) }
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return (" (perhaps safetensors)", convert) }
    if text.hasPrefix("version http") {
      return (" (a Git LFS pointer)", "`git lfs pull` fetches the file itself")
    }
    if text.hasPrefix("<") {
      return (" (a web page)", "download the file again; check the link and your permission")
    }
    if ["tjgg", "lmgg", "fmgg"].contains(where: text.hasPrefix) {
      return (" (a llama.cpp format older than GGUF)", "get a current GGUF file of the model")
    }
    return ("", "give the path of a .gguf file")
  }

  private static func readVersion(_ reader: inout HeaderReader) throws(CheckpointError) -> Int {
    let version = try reader.integer(as: UInt32.self)
    let path = quoted(reader.file.path)
    if version & 0xFFFF == 0, version != 0 {
      throw CheckpointError(
        .unsupportedFormat,
        "\(path) is big-endian (version field \(version)), expected a little-endian file",
        remedy: "convert the file for little-endian machines")
    }
    switch version {
    case 2, 3: return Int(version)
    case 0, 1:
      throw CheckpointError(
        .unsupportedFormat, "\(path) has GGUF version \(version), expected 2 or 3",
        remedy: "get a current GGUF file of the model, or convert it again")
    default:
      throw CheckpointError(
        .unsupportedFormat, "\(path) has GGUF version \(version), expected 2 or 3",
        remedy: "look for a newer Dendrite, or convert the model with an older converter")
    }
  }

  private static func readCount(
    _ reader: inout HeaderReader, of what: String, minimumBytes: Int
  ) throws(CheckpointError) -> Int {
    let count = try reader.integer(as: UInt64.self)
    let most = UInt64(reader.remaining / minimumBytes)
    guard count <= most else {
      throw CheckpointError(
        .malformed,
        "\(quoted(reader.file.path)) claims \(count) \(what), expected at most \(most) in "
          + "\(reader.file.count) bytes",
        remedy: HeaderReader.downloadAgain)
    }
    return Int(count)
  }

  private static func readAlignment(
    _ reader: HeaderReader, _ metadata: GGUFMetadata
  ) throws(CheckpointError) -> Int {
    let key = "general.alignment"
    guard let alignment = try metadata.int(key) else { return 32 }
    guard alignment > 0, alignment <= 1 << 30, alignment & (alignment - 1) == 0 else {
      throw reader.malformed(
        "'\(key)' is \(alignment), expected a power of two up to 2^30",
        remedy: "convert the model again with a current converter")
    }
    return alignment
  }
}
