// SPDX-License-Identifier: Apache-2.0
internal import DendriteCheckpoint
internal import DendriteCompute

extension WeightLoader {
  /// Router and experts of a layer, however the file holds them.
  mutating func mixture(
    _ index: Int, _ experts: ExpertConfiguration
  ) throws(ModelError) -> Mixture {
    let router = try matrix(.router(index))
    let routerBias = experts.hasBiases ? try vector(.routerBias(index)) : nil
    var networks: [GatedNetwork] = []
    for expert in 0..<experts.count {
      var network = try self.network(expert, ofLayer: index, experts)
      if experts.hasBiases { network.biases = try biases(of: expert, inLayer: index, experts) }
      networks.append(network)
    }
    return Mixture(
      router: router, routerBias: routerBias, experts: networks, configuration: experts)
  }

  private mutating func network(
    _ expert: Int, ofLayer index: Int, _ experts: ExpertConfiguration
  ) throws(ModelError) -> GatedNetwork {
    let width = experts.feedForwardSize
    let hidden = configuration.hiddenSize
    switch experts.layout {
    case .separate:
      return GatedNetwork(
        gate: try matrix(.expertGate(index, expert)), up: try matrix(.expertUp(index, expert)),
        down: try matrix(.expertDown(index, expert)))
    case .stacked:
      let wide = expert * width..<(expert + 1) * width
      let narrow = expert * hidden..<(expert + 1) * hidden
      return GatedNetwork(
        gate: try matrix(.expertGates(index), rows: wide),
        up: try matrix(.expertUps(index), rows: wide),
        down: try matrix(.expertDowns(index), rows: narrow))
    case .transposed:
      let both = TransposedExpert(try tensor(.expertGateUps(index)), expert: expert)
      let down = TransposedExpert(try tensor(.expertDownsTransposed(index)), expert: expert)
      return GatedNetwork(
        gate: try pack(both.rows(from: 0, step: 2)), up: try pack(both.rows(from: 1, step: 2)),
        down: try pack(down.rows(from: 0, step: 1)))
    case .blocks:
      let both = BlockExpert(
        try tensor(.expertGateUpBlocks(index)), try tensor(.expertGateUpScales(index)),
        expert: expert)
      let down = BlockExpert(
        try tensor(.expertDownBlocks(index)), try tensor(.expertDownScales(index)), expert: expert)
      return GatedNetwork(
        gate: try pack(both.rows(from: 0, step: 2)), up: try pack(both.rows(from: 1, step: 2)),
        down: try pack(down.rows(from: 0, step: 1)))
    }
  }

  /// Biases of one expert; those of gate and up may take turns.
  private mutating func biases(
    of expert: Int, inLayer index: Int, _ experts: ExpertConfiguration
  ) throws(ModelError) -> (
    gate: AlignedBuffer<Float>, up: AlignedBuffer<Float>, down: AlignedBuffer<Float>
  ) {
    let down = try row(expert, of: .expertDownBiases(index))
    guard experts.layout != .stacked else {
      return (
        gate: try row(expert, of: .expertGateBiases(index)),
        up: try row(expert, of: .expertUpBiases(index)), down: down
      )
    }
    let name = TensorName.expertGateUpBiases(index)
    return (
      gate: try row(expert, of: name, from: 0, step: 2),
      up: try row(expert, of: name, from: 1, step: 2), down: down
    )
  }
}

/// Rows that were put together in memory, in a type that kernels pack.
struct AssembledMatrix {
  let name: String
  let type: TensorType
  let rows: Int
  let columns: Int
  let bytes: [UInt8]
}

/// One expert of a tensor whose rows are input features.
struct TransposedExpert {
  private let view: TensorView
  private let expert: Int

  init(_ view: TensorView, expert: Int) {
    self.view = view
    self.expert = expert
  }

  /// Every `step`-th output feature from `first` on, as rows.
  func rows(from first: Int, step: Int) -> AssembledMatrix {
    let (outputs, inputs) = (view.info.shape[0], view.info.shape[1])
    let size = view.info.type.blockBytes
    let count = outputs / step
    var bytes = [UInt8](repeating: 0, count: count * inputs * size)
    view.withUnsafeBytes { source in
      for row in 0..<count {
        for column in 0..<inputs {
          let from = ((expert * inputs + column) * outputs + first + row * step) * size
          let to = (row * inputs + column) * size
          for byte in 0..<size { bytes[to + byte] = source[from + byte] }
        }
      }
    }
    return AssembledMatrix(
      name: view.info.name, type: view.info.type, rows: count, columns: inputs, bytes: bytes)
  }
}

/// One expert in blocks of 32 numbers of four bits, neighbours in one byte, with their exponents in a second
/// tensor.
struct BlockExpert {
  private let blocks: TensorView
  private let scales: TensorView
  private let expert: Int

  init(_ blocks: TensorView, _ scales: TensorView, expert: Int) {
    self.blocks = blocks
    self.scales = scales
    self.expert = expert
  }

  /// Every `step`-th row from `first` on, as MXFP4 of GGUF files: exponent, then numbers 0 to 15 in the low
  /// halves of bytes and 16 to 31 in the high ones.
  func rows(from first: Int, step: Int) -> AssembledMatrix {
    let (count, all) = (blocks.info.shape[1], blocks.info.shape[2])
    let rows = all / step
    var bytes = [UInt8](repeating: 0, count: rows * count * 17)
    blocks.withUnsafeBytes { codes in
      scales.withUnsafeBytes { exponents in
        for row in 0..<rows {
          for block in 0..<count {
            let from = (expert * all + first + row * step) * count + block
            let to = (row * count + block) * 17
            bytes[to] = exponents[from]
            for pair in 0..<8 {
              let (low, high) = (codes[from * 16 + pair], codes[from * 16 + 8 + pair])
              bytes[to + 1 + 2 * pair] = low & 15 | high << 4
              bytes[to + 2 + 2 * pair] = low >> 4 | high & 0xF0
            }
          }
        }
      }
    }
    return AssembledMatrix(
      name: blocks.info.name, type: .mxfp4, rows: rows, columns: count * 32, bytes: bytes)
  }
}
