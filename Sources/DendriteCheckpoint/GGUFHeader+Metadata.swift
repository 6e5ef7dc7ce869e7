// SPDX-License-Identifier: Apache-2.0

extension GGUFHeader {
  /// Elements that one array may have: no known file comes near, and short elements grow in memory.
  static let maximumArrayCount = 1 << 24
  /// Elements that are allocated before they are read.
  static let maximumReserve = 1 << 20
  /// The longest key in bytes, by the format.
  static let maximumKeyBytes = 65535

  /// Reads `count` key/value records.
  static func readMetadata(
    _ reader: inout HeaderReader, count: Int
  ) throws(CheckpointError) -> GGUFMetadata {
    var metadata = GGUFMetadata()
    for index in 0..<count {
      reader.place = .key(index, of: count, name: nil)
      let key = try readKey(&reader)
      reader.place = .key(index, of: count, name: key)
      let type = try readType(&reader)
      let value = try readValue(&reader, type)
      guard metadata.add(key, value) else {
        throw reader.malformed(
          "the key \(quoted(key)) appears twice, expected once",
          remedy: "convert the model again with a current converter")
      }
    }
    reader.place = .header
    return metadata
  }

  private static func readKey(_ reader: inout HeaderReader) throws(CheckpointError) -> String {
    let bytes = try reader.stringBytes()
    guard !bytes.isEmpty, bytes.count <= maximumKeyBytes else {
      throw reader.malformed("a key of \(bytes.count) bytes, expected 1 to \(maximumKeyBytes)")
    }
    let key = String(decoding: bytes, as: UTF8.self)
    guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw reader.malformed("the key \(quoted(key)), expected visible ASCII characters only")
    }
    return key
  }

  private static func readType(
    _ reader: inout HeaderReader
  ) throws(CheckpointError) -> MetadataType {
    let tag = try reader.integer(as: UInt32.self)
    guard let type = MetadataType(rawValue: tag) else {
      throw reader.malformed("a value of type \(tag), expected a type from 0 to 12")
    }
    return type
  }

  private static func readValue(
    _ reader: inout HeaderReader, _ type: MetadataType
  ) throws(CheckpointError) -> MetadataValue {
    switch type {
    case .uint8: .integer(Int64(try reader.integer(as: UInt8.self)))
    case .int8: .integer(Int64(try reader.integer(as: Int8.self)))
    case .uint16: .integer(Int64(try reader.integer(as: UInt16.self)))
    case .int16: .integer(Int64(try reader.integer(as: Int16.self)))
    case .uint32: .integer(Int64(try reader.integer(as: UInt32.self)))
    case .int32: .integer(Int64(try reader.integer(as: Int32.self)))
    case .int64: .integer(try reader.integer(as: Int64.self))
    case .uint64: integer(try reader.integer(as: UInt64.self))
    case .float32: .float(Double(try reader.float()))
    case .float64: .float(try reader.double())
    case .bool: .bool(try reader.bool())
    case .string: .string(try reader.string())
    case .array: try readArray(&reader)
    }
  }

  private static func integer(_ value: UInt64) -> MetadataValue {
    Int64(exactly: value).map { .integer($0) } ?? .unsigned(value)
  }

  private static func readArray(
    _ reader: inout HeaderReader
  ) throws(CheckpointError) -> MetadataValue {
    let type = try readType(&reader)
    guard type != .array else {
      throw reader.malformed(
        "an array of arrays, expected an array of single values",
        remedy: "convert the model again without this key")
    }
    let claimed = try reader.integer(as: UInt64.self)
    let most = UInt64(min(maximumArrayCount, reader.remaining / type.minimumBytes))
    guard claimed <= most else {
      throw reader.malformed("an array of \(claimed) elements, expected at most \(most)")
    }
    let count = Int(claimed)
    return switch type {
    case .uint8: .integers(try readIntegers(&reader, count, UInt8.self))
    case .int8: .integers(try readIntegers(&reader, count, Int8.self))
    case .uint16: .integers(try readIntegers(&reader, count, UInt16.self))
    case .int16: .integers(try readIntegers(&reader, count, Int16.self))
    case .uint32: .integers(try readIntegers(&reader, count, UInt32.self))
    case .int32: .integers(try readIntegers(&reader, count, Int32.self))
    case .uint64: .integers(try readIntegers(&reader, count, UInt64.self))
    case .int64: .integers(try readIntegers(&reader, count, Int64.self))
    case .float32: .floats(try readFloats(&reader, count))
    case .float64: .doubles(try readDoubles(&reader, count))
    case .bool: .bools(try readBools(&reader, count))
    case .string, .array: .strings(try readStrings(&reader, count))
    }
  }

  private static func readIntegers<T: FixedWidthInteger & BitwiseCopyable>(
    _ reader: inout HeaderReader, _ count: Int, _ type: T.Type
  ) throws(CheckpointError) -> [Int64] {
    var values: [Int64] = []
    values.reserveCapacity(min(count, maximumReserve))
    for index in 0..<count {
      let value = try reader.integer(as: T.self)
      guard let value = Int64(exactly: value) else {
        throw reader.malformed("element \(index) is \(value), expected at most \(Int64.max)")
      }
      values.append(value)
    }
    return values
  }

  private static func readFloats(
    _ reader: inout HeaderReader, _ count: Int
  ) throws(CheckpointError) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(min(count, maximumReserve))
    for _ in 0..<count { values.append(try reader.float()) }
    return values
  }

  private static func readDoubles(
    _ reader: inout HeaderReader, _ count: Int
  ) throws(CheckpointError) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(min(count, maximumReserve))
    for _ in 0..<count { values.append(try reader.double()) }
    return values
  }

  private static func readBools(
    _ reader: inout HeaderReader, _ count: Int
  ) throws(CheckpointError) -> [Bool] {
    var values: [Bool] = []
    values.reserveCapacity(min(count, maximumReserve))
    for _ in 0..<count { values.append(try reader.bool()) }
    return values
  }

  private static func readStrings(
    _ reader: inout HeaderReader, _ count: Int
  ) throws(CheckpointError) -> [String] {
    var values: [String] = []
    values.reserveCapacity(min(count, maximumReserve))
    for _ in 0..<count { values.append(try reader.string()) }
    return values
  }
}
