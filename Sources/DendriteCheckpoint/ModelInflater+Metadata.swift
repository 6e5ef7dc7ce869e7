// SPDX-License-Identifier: Apache-2.0

extension ModelInflater {
  /// Copies the small model's keys, with the sizes and the vocabulary of the larger one.
  func addMetadata(to writer: inout GGUFWriter) throws(CheckpointError) {
    let changes = try changedKeys()
    let dropped: Set = ["general.alignment", "general.size_label", "general.parameter_count"]
    for key in source.metadata.keys {
      guard changes[key] == nil, !dropped.contains(key), !key.hasPrefix("split."),
        let value = source.metadata[key]
      else { continue }
      try writer.add(key, value, as: ModelInflater.storedType(of: value))
    }
    for (key, value) in changes.sorted(by: { $0.key < $1.key }) {
      try writer.add(key, value, as: ModelInflater.storedType(of: value))
    }
  }

  private func changedKeys() throws(CheckpointError) -> [String: MetadataValue] {
    var changes = try spareVocabulary()
    changes["general.name"] = .string(configuration.name)
    changes["general.file_type"] = .integer(Int64(WeightFormat.uniform(type).fileType))
    changes["general.quantization_version"] = .integer(2)
    let sizes = [
      "block_count": configuration.layerCount,
      "embedding_length": configuration.hiddenSize,
      "feed_forward_length": configuration.feedForwardSize,
      "attention.head_count": configuration.headCount,
      "attention.head_count_kv": configuration.kvHeadCount,
      "attention.key_length": configuration.headDim,
      "attention.value_length": configuration.headDim,
      "rope.dimension_count": configuration.ropeDimensionCount,
      "vocab_size": configuration.vocabularySize,
    ]
    let architecture = configuration.architecture.rawValue
    for (key, size) in sizes { changes["\(architecture).\(key)"] = .integer(Int64(size)) }
    changes["\(architecture).attention.layer_norm_rms_epsilon"] =
      .float(Double(configuration.rmsNormEpsilon))
    return changes
  }

  /// Tokens, types and scores with control tokens behind them that no text contains.
  private func spareVocabulary() throws(CheckpointError) -> [String: MetadataValue] {
    let metadata = source.metadata
    let first = small.vocabularySize
    let spare = first..<configuration.vocabularySize
    guard !spare.isEmpty, var tokens = try metadata.strings(TokenizerKey.tokens) else { return [:] }
    let taken = Set(tokens)
    for id in spare {
      var name = "<|unused_\(id)|>"
      while taken.contains(name) { name += "_" }
      tokens.append(name)
    }
    var types = try metadata.integers(TokenizerKey.types) ?? []
    if types.isEmpty { types = [Int64](repeating: 1, count: first) }
    types += [Int64](repeating: 3, count: spare.count)
    var changes: [String: MetadataValue] = [
      TokenizerKey.tokens: .strings(tokens), TokenizerKey.types: .integers(types),
    ]
    if let scores = try metadata.floats(TokenizerKey.scores), !scores.isEmpty {
      changes[TokenizerKey.scores] = .floats(scores + [Float](repeating: 0, count: spare.count))
    }
    return changes
  }

  /// The type that readers expect of a value whose stored width is not known any more.
  static func storedType(of value: MetadataValue) -> MetadataType {
    switch value {
    case .integer(let number):
      UInt32(exactly: number) != nil ? .uint32 : Int32(exactly: number) != nil ? .int32 : .int64
    case .unsigned: .uint64
    case .float(let number):
      Double(Float(number)) == number || number.isNaN ? .float32 : .float64
    case .bool, .bools: .bool
    case .string, .strings: .string
    case .integers(let numbers):
      numbers.allSatisfy { Int32(exactly: $0) != nil } ? .int32 : .int64
    case .floats: .float32
    case .doubles: .float64
    }
  }
}
