// SPDX-License-Identifier: Apache-2.0

/// How the matrices of a model that is written are stored: one type, or a known mixture.
///
/// Norms and biases are always F32. A matrix whose rows do not suit its type falls back to a type
/// with smaller blocks, as in llama.cpp's quantiser.
public enum WeightFormat: Sendable, Hashable {
  /// Every matrix in one type.
  case uniform(TensorType)
  /// Q4_K, with Q6_K for the output and about half of the value and down projections.
  case q4_K_M

  /// The format of this name, for example `q4_0` or `q4_k_m`, whatever the case of its letters.
  public init?(named name: String) {
    if name.uppercased() == "Q4_K_M" {
      self = .q4_K_M
    } else if let type = TensorType(named: name), BlockCodec.canQuantize(to: type) {
      self = .uniform(type)
    } else {
      return nil
    }
  }

  /// The names of all formats.
  public static var names: [String] {
    TensorType.allCases.filter { BlockCodec.canQuantize(to: $0) }.map(\.name) + ["Q4_K_M"]
  }

  /// The format's name.
  public var name: String {
    switch self {
    case .uniform(let type): type.name
    case .q4_K_M: "Q4_K_M"
    }
  }

  /// The type of one tensor whose rows have `rowLength` values.
  ///
  /// - Source: llama.cpp `src/llama-quant.cpp`, for the mixture and for the fall-backs.
  public func type(of tensor: TensorName, rowLength: Int, in model: ModelConfiguration)
    -> TensorType
  {
    tensor.isNorm || tensor.isBias || tensor == .ropeFrequencies
      ? .f32 : WeightFormat.fitting(wantedType(of: tensor, in: model), rowLength)
  }

  private func wantedType(of tensor: TensorName, in model: ModelConfiguration) -> TensorType {
    guard case .q4_K_M = self else {
      if case .uniform(let type) = self { return type }
      return .f32
    }
    switch tensor {
    case .output: return .q6_K
    case .tokenEmbedding: return model.isOutputTied ? .q6_K : .q4_K
    case .attentionV(let layer), .feedForwardDown(let layer):
      let eighth = model.layerCount / 8
      let isOuter = layer < eighth || layer >= 7 * model.layerCount / 8
      return isOuter || (layer - eighth) % 3 == 2 ? .q6_K : .q4_K
    default: return .q4_K
    }
  }

  /// `type`, or the type with smaller blocks that takes its place for rows of `rowLength`.
  static func fitting(_ type: TensorType, _ rowLength: Int) -> TensorType {
    if rowLength % type.blockLength == 0 { return type }
    let smaller: TensorType =
      switch type {
      case .q2_K, .q3_K: .q4_0
      case .q4_K: .q5_0
      case .q5_K: .q5_1
      case .q6_K: .q8_0
      case .iq4_xs: .iq4_nl
      default: .f16
      }
    return fitting(smaller, rowLength)
  }

  /// The hint in `general.file_type`.
  ///
  /// - Source: llama.cpp `include/llama.h`, `llama_ftype`.
  var fileType: Int {
    switch self {
    case .q4_K_M: 15
    case .uniform(let type):
      switch type {
      case .f16: 1
      case .q4_0: 2
      case .q4_1: 3
      case .q8_0: 7
      case .q5_0: 8
      case .q5_1: 9
      case .q2_K: 10
      case .q3_K: 12
      case .q4_K: 14
      case .q5_K: 16
      case .q6_K: 18
      case .iq4_nl: 25
      case .iq4_xs: 30
      case .bf16: 32
      case .mxfp4: 38
      default: 0
      }
    }
  }
}
