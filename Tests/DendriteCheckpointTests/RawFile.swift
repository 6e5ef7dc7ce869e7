// SPDX-License-Identifier: Apache-2.0

import DendriteCheckpoint
import Testing

/// A GGUF file put together field by field, so that tests can put any of them wrong.
struct RawFile {
  struct Tensor {
    var name: [UInt8]
    var shape: [Int64]
    var dimensionCount: UInt32?
    var type: UInt32
    var offset: UInt64

    init(_ name: String, _ shape: [Int64], type: UInt32 = 0, offset: UInt64 = 0) {
      self.name = Array(name.utf8)
      self.shape = shape
      self.type = type
      self.offset = offset
    }
  }

  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  var tensorCount: UInt64?
  var keyCount: UInt64?
  var keys: [[UInt8]] = [RawFile.key("general.architecture", string: "llama")]
  var tensors: [Tensor] = []
  var alignment = 32
  var dataBytes = 0

  var bytes: [UInt8] {
    var bytes = magic + RawFile.integer(version)
    bytes += RawFile.integer(tensorCount ?? UInt64(tensors.count))
    bytes += RawFile.integer(keyCount ?? UInt64(keys.count))
    bytes += keys.joined()
    for tensor in tensors {
      bytes += RawFile.string(tensor.name)
      bytes += RawFile.integer(tensor.dimensionCount ?? UInt32(tensor.shape.count))
      for length in tensor.shape { bytes += RawFile.integer(length) }
      bytes += RawFile.integer(tensor.type) + RawFile.integer(tensor.offset)
    }
    if !tensors.isEmpty {
      bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    }
    return bytes + [UInt8](repeating: 0, count: dataBytes)
  }

  static func integer(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func string(_ text: [UInt8]) -> [UInt8] { integer(UInt64(text.count)) + text }

  static func key(_ name: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] {
    string(Array(name.utf8)) + integer(type) + value
  }

  static func key(_ name: String, string value: String) -> [UInt8] {
    key(name, 8, string(Array(value.utf8)))
  }

  static func array(_ name: String, of type: UInt32, count: UInt64, _ elements: [UInt8]) -> [UInt8]
  {
    key(name, 9, integer(type) + integer(count) + elements)
  }
}

/// Checks that an error says each of some words, and that it has the form of this room's errors.
func expect(
  _ error: CheckpointError?, _ code: CheckpointError.Code, says words: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let error else { return }
  #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
  let text = error.description
  #expect(text.hasPrefix("checkpoint: "), "\(text)", sourceLocation: sourceLocation)
  #expect(text.contains("expected"), "\(text)", sourceLocation: sourceLocation)
  #expect(text.contains("\n  try: "), "\(text)", sourceLocation: sourceLocation)
  for word in words {
    #expect(
      text.contains(word), "'\(word)' is missing in:\n\(text)", sourceLocation: sourceLocation)
  }
}
