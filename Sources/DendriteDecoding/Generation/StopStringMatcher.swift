// SPDX-License-Identifier: Apache-2.0

/// Ends a text where a stop string first appears, however the text arrives.
///
/// Text that may still become a stop string is held back; a stop string is never passed on. Of
/// several stop strings the one that is complete first decides, of those complete at the same byte
/// the longest. The result depends on the text alone, not on the pieces it arrives in.
///
/// One automaton per stop string reads bytes (Knuth, Morris & Pratt 1977): `matched` is the length
/// of its longest prefix that the text ends with. Stop strings begin with whole characters, so text
/// is only ever cut between characters.
///
/// - Complexity: O(bytes × stop strings); without stop strings text passes untouched.
public struct StopStringMatcher: Sendable {
  private var patterns: [StopPattern]
  /// Bytes that were not passed on: the longest beginning of a stop string that the text ends with.
  private var held: [UInt8] = []
  /// The stop string that appeared.
  public private(set) var match: String?

  /// Watches for these texts; empty ones are passed over.
  public init(_ stopStrings: [String]) {
    patterns = stopStrings.filter { !$0.isEmpty }.map { text in
      let bytes = Array(text.utf8)
      return StopPattern(text: text, bytes: bytes, fallback: StopPattern.fallback(bytes))
    }
    // Room for what waits and for the longest token that arrives on top of it.
    held.reserveCapacity((patterns.map { $0.bytes.count }.max() ?? 0) + 256)
  }

  /// Takes the next piece of text.
  ///
  /// - Returns: the text that may be shown: everything before a stop string or what may become one.
  ///   Nothing comes after a match.
  public mutating func append(_ text: String) -> String {
    guard match == nil else { return "" }
    guard !patterns.isEmpty else { return text }
    for byte in text.utf8 {
      held.append(byte)
      var longest = 0
      for index in patterns.indices {
        let length = patterns[index].advance(byte)
        guard length == patterns[index].bytes.count, length > longest else { continue }
        longest = length
        match = patterns[index].text
      }
      if match != nil {
        return release(upTo: held.count - longest, keepingRest: false)
      }
    }
    let possible = patterns.reduce(0) { max($0, $1.matched) }
    return release(upTo: held.count - possible, keepingRest: true)
  }

  /// Ends the text: what was held back did not become a stop string.
  public mutating func finish() -> String {
    release(upTo: held.count, keepingRest: false)
  }

  private mutating func release(upTo end: Int, keepingRest: Bool) -> String {
    let text = end == 0 ? "" : String(decoding: held[..<end], as: UTF8.self)
    if keepingRest {
      held.removeSubrange(..<end)
    } else {
      held.removeAll(keepingCapacity: true)
    }
    return text
  }
}

/// The automaton of one stop string.
private struct StopPattern: Sendable {
  let text: String
  let bytes: [UInt8]
  /// For each length of a matched prefix: the length of its longest proper prefix that ends it.
  let fallback: [Int]
  var matched = 0

  /// Reads a byte and returns how much of the stop string the text now ends with.
  mutating func advance(_ byte: UInt8) -> Int {
    if matched == bytes.count { matched = fallback[matched] }
    while matched > 0, bytes[matched] != byte { matched = fallback[matched] }
    if bytes[matched] == byte { matched += 1 }
    return matched
  }

  static func fallback(_ bytes: [UInt8]) -> [Int] {
    var fallback = [Int](repeating: 0, count: bytes.count + 1)
    var length = 0
    for end in bytes.indices.dropFirst() {
      while length > 0, bytes[length] != bytes[end] { length = fallback[length] }
      if bytes[length] == bytes[end] { length += 1 }
      fallback[end + 1] = length
    }
    return fallback
  }
}
