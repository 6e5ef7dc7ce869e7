// SPDX-License-Identifier: Apache-2.0
internal import Dendrite

/// Shows on a terminal which tokens were guessed.
enum SpeculationColours {
  /// A token's text, coloured; line breaks stay outside, so that a line's end has no colour.
  static func paint(_ fragment: Fragment) -> String {
    let code: String
    switch fragment.origin {
    case .plain: return fragment.text
    case .accepted: code = "32"
    case .correction: code = "4;33"
    case .bonus: code = "1;36"
    }
    return fragment.text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "\u{1B}[\(code)m\($0)\u{1B}[0m" }
      .joined(separator: "\n")
  }

  /// What the colours mean.
  static let legend =
    "\u{1B}[32maccepted guess\u{1B}[0m · \u{1B}[4;33mcorrection\u{1B}[0m · "
    + "\u{1B}[1;36mbonus\u{1B}[0m · plain: nothing was guessed"
}
