// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// Numbers of tokens as people write them: `131072`, `128k`, `1M`.
enum TokenCount {
  /// Reads a number; k is 1,024 and M is 1,048,576, as in the names of contexts.
  ///
  /// - Throws: `ValidationError` with what is allowed; ArgumentParser says what was found.
  static func parse(_ text: String, option: String, atMost limit: Int) throws -> Int {
    var digits = text.lowercased()
    var unit = 1.0
    switch digits.last {
    case "k": unit = 1024
    case "m": unit = 1_048_576
    case "g": unit = 1_073_741_824
    default: break
    }
    if unit > 1 { digits.removeLast() }
    // Neither signs nor exponents, nor what else a number may be spelled with.
    let isPlain = digits.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard isPlain, let number = Double(digits), number * unit <= Double(limit),
      let count = Int(exactly: number * unit), count >= 1
    else {
      throw ValidationError(
        "expected a whole number of tokens from 1 to \(limit), k for 1024 and M for 1048576\n"
          + "  try: \(option) 128k")
    }
    return count
  }
}
