// SPDX-License-Identifier: Apache-2.0

/// Text as XML and HTML want it.
package enum Markup {
  /// The text with everything that could end it, or begin something else, spelt out.
  ///
  /// Control characters become U+FFFD: XML has no word for most of them.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in Table.printable(text).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Not characters, which XML forbids.
      case "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
