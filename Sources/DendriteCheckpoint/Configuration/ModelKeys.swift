// SPDX-License-Identifier: Apache-2.0

/// The keys of a model's configuration, whoever wrote them down: GGUF metadata or a `config.json`.
///
/// Values are converted and range-checked here, so that a family reads both kinds of files by one
/// function.
protocol ModelKeys {
  /// Whether norm weights and rows are stored as they were trained, or as llama.cpp converts them.
  var isHuggingFace: Bool { get }

  /// The spelling of a key, for messages.
  func spelling(_ key: ConfigurationKey) -> String

  /// An integer in a range, or `nil` if the key is absent (or null).
  func int(_ key: ConfigurationKey, in range: ClosedRange<Int>) throws(CheckpointError) -> Int?

  /// An integer or an array of one per layer, all equal; `nil` if the key is absent.
  func uniformInt(
    _ key: ConfigurationKey, in range: ClosedRange<Int>, layers: Int
  ) throws(CheckpointError) -> Int?

  /// A finite number in a range, or `nil` if the key is absent (or null).
  func number(
    _ key: ConfigurationKey, in range: ClosedRange<Double>
  ) throws(CheckpointError) -> Double?

  /// Whether the file says of a key that there is no such thing, rather than nothing.
  func isNone(_ key: ConfigurationKey) -> Bool

  /// Which layers the window narrows, if the file lists them.
  func listedWindows(layers: Int) throws(CheckpointError) -> [Bool]?

  /// The base of rotary frequencies in layers with a window, if it has one of its own.
  func windowedRopeBase() throws(CheckpointError) -> Double?

  /// What scores are divided by the root of, if the file says.
  func queryScalar() throws(CheckpointError) -> Double?

  /// The layers without rotation, if the file lists them.
  func unrotatedLayers(_ layers: Int) throws(CheckpointError) -> [Bool]?

  /// Whether the weights of chosen experts are made to add up to 1.
  func normalizesExpertWeights() throws(CheckpointError) -> Bool

  /// The error of an absent key.
  func missing(_ key: ConfigurationKey) -> CheckpointError

  /// The error of a value outside its range.
  func invalid(_ key: ConfigurationKey, _ found: String, _ expected: String) -> CheckpointError
}

extension ModelKeys {
  /// An integer in a range.
  func requiredInt(
    _ key: ConfigurationKey, in range: ClosedRange<Int>
  ) throws(CheckpointError) -> Int {
    guard let value = try int(key, in: range) else { throw missing(key) }
    return value
  }

  /// Widths that a model may have.
  static var sizes: ClosedRange<Int> { 1...(1 << 20) }

  /// Query heads, key/value heads, and the width of one.
  ///
  /// - Parameters:
  ///   - hiddenSize: what heads share where no width is given.
  ///   - layers: how many values an array must have.
  ///   - countDefault: query heads where none are given; `nil` if they must be.
  ///   - kvDefault: key/value heads where none are given; `nil` for as many as query heads.
  ///   - dimDefault: the width where none is given; `nil` for hiddenSize / heads.
  /// - Returns: the three sizes, in range, key/value heads a divisor of query heads.
  /// - Throws: `.missingKey`, `.invalidValue`.
  func headSizes(
    hiddenSize: Int, layers: Int, countDefault: Int? = nil, kvDefault: Int? = nil,
    dimDefault: Int? = nil
  ) throws(CheckpointError) -> (count: Int, kvCount: Int, dim: Int) {
    let heads = 1...(1 << 16)
    guard let count = try uniformInt(.headCount, in: heads, layers: layers) ?? countDefault else {
      throw missing(.headCount)
    }
    let kvCount = try uniformInt(.kvHeadCount, in: heads, layers: layers) ?? kvDefault ?? count
    guard count % kvCount == 0 else {
      throw invalid(
        .kvHeadCount, "\(kvCount)", "a divisor of \(spelling(.headCount)) \(count)")
    }
    let dims = 1...4096
    if let dim = try int(.headDim, in: dims) ?? dimDefault { return (count, kvCount, dim) }
    guard hiddenSize % count == 0, dims.contains(hiddenSize / count) else {
      throw invalid(
        .headCount, "\(count)",
        "a divisor of \(spelling(.hiddenSize)) \(hiddenSize), or a \(spelling(.headDim))")
    }
    return (count, kvCount, hiddenSize / count)
  }

  /// A soft cap; 0 and null say that there is none, absence that it is the family's.
  func softCap(
    _ key: ConfigurationKey, absent: Double? = nil
  ) throws(CheckpointError) -> Double? {
    guard let cap = try number(key, in: 0...1e6) else {
      return isNone(key) ? nil : absent
    }
    return cap == 0 ? nil : cap
  }

  /// Which layers the window narrows: listed, or every layer but the last of each `period`.
  func windows(layers: Int, period: Int) throws(CheckpointError) -> [Bool] {
    if let listed = try listedWindows(layers: layers) { return listed }
    return (0..<layers).map { $0 % period < period - 1 }
  }

  /// The experts of a mixture; `nil` if the model has none.
  func experts(
    normalizesWeights: Bool, width: Int?
  ) throws(CheckpointError) -> ExpertConfiguration? {
    guard let count = try int(.expertCount, in: 0...4096), count > 0 else { return nil }
    let used = try requiredInt(.expertUsedCount, in: 1...256)
    guard used <= count else {
      throw invalid(.expertUsedCount, "\(used)", "at most \(spelling(.expertCount)) \(count)")
    }
    guard let size = try int(.expertFeedForwardSize, in: Self.sizes) ?? width else {
      throw missing(.expertFeedForwardSize)
    }
    return ExpertConfiguration(
      count: count, usedCount: used, feedForwardSize: size, normalizesWeights: normalizesWeights,
      layout: isHuggingFace ? .separate : .stacked)
  }
}
