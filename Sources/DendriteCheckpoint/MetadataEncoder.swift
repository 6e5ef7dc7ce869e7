// SPDX-License-Identifier: Apache-2.0

/// Writes metadata values as one of the file's types.
struct MetadataEncoder {
  let type: MetadataType

  init(_ type: MetadataType) { self.type = type }

  /// Appends tag and value; returns false if the value does not fit the type.
  func append(_ value: MetadataValue, to bytes: inout [UInt8]) -> Bool {
    guard type != .array else { return false }
    if let count = value.count {
      bytes.appendInteger(MetadataType.array.rawValue)
      bytes.appendInteger(type.rawValue)
      bytes.appendInteger(UInt64(count))
    } else {
      bytes.appendInteger(type.rawValue)
    }
    return switch value {
    case .integer(let number): appendNumber(number, to: &bytes)
    case .unsigned(let number): appendNumber(number, to: &bytes)
    case .float(let number): appendNumber(number, to: &bytes)
    case .bool(let value): appendBool(value, to: &bytes)
    case .string(let text): appendText(text, to: &bytes)
    case .integers(let numbers): numbers.allSatisfy { appendNumber($0, to: &bytes) }
    case .floats(let numbers): numbers.allSatisfy { appendNumber(Double($0), to: &bytes) }
    case .doubles(let numbers): numbers.allSatisfy { appendNumber($0, to: &bytes) }
    case .bools(let values): values.allSatisfy { appendBool($0, to: &bytes) }
    case .strings(let texts): texts.allSatisfy { appendText($0, to: &bytes) }
    }
  }

  private func appendNumber(_ number: some BinaryInteger, to bytes: inout [UInt8]) -> Bool {
    switch type {
    case .uint8: append(UInt8(exactly: number), to: &bytes)
    case .int8: append(Int8(exactly: number), to: &bytes)
    case .uint16: append(UInt16(exactly: number), to: &bytes)
    case .int16: append(Int16(exactly: number), to: &bytes)
    case .uint32: append(UInt32(exactly: number), to: &bytes)
    case .int32: append(Int32(exactly: number), to: &bytes)
    case .uint64: append(UInt64(exactly: number), to: &bytes)
    case .int64: append(Int64(exactly: number), to: &bytes)
    case .float32, .float64, .bool, .string, .array: false
    }
  }

  private func appendNumber(_ number: Double, to bytes: inout [UInt8]) -> Bool {
    switch type {
    case .float32: append(Float(number).bitPattern, to: &bytes)
    case .float64: append(number.bitPattern, to: &bytes)
    default: false
    }
  }

  private func appendBool(_ value: Bool, to bytes: inout [UInt8]) -> Bool {
    type == .bool && append(UInt8(value ? 1 : 0), to: &bytes)
  }

  private func appendText(_ text: String, to bytes: inout [UInt8]) -> Bool {
    guard type == .string else { return false }
    bytes.appendString(text)
    return true
  }

  private func append<T: FixedWidthInteger>(_ value: T?, to bytes: inout [UInt8]) -> Bool {
    guard let value else { return false }
    bytes.appendInteger(value)
    return true
  }
}

extension [UInt8] {
  /// Appends an integer, lowest byte first.
  mutating func appendInteger(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends a string as the format has it: length in bytes (u64), then the bytes.
  mutating func appendString(_ text: String) {
    appendInteger(UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}
