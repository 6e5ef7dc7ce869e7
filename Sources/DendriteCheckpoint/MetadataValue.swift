// SPDX-License-Identifier: Apache-2.0

/// A value of a file's metadata, by value: the width it was stored in is forgotten.
public enum MetadataValue: Sendable, Equatable {
  /// An integer of any width.
  case integer(Int64)
  /// An unsigned integer above `Int64.max`.
  case unsigned(UInt64)
  /// A Float32 or Float64.
  case float(Double)
  case bool(Bool)
  /// Text; bytes that are not UTF-8 are replaced by U+FFFD.
  case string(String)
  case integers([Int64])
  case floats([Float])
  case doubles([Double])
  case bools([Bool])
  case strings([String])

  /// Elements of an array; `nil` for a single value.
  public var count: Int? {
    switch self {
    case .integers(let values): values.count
    case .floats(let values): values.count
    case .doubles(let values): values.count
    case .bools(let values): values.count
    case .strings(let values): values.count
    default: nil
    }
  }

  /// The value's type in words, for messages.
  public var typeName: String {
    switch self {
    case .integer, .unsigned: "an integer"
    case .float: "a float"
    case .bool: "a bool"
    case .string: "a string"
    case .integers: "an array of integers"
    case .floats, .doubles: "an array of floats"
    case .bools: "an array of bools"
    case .strings: "an array of strings"
    }
  }
}

extension MetadataValue: CustomStringConvertible {
  /// The value on one line; arrays show their length and first elements.
  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .float(let value): Float(value).isFinite ? "\(Float(value))" : "\(value)"
    case .bool(let value): "\(value)"
    case .string(let value): quoted(value)
    case .integers(let values): MetadataValue.preview(values) { "\($0)" }
    case .floats(let values): MetadataValue.preview(values) { "\($0)" }
    case .doubles(let values): MetadataValue.preview(values) { "\($0)" }
    case .bools(let values): MetadataValue.preview(values) { "\($0)" }
    case .strings(let values): MetadataValue.preview(values, quoted)
    }
  }

  private static func preview<T>(_ values: [T], _ spell: (T) -> String) -> String {
    let first = values.prefix(6).map(spell).joined(separator: ", ")
    return "\(values.count) × [\(first)\(values.count > 6 ? ", …" : "")]"
  }
}

/// The type tags of values in a file.
///
/// - Source: ggml `include/gguf.h`, `gguf_type`.
public enum MetadataType: UInt32, Sendable, CaseIterable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// The least number of bytes that one value takes in a file.
  var minimumBytes: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64, .string: 8
    case .array: 12
    }
  }
}
