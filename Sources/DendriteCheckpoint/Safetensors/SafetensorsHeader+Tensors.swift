// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

extension SafetensorsHeader {
  /// One record: `{"dtype": …, "shape": […], "data_offsets": [begin, end]}`.
  static func tensor(
    _ member: JSONValue.Member, in file: MappedFile, dataStart: Int, shard: Int
  ) throws(CheckpointError) -> TensorInfo {
    let name = quoted(member.key)
    guard case .object = member.value else {
      throw malformed(file, "the entry of tensor \(name) is no object, expected one")
    }
    guard let dtype = member.value["dtype"]?.string else {
      throw malformed(file, "tensor \(name) has no 'dtype', expected a string")
    }
    guard let shape = integers(member.value["shape"]), shape.count <= 8 else {
      throw malformed(
        file, "tensor \(name) has no usable 'shape', expected up to 8 integers from 0 on")
    }
    guard let offsets = integers(member.value["data_offsets"]), offsets.count == 2,
      offsets[0] <= offsets[1]
    else {
      throw malformed(
        file, "tensor \(name) has no usable 'data_offsets', expected its begin and its end")
    }
    guard let type = TensorType(safetensors: dtype) else {
      throw CheckpointError(
        .unsupportedTensorType,
        "tensor \(name) of \(quoted(file.path)) is stored as \(quoted(dtype)), expected one of\n"
          + TensorType.safetensorsNames,
        remedy: "get the model in another type, for example BF16")
    }
    guard let bytes = byteCount(shape, type) else {
      throw malformed(
        file, "tensor \(name) of shape \(shape) takes more than 2^63 bytes, expected fewer")
    }
    guard offsets[1] - offsets[0] == bytes else {
      throw malformed(
        file,
        "tensor \(name) of \(dtype) and shape \(shape) has \(offsets[1] - offsets[0]) bytes of data, "
          + "expected \(bytes)")
    }
    guard offsets[1] <= file.count - dataStart else {
      throw CheckpointError(
        .truncated,
        "tensor \(name) ends at byte \(offsets[1]) of the data of \(quoted(file.path)), expected at "
          + "most \(file.count - dataStart)",
        remedy: HeaderReader.downloadAgain)
    }
    return TensorInfo(
      name: member.key, shape: shape.isEmpty ? [1] : shape.reversed(), type: type, byteCount: bytes,
      shard: shard, byteRange: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  /// Integers that are not negative; `nil` for anything else.
  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let elements) = value else { return nil }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let number) = element, number >= 0 else { return nil }
      integers.append(number)
    }
    return integers
  }

  private static func byteCount(_ shape: [Int], _ type: TensorType) -> Int? {
    if shape.contains(0) { return 0 }
    var elements = 1
    for length in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: length)
      if overflow { return nil }
      elements = product
    }
    return type.byteCount(elements: elements)
  }

  /// Checks that tensors, sorted by their data, follow each other from the first byte to the last.
  static func checkCover(
    _ tensors: [TensorInfo], of file: MappedFile, dataStart: Int
  ) throws(CheckpointError) {
    var end = dataStart
    var previous = "the header"
    for tensor in tensors {
      let start = tensor.byteRange.lowerBound
      guard start >= end else {
        throw malformed(
          file,
          "the data of tensor \(quoted(tensor.name)) begin at byte \(start - dataStart), inside those "
            + "of \(previous), expected byte \(end - dataStart)")
      }
      guard start == end else {
        throw malformed(
          file,
          "no tensor has the bytes \(end - dataStart) to \(start - dataStart) of the data, expected "
            + "\(quoted(tensor.name)) right behind \(previous)")
      }
      end = tensor.byteRange.upperBound
      previous = "tensor \(quoted(tensor.name))"
    }
    guard end == file.count else {
      throw malformed(
        file,
        "\(file.count - end) bytes follow the data of \(previous), expected the end of the file")
    }
  }
}

// MARK: - Types

extension TensorType {
  /// Types of safetensors files that are read, by their names there.
  private static let bySafetensorsName: [(name: String, type: TensorType)] = [
    ("F32", .f32), ("F16", .f16), ("BF16", .bf16), ("F8_E4M3", .f8_e4m3), ("F8_E5M2", .f8_e5m2),
    ("F64", .f64), ("I8", .i8), ("I16", .i16), ("I32", .i32), ("I64", .i64), ("U8", .u8),
  ]

  /// The type that safetensors files call like this.
  init?(safetensors name: String) {
    guard let found = TensorType.bySafetensorsName.first(where: { $0.name == name }) else {
      return nil
    }
    self = found.type
  }

  /// Every type that is read from safetensors files, for messages.
  static var safetensorsNames: String {
    bySafetensorsName.map(\.name).joined(separator: " ")
  }
}
