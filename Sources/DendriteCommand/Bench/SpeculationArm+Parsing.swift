// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Names of ways of guessing, as `--drafter` of `dendrite bench speculation` takes them.
extension SpeculationArm {
  /// The way that a name stands for; the one place that knows the names.
  ///
  /// - Parameters:
  ///   - name: the name, as `lookup`.
  ///   - draftLength: the most guesses a pass, for those who do not choose it themselves.
  /// - Returns: the way.
  /// - Throws: `ValidationError` that lists the names and suggests the nearest.
  static func named(_ name: String, draftLength: Int) throws -> SpeculationArm {
    let choice = try DrafterChoice(parsing: name)
    guard choice != .none else {
      throw ValidationError("plain decoding is always measured\n  try: --drafter lookup")
    }
    return SpeculationArm(
      name: choice.shortText, speculation: choice.speculation(draftLength: draftLength),
      file: choice.file(draftLength: draftLength))
  }

  /// The ways that names with commas between them stand for, each once.
  static func list(_ names: [String], draftLength: Int) throws -> [SpeculationArm] {
    var arms: [SpeculationArm] = []
    for name in names.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
      let name = String(name.drop { $0 == " " })
      let arm: SpeculationArm
      do {
        arm = try named(name, draftLength: draftLength)
      } catch let refusal as ValidationError {
        throw ValidationError("--drafter is '\(name)', \(refusal.message)")
      }
      if !arms.contains(where: { $0.name == arm.name }) { arms.append(arm) }
    }
    return arms
  }
}
