// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser

/// Values that come from a short list, with a suggestion for what was probably meant.
enum Choice {
  /// Reads one of several names, whatever the case of its letters.
  ///
  /// - Throws: `ValidationError` that lists the names and suggests the nearest; ArgumentParser
  ///   puts the option and the value found before it.
  static func parse<Value>(
    _ text: String, option: String, among choices: [(name: String, value: Value)]
  ) throws -> Value {
    let wanted = text.lowercased()
    if let choice = choices.first(where: { $0.name.lowercased() == wanted }) { return choice.value }
    throw refusal(text, option: option, names: choices.map(\.name))
  }

  /// Says what is allowed and what was probably meant.
  static func refusal(_ text: String, option: String, names: [String]) -> ValidationError {
    let expected = "expected one of\n\(lines(names).indented(by: 10))"
    let remedy =
      suggestion(for: text, among: names).map { "did you mean \(option) \($0)?" }
      ?? "\(option) \(names.first ?? "")"
    return ValidationError("\(expected)\n  try: \(remedy)")
  }

  /// The names in lines that suit a terminal.
  static func lines(_ names: [String]) -> String {
    var lines = [""]
    for name in names {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = name
      } else if last.count + name.count < 80 {
        lines[lines.count - 1] += " " + name
      } else {
        lines.append(name)
      }
    }
    return lines.joined(separator: "\n")
  }

  /// The name nearest to a text by edit distance; `nil` if none is near.
  static func suggestion(for text: String, among names: [String]) -> String? {
    let wanted = Array(text.lowercased())
    let scored = names.map { name in
      (name: name, distance: editDistance(wanted, Array(name.lowercased())))
    }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    if best.distance <= max(1, wanted.count / 3) { return best.name }
    return names.first { $0.lowercased().hasPrefix(text.lowercased()) && wanted.count >= 2 }
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
  ///
  /// - Source: optimal string alignment, a restricted Damerau–Levenshtein distance.
  static func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    var table = [[Int]](
      repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
    for row in 0...left.count { table[row][0] = row }
    for column in 0...right.count { table[0][column] = column }
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    for row in 1...left.count {
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        var best = min(
          table[row - 1][column] + 1, table[row][column - 1] + 1,
          table[row - 1][column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2],
          left[row - 2] == right[column - 1]
        {
          best = min(best, table[row - 2][column - 2] + 1)
        }
        table[row][column] = best
      }
    }
    return table[left.count][right.count]
  }
}

/// Numbers that must lie in a range.
enum Bounds {
  /// - Throws: `ValidationError` with the option, the value found and the values allowed.
  static func check<Value: Comparable>(
    _ option: String, _ value: Value?, in range: ClosedRange<Value>, expected: String,
    remedy: String
  ) throws {
    // A NaN is in no range.
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(option) is \(value), expected \(expected)\n  try: \(remedy)")
  }
}
