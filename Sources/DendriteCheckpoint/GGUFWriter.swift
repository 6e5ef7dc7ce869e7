// SPDX-License-Identifier: Apache-2.0

/// Collects metadata and tensors and writes them as a GGUF file, version 3.
///
/// Strict: what it writes loads in llama.cpp, with unique ASCII keys, short unique names and
/// consecutive aligned offsets. Tensors come as closures that fill their bytes piece by piece, so a
/// file of any size takes a few megabytes of memory.
///
/// - Source: ggml `docs/gguf.md` and `src/gguf.cpp`.
public struct GGUFWriter: Sendable {
  /// Fills a piece of a tensor: `chunk` receives the bytes from `byteOffset` on; both ends of the
  /// piece are ends of blocks.
  public typealias Fill =
    @Sendable (_ chunk: UnsafeMutableRawBufferPointer, _ byteOffset: Int) -> Void

  /// A tensor to write.
  struct Tensor: Sendable {
    let name: String
    let shape: [Int]
    let type: TensorType
    let byteCount: Int
    let offset: Int
    let fill: Fill
  }

  /// Bytes that tensor offsets are multiples of.
  public let alignment: Int
  private(set) var tensors: [Tensor] = []
  private(set) var keyCount = 0
  private(set) var keyBytes: [UInt8] = []
  private var keys: Set<String> = []
  private var names: Set<String> = []
  private var dataBytes = 0

  /// Starts an empty file.
  ///
  /// - Precondition: `alignment` is a power of two from 8 to 2^20; other than 32 it is written as
  ///   `general.alignment`.
  public init(alignment: Int = 32) {
    precondition(
      alignment >= 8 && alignment <= 1 << 20 && alignment & (alignment - 1) == 0,
      "alignment \(alignment) is not a power of two from 8 to 2^20")
    self.alignment = alignment
    if alignment != 32 {
      keys.insert("general.alignment")
      keyCount = 1
      keyBytes.appendString("general.alignment")
      keyBytes.appendInteger(MetadataType.uint32.rawValue)
      keyBytes.appendInteger(UInt32(alignment))
    }
  }

  /// Adds a tensor after the others; `shape` has one to four dimensions, the contiguous one first.
  ///
  /// - Throws: `.unwritable` if the name is taken, empty or 64 bytes or longer, or the shape does
  ///   not fit the type.
  public mutating func addTensor(
    _ name: String, shape: [Int], type: TensorType, fill: @escaping Fill
  ) throws(CheckpointError) {
    guard (1..<64).contains(name.utf8.count), !names.contains(name) else {
      throw unwritable(
        "tensor \(quoted(name))", "a new name of 1 to 63 bytes", "rename the tensor")
    }
    guard (1...4).contains(shape.count), shape.allSatisfy({ $0 >= 1 }),
      shape[0] % type.blockLength == 0
    else {
      throw unwritable(
        "tensor \(quoted(name)) of shape \(shape) as \(type)",
        "1 to 4 dimensions, the first a multiple of \(type.blockLength)", "choose another type")
    }
    var elements = 1
    var overflows = false
    for length in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: length)
      elements = product
      overflows = overflows || overflow
    }
    guard !overflows, let bytes = type.byteCount(elements: elements), bytes < 1 << 48 else {
      throw unwritable(
        "tensor \(quoted(name)) of shape \(shape)", "fewer than 2^48 bytes", "check its shape")
    }
    names.insert(name)
    tensors.append(
      Tensor(
        name: name, shape: shape, type: type, byteCount: bytes, offset: dataBytes, fill: fill))
    dataBytes += (bytes + alignment - 1) / alignment * alignment
  }

  /// Adds a tensor of F32 values held in memory; for norms, biases and tables.
  ///
  /// - Throws: `.unwritable`, as `addTensor(_:shape:type:fill:)`.
  public mutating func addTensor(
    _ name: String, shape: [Int], floats values: [Float]
  ) throws(CheckpointError) {
    guard shape.reduce(1, *) == values.count else {
      throw unwritable(
        "tensor \(quoted(name)) of shape \(shape) with \(values.count) values",
        "as many values as the shape has", "check its shape")
    }
    try addTensor(name, shape: shape, type: .f32) { chunk, byteOffset in
      let first = byteOffset / 4
      for index in 0..<chunk.count / 4 {
        chunk.storeBytes(
          of: values[first + index].bitPattern.littleEndian, toByteOffset: 4 * index,
          as: UInt32.self)
      }
    }
  }
}

// MARK: - Metadata

extension GGUFWriter {
  /// Adds a key with a value of exactly the type `type`; of an array, the elements' type.
  ///
  /// - Throws: `.unwritable` if the key is taken or not ASCII, or a value does not fit the type.
  public mutating func add(
    _ key: String, _ value: MetadataValue, as type: MetadataType
  ) throws(CheckpointError) {
    guard (1...65535).contains(key.utf8.count), key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      keys.insert(key).inserted
    else {
      throw unwritable(
        "key \(quoted(key))", "a new key of visible ASCII characters", "rename the key")
    }
    var record: [UInt8] = []
    record.appendString(key)
    guard MetadataEncoder(type).append(value, to: &record) else {
      throw unwritable(
        "key \(quoted(key)) with \(value.typeName)", "a value that fits \(type)",
        "choose another type")
    }
    keyBytes += record
    keyCount += 1
  }

  /// Adds an unsigned integer of 32 bits.
  public mutating func add(_ key: String, uint32 value: Int) throws(CheckpointError) {
    try add(key, .integer(Int64(value)), as: .uint32)
  }

  /// Adds a Float32.
  public mutating func add(_ key: String, float32 value: Float) throws(CheckpointError) {
    try add(key, .float(Double(value)), as: .float32)
  }

  /// Adds a bool.
  public mutating func add(_ key: String, bool value: Bool) throws(CheckpointError) {
    try add(key, .bool(value), as: .bool)
  }

  /// Adds a string.
  public mutating func add(_ key: String, string value: String) throws(CheckpointError) {
    try add(key, .string(value), as: .string)
  }

  /// Adds an array of strings.
  public mutating func add(_ key: String, strings values: [String]) throws(CheckpointError) {
    try add(key, .strings(values), as: .string)
  }

  /// Adds an array of integers of 32 bits.
  public mutating func add(_ key: String, int32s values: [Int]) throws(CheckpointError) {
    try add(key, .integers(values.map { Int64($0) }), as: .int32)
  }

  /// Adds an array of Float32.
  public mutating func add(_ key: String, float32s values: [Float]) throws(CheckpointError) {
    try add(key, .floats(values), as: .float32)
  }

  func unwritable(_ found: String, _ expected: String, _ remedy: String) -> CheckpointError {
    CheckpointError(.unwritable, "\(found) cannot be written, expected \(expected)", remedy: remedy)
  }
}

// MARK: - Layout

extension GGUFWriter {
  /// Everything before the data section, padding included.
  var headerBytes: [UInt8] {
    var bytes: [UInt8] = Array("GGUF".utf8)
    bytes.appendInteger(UInt32(3))
    bytes.appendInteger(Int64(tensors.count))
    bytes.appendInteger(Int64(keyCount))
    bytes += keyBytes
    for tensor in tensors {
      bytes.appendString(tensor.name)
      bytes.appendInteger(UInt32(tensor.shape.count))
      for length in tensor.shape { bytes.appendInteger(Int64(length)) }
      bytes.appendInteger(tensor.type.rawValue)
      bytes.appendInteger(UInt64(tensor.offset))
    }
    if !tensors.isEmpty {
      let padding = (alignment - bytes.count % alignment) % alignment
      bytes += [UInt8](repeating: 0, count: padding)
    }
    return bytes
  }

  /// Bytes of the whole file.
  public var fileByteCount: Int { headerBytes.count + dataBytes }
}
