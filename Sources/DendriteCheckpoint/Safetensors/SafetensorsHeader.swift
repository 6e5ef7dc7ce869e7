// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

/// The header of a safetensors file: which tensors there are, and where.
///
/// Eight bytes say how long the header is; it is JSON; the data follow. Everything is checked before anything
/// is used: lengths against the file, shapes against their bytes, and that tensors cover the data without
/// gaps and without overlaps.
///
/// - Source: huggingface/safetensors, README and `safetensors/src/tensor.rs`.
struct SafetensorsHeader {
  /// The file, mapped.
  let file: MappedFile
  /// The tensors, in the order of their data.
  let tensors: [TensorInfo]
  /// What the writer noted, in the file's order.
  let notes: [(key: String, value: String)]

  /// The longest header that is read, as in the reference reader.
  static let longest = 100_000_000

  /// Reads the header of a mapped file.
  ///
  /// - Parameters:
  ///   - file: the file.
  ///   - shard: its number among the model's files, from 0.
  /// - Throws: `.truncated`, `.malformed` or `.unsupportedTensorType`.
  /// - Complexity: O(header bytes + tensors · log tensors); no tensor is read.
  init(_ file: MappedFile, shard: Int) throws(CheckpointError) {
    self.file = file
    let bytes = try SafetensorsHeader.text(of: file)
    let dataStart = 8 + bytes.count
    let json: JSONValue
    do {
      json = try JSONValue(
        parsing: bytes, limits: .init(byteCount: SafetensorsHeader.longest, depth: 8))
    } catch {
      throw SafetensorsHeader.malformed(file, "its header is not JSON: \(error)")
    }
    guard case .object(let members) = json else {
      throw SafetensorsHeader.malformed(file, "its header is no JSON object, expected one")
    }
    var notes: [(key: String, value: String)] = []
    var tensors: [TensorInfo] = []
    for member in members {
      if member.key == "__metadata__" {
        notes = try SafetensorsHeader.notes(member.value, in: file)
      } else {
        tensors.append(
          try SafetensorsHeader.tensor(member, in: file, dataStart: dataStart, shard: shard))
      }
    }
    tensors.sort {
      ($0.byteRange.lowerBound, $0.byteCount) < ($1.byteRange.lowerBound, $1.byteCount)
    }
    try SafetensorsHeader.checkCover(tensors, of: file, dataStart: dataStart)
    self.tensors = tensors
    self.notes = notes
  }

  /// The bytes of the JSON text.
  private static func text(of file: MappedFile) throws(CheckpointError) -> [UInt8] {
    guard file.count >= 10 else {
      throw CheckpointError(
        .truncated,
        "\(quoted(file.path)) has \(file.count) bytes, expected a safetensors file: the length of its "
          + "header, the header and the data",
        remedy: HeaderReader.downloadAgain)
    }
    let length = UInt64(littleEndian: file.base.loadUnaligned(as: UInt64.self))
    guard length >= 2, length <= UInt64(longest) else {
      throw malformed(
        file, "its header has \(length) bytes, expected 2 to \(longest)",
        remedy: "give a .safetensors file; a .gguf file is read by its own name")
    }
    guard length <= UInt64(file.count - 8) else {
      throw CheckpointError(
        .truncated,
        "\(quoted(file.path)) ends inside its header: it has \(file.count) bytes, expected at least "
          + "\(length + 8)",
        remedy: HeaderReader.downloadAgain)
    }
    let bytes = file.withUnsafeBytes(in: 8..<8 + Int(length)) { Array($0) }
    guard bytes[0] == UInt8(ascii: "{") else {
      throw malformed(file, "its header begins with byte \(bytes[0]), expected '{'")
    }
    return bytes
  }

  private static func notes(
    _ value: JSONValue, in file: MappedFile
  ) throws(CheckpointError) -> [(key: String, value: String)] {
    guard case .object(let members) = value else {
      throw malformed(file, "'__metadata__' is no object, expected one of strings")
    }
    var notes: [(key: String, value: String)] = []
    for member in members {
      guard case .string(let text) = member.value else {
        throw malformed(
          file, "\(quoted(member.key)) of '__metadata__' is no string, expected one")
      }
      notes.append((member.key, text))
    }
    return notes
  }

  /// The error of a header that contradicts the format.
  static func malformed(
    _ file: MappedFile, _ what: String, remedy: String = HeaderReader.downloadAgain
  ) -> CheckpointError {
    CheckpointError(.malformed, "\(quoted(file.path)): \(what)", remedy: remedy)
  }
}
