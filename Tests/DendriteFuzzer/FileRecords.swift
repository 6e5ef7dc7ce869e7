// SPDX-License-Identifier: Apache-2.0

/// A GGUF file taken apart into its records, so that mutations can respect or break its structure.
struct FileRecords {
  /// A key/value record; the value is kept as bytes.
  struct Key {
    var name: [UInt8]
    var type: UInt32
    var value: [UInt8]
  }

  /// A tensor info.
  struct Tensor {
    var name: [UInt8]
    var shape: [UInt64]
    var type: UInt32
    var offset: UInt64
  }

  var version: UInt32
  var keys: [Key] = []
  var tensors: [Tensor] = []
  var data: [UInt8] = []
  /// Counts that contradict the records, where a mutation wants them.
  var keyCount: UInt64?
  var tensorCount: UInt64?

  /// Takes a *valid* file apart.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard bytes.starts(with: Array("GGUF".utf8)) else { return nil }
    reader.position = 4
    version = UInt32(truncatingIfNeeded: reader.number(4))
    let tensorCount = reader.number(8)
    let keyCount = reader.number(8)
    for _ in 0..<keyCount {
      let name = reader.string()
      let type = UInt32(truncatingIfNeeded: reader.number(4))
      keys.append(Key(name: name, type: type, value: reader.value(type)))
      guard !reader.isPastEnd else { return nil }
    }
    for _ in 0..<tensorCount {
      let name = reader.string()
      let rank = reader.number(4)
      guard rank <= 4 else { return nil }
      let shape = (0..<rank).map { _ in reader.number(8) }
      let type = UInt32(truncatingIfNeeded: reader.number(4))
      tensors.append(Tensor(name: name, shape: shape, type: type, offset: reader.number(8)))
      guard !reader.isPastEnd else { return nil }
    }
    let start = tensors.isEmpty ? reader.position : (reader.position + 31) / 32 * 32
    data = Array(bytes.dropFirst(start))
  }

  /// The file put together again.
  var bytes: [UInt8] {
    var bytes = Array("GGUF".utf8) + little(version)
    bytes += little(tensorCount ?? UInt64(tensors.count))
    bytes += little(keyCount ?? UInt64(keys.count))
    for key in keys {
      bytes += little(UInt64(key.name.count)) + key.name + little(key.type) + key.value
    }
    for tensor in tensors {
      bytes += little(UInt64(tensor.name.count)) + tensor.name
      bytes += little(UInt32(tensor.shape.count))
      for length in tensor.shape { bytes += little(length) }
      bytes += little(tensor.type) + little(tensor.offset)
    }
    if !tensors.isEmpty { bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32) }
    return bytes + data
  }
}

/// An integer's bytes, lowest first.
func little(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

extension FileRecords.Key {
  /// The strings of a value that is an array of strings; `nil` for other values.
  var strings: [[UInt8]]? {
    guard type == 9, value.count >= 12 else { return nil }
    var reader = FileRecords.Reader(bytes: value)
    guard reader.number(4) == 8 else { return nil }
    let count = reader.number(8)
    var strings: [[UInt8]] = []
    for _ in 0..<count {
      strings.append(reader.string())
      guard !reader.isPastEnd else { return nil }
    }
    return strings
  }

  /// Makes the value an array of strings.
  mutating func setStrings(_ strings: [[UInt8]]) {
    type = 9
    value = little(UInt32(8)) + little(UInt64(strings.count))
    for string in strings { value += little(UInt64(string.count)) + string }
  }
}

extension FileRecords {
  /// Reads a valid file; past its end it returns zeros and says so.
  struct Reader {
    let bytes: [UInt8]
    var position = 0
    var isPastEnd = false

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func number(_ size: Int) -> UInt64 {
      let slice = take(size)
      return slice.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func string() -> [UInt8] {
      let count = number(8)
      return Array(take(Int(min(count, UInt64(bytes.count + 1)))))
    }

    /// The bytes of a value.
    mutating func value(_ type: UInt32) -> [UInt8] {
      let start = position
      skip(type)
      return isPastEnd ? [] : Array(bytes[start..<position])
    }

    private mutating func skip(_ type: UInt32) {
      switch type {
      case 8: _ = string()
      case 9:
        let element = UInt32(truncatingIfNeeded: number(4))
        let count = number(8)
        if element == 8 {
          for _ in 0..<count where !isPastEnd { _ = string() }
        } else {
          _ = take(Int(min(count, UInt64(bytes.count))) * FileRecords.width(element))
        }
      default: _ = take(FileRecords.width(type))
      }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
      guard count <= bytes.count - position else {
        isPastEnd = true
        return []
      }
      defer { position += count }
      return bytes[position..<position + count]
    }
  }

  /// Bytes of a value of fixed size.
  static func width(_ type: UInt32) -> Int {
    switch type {
    case 0, 1, 7: 1
    case 2, 3: 2
    case 4, 5, 6: 4
    default: 8
    }
  }
}
