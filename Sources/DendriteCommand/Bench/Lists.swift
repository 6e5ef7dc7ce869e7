// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Options that take several values with commas between them.
enum Lists {
  /// Reads numbers such as `1,2,4`.
  ///
  /// - Throws: `ValidationError` with what is allowed; ArgumentParser says what was found.
  static func numbers(_ text: String, option: String, in range: ClosedRange<Int>) throws -> [Int] {
    let numbers = pieces(text).map { Int($0) }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0.map(range.contains) == true }) else {
      throw ValidationError(
        "expected numbers from \(range.lowerBound) to \(range.upperBound) with commas between\n"
          + "  try: \(option) 2,4")
    }
    return numbers.compactMap { $0 }
  }

  /// Reads names of an enumeration such as `decode,prefill`.
  ///
  /// - Throws: `ValidationError` that lists the names and suggests the nearest.
  static func names<Value: RawRepresentable<String>>(
    _ text: String, option: String, among values: [Value]
  ) throws -> [Value] {
    try pieces(text).map { piece in
      try Choice.parse(piece, option: option, among: values.map { ($0.rawValue, $0) })
    }
  }

  /// Reads kernel variants such as `avx2,generic`.
  ///
  /// - Throws: `ValidationError` that lists the variants of this CPU.
  static func variants(_ text: String, option: String) throws -> [KernelVariant] {
    try pieces(text).map { piece in
      try Choice.parse(
        piece, option: option, among: KernelVariant.available.map { ($0.name, $0) })
    }
  }

  private static func pieces(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0.filter { $0 != " " })
    }
  }
}
