// SPDX-License-Identifier: Apache-2.0

/// Phi 3, Phi 3.5 (mini) and Phi 4 (mini and the 14B model).
///
/// As Llama, with three differences:
/// - q, k and v are one matrix, gate and up another; they are taken apart as they are loaded;
/// - rotary pairs are (i, i + n/2) of the first n values of a head, which may be fewer than all;
/// - long-context variants divide each pair's angle by a factor of its own (longrope). The factors for
///   short contexts are used, so the context ends where the others would begin.
enum Phi3: ModelFamily {
  static let architecture = Architecture.phi3
  static let modelTypes = ["phi3"]
  static func defaults(of modelType: String) -> FamilyDefaults { FamilyDefaults(epsilon: 1e-5) }

  static func complete(
    _ model: inout ModelConfiguration, from keys: some ModelKeys
  ) throws(CheckpointError) {
    model.isQKVFused = true
    model.isGateUpFused = true
  }
}
