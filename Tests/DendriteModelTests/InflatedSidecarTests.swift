// SPDX-License-Identifier: Apache-2.0
import DendriteCheckpoint
import DendriteCompute
import DendriteModel
import DendriteTestSupport
import Testing

/// Exits and streams that were inflated along with their model: same bits.
@Suite(.tags(.invariance)) struct InflatedSidecarTests {
  private static let width = 128

  /// Random exits after the given layers of a model of width 128, or random streams.
  private static func sidecar(
    exits layers: [Int] = [], streams: Int = 0, spread: Float = 0.1, width: Int = width,
    core: UInt64? = nil
  ) throws -> GGUFFile {
    var random = SeededGenerator(seed: 21)
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in (Float(random.below(2001)) - 1000) / 1000 * spread }
    }
    var writer = GGUFWriter()
    try writer.add("general.architecture", string: "llama")
    try writer.add("general.type", string: "adapter")
    try writer.add(
      "adapter.type", string: layers.isEmpty ? "dendrite.streams" : "dendrite.exits")
    try writer.add("dendrite.base.name", string: "small")
    try writer.add("dendrite.base.embedding_length", uint32: width)
    if let core { try writer.add("dendrite.base.fingerprint", string: String(core, radix: 16)) }
    if layers.isEmpty {
      try writer.add("dendrite.streams.count", uint32: streams)
    } else {
      try writer.add("dendrite.exits.layers", int32s: layers)
      try writer.add("dendrite.exits.rank", uint32: 12)
    }
    for layer in layers {
      try writer.addTensor(
        "exit.\(layer).down.weight", shape: [width, 12], floats: values(width * 12))
      try writer.addTensor(
        "exit.\(layer).up.weight", shape: [12, width], floats: values(width * 12))
    }
    for place in 1...max(1, streams) where layers.isEmpty {
      try writer.addTensor("stream.\(place).weight", shape: [width], floats: values(width))
    }
    return try GGUFFile(bytes: writer.bytes())
  }

  /// A small model, an inflated one, and how it was inflated.
  private static func twins(
    _ target: String, spareTokens: Int, type: TensorType = .q8_0
  ) throws -> (small: CPUTransformer, large: CPUTransformer, GGUFFile, ModelInflater) {
    let source = try InflatedModelTests.source("tiny-qwen2", type)
    var target = try #require(InflationTarget(target))
    target.vocabularySize = try source.modelConfiguration().vocabularySize + spareTokens
    let inflater = try ModelInflater(source, to: target, type: type, seed: 9)
    let file = try GGUFFile(bytes: inflater.bytes())
    let machine = try Machine(threads: 2)
    return (
      try CPUTransformer(file: source, machine: machine),
      try CPUTransformer(file: file, machine: machine), file, inflater
    )
  }

  /// What an exit makes of every row's state.
  private func exitLogits(
    _ model: CPUTransformer, _ exit: ExitHead, _ tokens: [Int], count: Int
  ) throws -> [[UInt32]] {
    let cache = try model.makeCache(capacity: 64, type: .f16)
    defer { model.release(cache) }
    var batch = RowBatch()
    for (index, token) in tokens.enumerated() {
      batch.append(
        Row(
          cache: cache, input: .token(token), parent: index == 0 ? .tip : .row(index - 1),
          output: .hiddenState(afterLayer: exit.layer)))
    }
    let pass = try model.submit(batch)
    var adapted = [Float](repeating: 0, count: model.description.hiddenSize)
    var logits = [Float](repeating: 0, count: model.description.vocabularySize)
    return try tokens.indices.map { row in
      try pass.withHiddenState(ofRow: row) { hidden in
        adapted.withUnsafeMutableBufferPointer { exit.adapt(hidden, into: $0) }
      }
      try adapted.withUnsafeBufferPointer { state in
        try logits.withUnsafeMutableBufferPointer {
          try model.project(hiddenState: state, into: $0)
        }
      }
      return logits.prefix(count).map(\.bitPattern)
    }
  }

  @Test(
    arguments: [("512x8x320", 0), ("512x5x320", 300), ("2048x3x256", 100), ("128x7x512", 0)],
    [TensorType.q8_0, .q4_0])
  func `exits say what the small model's exits say`(
    to target: (shape: String, spareTokens: Int), type: TensorType
  ) throws {
    let (small, large, file, inflater) = try Self.twins(
      target.shape, spareTokens: target.spareTokens, type: type)
    let depth = small.description.layerCount
    let layers = Array(0...depth)
    let sidecar = try Self.sidecar(exits: layers)
    let inflated = try GGUFFile(bytes: inflater.sidecarBytes(sidecar, for: file))
    let mapped = layers.map { $0 * large.description.layerCount / depth }
    let width = large.description.hiddenSize
    #expect(
      try ExitHead.layers(in: inflated, hiddenSize: width, fingerprint: large.fingerprint)
        == mapped)
    let count = small.description.vocabularySize
    let tokens = randomTokens(20, vocabulary: count, seed: 12)
    for (layer, place) in zip(layers, mapped) {
      let own = try ExitHead(file: sidecar, layer: layer, hiddenSize: Self.width)
      let exit = try ExitHead(
        file: inflated, layer: place, hiddenSize: width, fingerprint: large.fingerprint)
      let expected = try exitLogits(small, own, tokens, count: count)
      #expect(try exitLogits(large, exit, tokens, count: count) == expected, "layer \(layer)")
      // The correction does something, or equal bits would prove nothing.
      let raw = try exitLogits(small, ExitHead(rawAfter: layer), tokens, count: count)
      #expect(raw != expected)
    }
  }

  @Test(arguments: [("512x5x320", 300), ("2048x3x256", 0)])
  func `streams guess what the small model's streams guess`(
    to target: (shape: String, spareTokens: Int)
  ) throws {
    let (small, large, file, inflater) = try Self.twins(
      target.shape, spareTokens: target.spareTokens)
    let sidecar = try Self.sidecar(streams: 3)
    let inflated = try GGUFFile(bytes: inflater.sidecarBytes(sidecar, for: file))
    let count = small.description.vocabularySize
    let tokens = randomTokens(9, vocabulary: count, seed: 13)
    func logits(_ model: CPUTransformer, _ streams: StreamVectors) throws -> [[UInt32]] {
      let cache = try model.makeCache(capacity: 32, type: .f16)
      defer { model.release(cache) }
      var batch = RowBatch()
      batch.append(chain: tokens, to: cache, lastOutput: .logits)
      for vector in streams.vectors {
        batch.append(
          Row(
            cache: cache, input: .vector(vector), parent: .row(batch.count - 1), output: .logits))
      }
      let pass = try model.submit(batch)
      return try (tokens.count - 1..<batch.count).map { row in
        try pass.withLogits(ofRow: row) { $0.prefix(count).map(\.bitPattern) }
      }
    }
    let expected = try logits(
      small, StreamVectors(file: sidecar, hiddenSize: Self.width))
    let found = try logits(
      large,
      StreamVectors(
        file: inflated, hiddenSize: large.description.hiddenSize, fingerprint: large.fingerprint))
    #expect(expected.count == 4 && Set(expected).count == 4)
    #expect(found == expected)
  }

  @Test(.tags(.slow)) func `the bundled model's exits keep their bits`() throws {
    let source = try GGUFFile(path: Repository.bundledModel)
    var target = try #require(InflationTarget("2048x8x544"))
    target.vocabularySize = 4224
    let inflater = try ModelInflater(source, to: target)
    let file = try GGUFFile(bytes: inflater.bytes())
    let sidecar = try GGUFFile(
      path: Repository.bundledModel.replacingSuffix(".gguf", with: ".exits.gguf"))
    let inflated = try GGUFFile(bytes: inflater.sidecarBytes(sidecar, for: file))
    let machine = try Machine(threads: 2)
    let small = try CPUTransformer(file: source, machine: machine)
    let large = try CPUTransformer(file: file, machine: machine)
    let tokens = randomTokens(12, vocabulary: 4096, seed: 14)
    for layer in 1...3 {
      let own = try ExitHead(file: sidecar, layer: layer, hiddenSize: 512)
      let exit = try ExitHead(
        file: inflated, layer: 2 * layer, hiddenSize: 2048, fingerprint: large.fingerprint)
      #expect(
        try exitLogits(large, exit, tokens, count: 4096)
          == exitLogits(small, own, tokens, count: 4096))
    }
  }

  // MARK: Bad input

  @Test(.tags(.badInput)) func `a sidecar of another model is refused`() throws {
    let (small, large, file, inflater) = try Self.twins("512x5x320", spareTokens: 0)
    func refusal(_ sidecar: GGUFFile) -> String {
      do {
        _ = try inflater.sidecarBytes(sidecar, for: file)
        return "none"
      } catch {
        return error.message
      }
    }
    #expect(
      try refusal(Self.sidecar(streams: 1, width: 64))
        == "a sidecar for a model of width 64, expected 128, the small model's")
    #expect(
      try refusal(Self.sidecar(streams: 1, core: 77)).hasPrefix("a sidecar for the model 4d, "))
    #expect(try refusal(Self.sidecar(streams: 1, core: small.fingerprint)) == "none")
    #expect(
      try refusal(Self.sidecar(exits: [99]))
        == "an exit after layer 99, expected 0 to \(small.description.layerCount)")
    #expect(
      try refusal(GGUFFile(path: Repository.bundledModel)).contains("width unknown, expected 128"))
    // What was inflated says for whom.
    let inflated = try GGUFFile(
      bytes: inflater.sidecarBytes(Self.sidecar(exits: [1]), for: file))
    #expect(large.fingerprint != small.fingerprint)
    #expect {
      try ExitHead.layers(in: inflated, hiddenSize: 512, fingerprint: small.fingerprint)
    } throws: {
      "\($0)".contains("the adapter is for the model \(String(large.fingerprint, radix: 16)), ")
    }
  }

  @Test(.tags(.badInput)) func `streams that marks would change are refused`() throws {
    let (_, _, file, inflater) = try Self.twins("512x5x320", spareTokens: 10)
    let faint = try Self.sidecar(streams: 2, spread: 1e-5)
    #expect {
      try inflater.sidecarBytes(faint, for: file)
    } throws: { "\($0)".contains("stream 1 so near zero") && "\($0)".contains("--vocabulary keep") }
    let (_, _, plain, unmarked) = try Self.twins("512x5x320", spareTokens: 0)
    #expect(throws: Never.self) { try unmarked.sidecarBytes(faint, for: plain) }
  }
}

extension String {
  fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
    hasSuffix(suffix) ? dropLast(suffix.count) + other : self
  }
}
