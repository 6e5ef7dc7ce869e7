// SPDX-License-Identifier: Apache-2.0

extension GGUFHeader {
  /// The longest tensor name in bytes, by the format.
  static let maximumNameBytes = 64

  /// Reads `count` tensor infos and checks where their bytes are.
  static func readTensors(
    _ reader: inout HeaderReader, count: Int, alignment: Int, shard: Int
  ) throws(CheckpointError) -> [TensorInfo] {
    guard count > 0 else { return [] }
    var records: [(info: TensorInfo, offset: UInt64)] = []
    var names: Set<String> = []
    for index in 0..<count {
      reader.place = .tensor(index, of: count, name: nil)
      let record = try readTensor(&reader, index, count, alignment: alignment, shard: shard)
      guard names.insert(record.info.name).inserted else {
        throw reader.malformed(
          "the tensor \(quoted(record.info.name)) appears twice, expected once",
          remedy: "convert the model again with a current converter")
      }
      records.append(record)
    }
    reader.place = .header
    try reader.align(to: alignment)
    let tensors = try place(records, dataStart: reader.position, in: reader.file, shard: shard)
    try checkDisjoint(tensors, in: reader.file)
    return tensors
  }

  /// Reads one record; the range of the result is filled in by `place`.
  private static func readTensor(
    _ reader: inout HeaderReader, _ index: Int, _ count: Int, alignment: Int, shard: Int
  ) throws(CheckpointError) -> (info: TensorInfo, offset: UInt64) {
    let nameBytes = try reader.stringBytes()
    guard !nameBytes.isEmpty, nameBytes.count <= maximumNameBytes else {
      throw reader.malformed(
        "a tensor's name has \(nameBytes.count) bytes, expected 1 to \(maximumNameBytes)")
    }
    let name = String(decoding: nameBytes, as: UTF8.self)
    reader.place = .tensor(index, of: count, name: name)

    let shape = try readShape(&reader)
    let id = try reader.integer(as: UInt32.self)
    guard let type = TensorType(rawValue: id), type.isOfGGUF else {
      throw CheckpointError(
        .unsupportedTensorType,
        "tensor \(quoted(name)) is stored as \(TensorType.describeUnsupported(id: id)), "
          + "expected one of\n\(TensorType.supportedNames)",
        remedy: "get the model in another quantisation, for example Q8_0 or Q4_K_M")
    }
    let offset = try reader.integer(as: UInt64.self)
    guard offset % UInt64(alignment) == 0 else {
      throw reader.malformed(
        "the tensor's offset \(offset) is misaligned, expected a multiple of \(alignment)")
    }
    let bytes = try byteCount(shape, type, reader)
    let info = TensorInfo(
      name: name, shape: shape, type: type, byteCount: bytes, shard: shard, byteRange: 0..<0)
    return (info, offset)
  }

  private static func readShape(_ reader: inout HeaderReader) throws(CheckpointError) -> [Int] {
    let dimensions = try reader.integer(as: UInt32.self)
    guard dimensions <= 4 else {
      throw reader.malformed("a tensor of \(dimensions) dimensions, expected at most 4")
    }
    var shape: [Int] = []
    for _ in 0..<dimensions {
      let length = try reader.integer(as: Int64.self)
      guard length >= 1, let length = Int(exactly: length) else {
        throw reader.malformed("a dimension of \(length), expected at least 1")
      }
      shape.append(length)
    }
    return shape.isEmpty ? [1] : shape
  }

  private static func byteCount(
    _ shape: [Int], _ type: TensorType, _ reader: HeaderReader
  ) throws(CheckpointError) -> Int {
    guard shape[0] % type.blockLength == 0 else {
      throw reader.malformed(
        "rows of \(shape[0]) values stored as \(type), expected a multiple of its block length "
          + "\(type.blockLength)",
        remedy: "convert or quantise the model again")
    }
    var elements = 1
    for length in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: length)
      guard !overflow else {
        throw reader.malformed("shape \(shape) has more than 2^63 values, expected fewer")
      }
      elements = product
    }
    guard let bytes = type.byteCount(elements: elements) else {
      throw reader.malformed("shape \(shape) as \(type) takes more than 2^63 bytes, expected fewer")
    }
    return bytes
  }
}

// MARK: - Ranges

extension GGUFHeader {
  /// Turns offsets into ranges of the file, all inside it.
  private static func place(
    _ records: [(info: TensorInfo, offset: UInt64)], dataStart: Int, in file: MappedFile, shard: Int
  ) throws(CheckpointError) -> [TensorInfo] {
    let available = file.count - dataStart
    var tensors: [TensorInfo] = []
    tensors.reserveCapacity(records.count)
    for (info, offset) in records {
      guard let offset = Int(exactly: offset), offset <= available,
        info.byteCount <= available - offset
      else {
        throw CheckpointError(
          .truncated,
          "tensor \(quoted(info.name)) is outside \(quoted(file.path)): \(info.type) "
            + "\(info.shape) takes \(info.byteCount) bytes at offset \(offset),\n"
            + "expected to end within the \(available) bytes of the file's data section",
          remedy: HeaderReader.downloadAgain)
      }
      let start = dataStart + offset
      tensors.append(
        TensorInfo(
          name: info.name, shape: info.shape, type: info.type, byteCount: info.byteCount,
          shard: shard, byteRange: start..<start + info.byteCount))
    }
    return tensors
  }

  private static func checkDisjoint(
    _ tensors: [TensorInfo], in file: MappedFile
  ) throws(CheckpointError) {
    let ordered = tensors.sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
    for (first, second) in zip(ordered, ordered.dropFirst())
    where first.byteRange.upperBound > second.byteRange.lowerBound {
      throw CheckpointError(
        .malformed,
        "\(quoted(file.path)): the tensors \(quoted(first.name)) (bytes \(first.byteRange)) and "
          + "\(quoted(second.name)) (bytes \(second.byteRange)) overlap,\nexpected disjoint ranges",
        remedy: HeaderReader.downloadAgain)
    }
  }
}
