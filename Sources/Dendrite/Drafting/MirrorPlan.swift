// SPDX-License-Identifier: Apache-2.0
public import DendriteDecoding
internal import DendriteCheckpoint
internal import DendriteModel

/// How a target and its drafter work at the same time.
public struct MirrorPlan: Sendable, Hashable {
  /// Which cores each gets.
  public enum Cores: Sendable, Hashable {
    /// What two passes of each show to be best; on two cores they take turns.
    case measured
    /// Both take turns on all cores: plain speculation.
    case together
    /// So many for each.
    case apart(target: Int, drafter: Int)
  }

  /// Where the target thinks aloud.
  public enum Exit: Sendable, Hashable {
    /// Nowhere: the drafter has only its own guesses.
    case none
    /// After half of the layers.
    case half
    /// After so many layers.
    case layer(Int)
  }

  /// Windows, branches, guesses of the exit.
  public var settings: MirrorDrafter.Settings
  /// Which cores each gets.
  public var cores: Cores
  /// Where the target thinks aloud; `NAME.exits.gguf` beside the target has trained exits.
  public var exit: Exit

  /// A plan; nothing of it touches the text.
  public init(
    settings: MirrorDrafter.Settings = MirrorDrafter.Settings(), cores: Cores = .measured,
    exit: Exit = .half
  ) {
    self.settings = settings
    self.cores = cores
    self.exit = exit
  }

  /// The exit of a target: trained if there is one, else as it is.
  func exitHead(of target: CPUTransformer, path: String) throws -> ExitHead? {
    let layers = target.description.layerCount
    let layer: Int
    switch exit {
    case .none: return nil
    case .half: layer = max(1, layers / 2)
    case .layer(let number):
      guard (1...layers).contains(number) else {
        throw DecodingError(
          .badSetting, "an exit after layer \(number), expected 1 to \(layers)",
          remedy: "half of the layers is a good place")
      }
      layer = number
    }
    let sidecar = DrafterFile.sidecar("exits", of: path)
    guard FileCheck.isReadable(sidecar) else { return ExitHead(rawAfter: layer) }
    let file = try GGUFFile(path: sidecar)
    let width = target.description.hiddenSize
    let core = target.fingerprint
    guard try ExitHead.layers(in: file, hiddenSize: width, fingerprint: core).contains(layer)
    else { return ExitHead(rawAfter: layer) }
    return try ExitHead(file: file, layer: layer, hiddenSize: width, fingerprint: core)
  }
}
