// SPDX-License-Identifier: Apache-2.0

internal import DendriteReport

/// The rotary embedding as `config.json` describes it, in both spellings.
///
/// Until 2025: `rope_theta`, and `rope_scaling` with `rope_type` (or `type`). Since transformers 5:
/// `rope_parameters` with all of them, perhaps once for each type of layer.
///
/// - Source: transformers `modeling_rope_utils.py`.
struct RotaryKeys {
  private let file: ConfigurationFile
  /// Where base and scaling stand; `nil` if there is no scaling.
  private let parameters: ConfigurationFile?
  private let isNew: Bool

  init(_ file: ConfigurationFile) throws(CheckpointError) {
    self.file = file
    if let new = try file.nested("rope_parameters") {
      parameters = try new.nested("full_attention") ?? new
      isNew = true
    } else {
      parameters = try file.nested("rope_scaling")
      isNew = false
    }
  }

  /// Adds base, rotated dimensions and scaling.
  func add(
    to model: inout ModelConfiguration, defaultBase: Double
  ) throws(CheckpointError) {
    let bases = 1.0...1e12
    let own = isNew ? try parameters?.number("rope_theta", in: bases) : nil
    let outer = try file.number("rope_theta", in: bases)
    model.ropeBase = own ?? outer ?? defaultBase
    let shares = 1e-3...1.0
    let inside = try parameters?.number("partial_rotary_factor", in: shares)
    let outside = try file.number("partial_rotary_factor", in: shares)
    let share = inside ?? outside ?? 1
    let dimensions = Int(Double(model.headDim) * share)
    guard dimensions >= 2, dimensions % 2 == 0 else {
      throw file.invalid(
        "partial_rotary_factor", found: "\(share)",
        "a share of the head's \(model.headDim) dimensions that is an even number")
    }
    model.ropeDimensionCount = dimensions
    try addScaling(to: &model)
  }

  private func addScaling(to model: inout ModelConfiguration) throws(CheckpointError) {
    guard let keys = parameters else { return }
    let old = try keys.string("type")
    let type = try keys.string("rope_type") ?? old ?? "default"
    let original = try originalContext(keys, model.contextLength)
    switch type {
    case "default":
      model.ropeScaling = .none
    case "linear":
      model.ropeScaling = .linear(factor: try factor(keys))
    case "llama3":
      let positive = 1e-3...1e6
      model.ropeScaling = .llama3(
        factor: try factor(keys), lowFactor: try keys.number("low_freq_factor", in: positive) ?? 1,
        highFactor: try keys.number("high_freq_factor", in: positive) ?? 4,
        originalContext: Double(original))
    case "yarn":
      model.ropeScaling = .yarn(try yarn(keys, original))
    case "longrope", "su":
      guard let short = try keys.numbers("short_factor") else { throw keys.missing("short_factor") }
      let growth = Double(model.contextLength) / Double(original)
      let stated = try keys.number("factor", in: 1e-3...1e6) ?? growth
      let usual = longMagnitude(stated, Double(original))
      let magnitude = try keys.number("attention_factor", in: 1e-3...1e3) ?? usual
      try model.addLongRope(short: short, magnitude: magnitude, originalContext: original)
    default:
      throw CheckpointError(
        .unsupportedModel,
        "rope scaling \(quoted(type)) in 'config.json', expected 'default', 'linear', 'llama3', 'yarn' "
          + "or 'longrope'",
        remedy: "this scaling is not supported yet; use the model's version without long context")
    }
  }

  private func factor(_ keys: ConfigurationFile) throws(CheckpointError) -> Double {
    guard let factor = try keys.number("factor", in: 1...1e6) else { throw keys.missing("factor") }
    return factor
  }

  private func originalContext(
    _ keys: ConfigurationFile, _ contextLength: Int
  ) throws(CheckpointError) -> Int {
    let name = "original_max_position_embeddings"
    let range = 2...(1 << 30)
    let outer = try file.int(name, in: range)
    return try keys.int(name, in: range) ?? outer ?? contextLength
  }

  private func yarn(
    _ keys: ConfigurationFile, _ original: Int
  ) throws(CheckpointError) -> YarnScaling {
    let factor = try factor(keys)
    let turns = 1e-3...1e6
    let scales = 0.0...1e3
    var magnitude = YarnScaling.magnitude(factor: factor)
    if let scale = try keys.number("mscale", in: scales), scale > 0,
      let all = try keys.number("mscale_all_dim", in: scales), all > 0
    {
      magnitude =
        YarnScaling.magnitude(factor: factor, scale: scale)
        / YarnScaling.magnitude(factor: factor, scale: all)
    }
    return YarnScaling(
      factor: factor, originalContext: Double(original),
      fastTurns: try keys.number("beta_fast", in: turns) ?? 32,
      slowTurns: try keys.number("beta_slow", in: turns) ?? 1,
      magnitude: try keys.number("attention_factor", in: 1e-3...1e3) ?? magnitude,
      roundsPairs: try keys.bool("truncate") ?? true)
  }

  private func longMagnitude(_ growth: Double, _ original: Double) -> Double {
    guard growth > 1 else { return 1 }
    return (1 + Mathematics.logarithm(growth) / Mathematics.logarithm(original)).squareRoot()
  }
}
