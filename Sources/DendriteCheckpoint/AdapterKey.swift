// SPDX-License-Identifier: Apache-2.0

/// What sidecar files are called inside: thin parts that were trained for a model and live beside it.
package enum AdapterKey {
  /// `exits` or `streams`, as `adapter.type`.
  package static let kind = "adapter.type"
  package static let exits = "dendrite.exits"
  package static let streams = "dendrite.streams"

  /// The model that it was trained for: its name, width and layers.
  package static let baseName = "dendrite.base.name"
  package static let baseWidth = "dendrite.base.embedding_length"
  package static let baseLayers = "dendrite.base.block_count"
  /// ``GGUFFile/fingerprint`` of that model in hexadecimal digits; files of before have none.
  package static let baseFingerprint = "dendrite.base.fingerprint"

  /// The layers before each exit.
  package static let exitLayers = "dendrite.exits.layers"
  /// ε of the norm in front of an exit's correction; without the key it is `usualExitEpsilon`.
  package static let exitEpsilon = "dendrite.exits.layer_norm_rms_epsilon"
  package static let usualExitEpsilon: Float = 1e-5
  /// How many stream vectors there are.
  package static let streamCount = "dendrite.streams.count"

  /// `[rank, hiddenSize]`.
  package static func down(_ layer: Int) -> String { "exit.\(layer).down.weight" }
  /// `[hiddenSize, rank]`.
  package static func up(_ layer: Int) -> String { "exit.\(layer).up.weight" }
  /// `[hiddenSize]`, from 1.
  package static func stream(_ place: Int) -> String { "stream.\(place).weight" }
}
