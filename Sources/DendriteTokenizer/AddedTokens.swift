// SPDX-License-Identifier: Apache-2.0

/// Finds the tokens that are cut out of raw text before anything else: leftmost, then longest.
///
/// User-defined tokens are always found; control tokens and the unknown token only when asked for,
/// so that what a person types cannot become a mark of the model's protocol.
struct AddedTokens: Sendable {
  /// The longest text that is matched; bounds the look-ahead at each byte of a text.
  static let longestLength = 1024

  private static let none = UInt32.max

  /// The trie, (node, byte) → child, with node 0 for its root.
  private var children = PairTable(capacity: 16)
  /// Per node, the user-defined token that ends there.
  private var userDefined: [UInt32] = [none]
  /// Per node, the control token that ends there.
  private var control: [UInt32] = [none]
  /// By first byte: whether a user-defined token, or any token, begins with it.
  private var beginsUserDefined = [Bool](repeating: false, count: 256)
  private var beginsAny = [Bool](repeating: false, count: 256)
  private(set) var hasUserDefined = false
  private(set) var isEmpty = true

  /// Adds a token; a later one of the same text replaces an earlier one.
  ///
  /// - Precondition: `text` has 1 to ``longestLength`` bytes.
  mutating func insert(_ text: [UInt8], id: UInt32, isControl: Bool) {
    precondition(
      (1...Self.longestLength).contains(text.count),
      "an added token must have 1 to \(Self.longestLength) bytes; received \(text.count)")
    var node: UInt32 = 0
    for byte in text {
      let next = UInt32(userDefined.count)
      node = children.insert(node, UInt32(byte), rank: 0, result: next).result
      if node == next {
        userDefined.append(Self.none)
        control.append(Self.none)
      }
    }
    isEmpty = false
    beginsAny[Int(text[0])] = true
    if isControl {
      control[Int(node)] = id
    } else {
      userDefined[Int(node)] = id
      beginsUserDefined[Int(text[0])] = true
      hasUserDefined = true
    }
  }

  /// The error of a token that is too long to be looked for.
  static func tooLong(_ text: [UInt8], id: Int) -> TokenizerError {
    TokenizerError(
      .tokenTooLong,
      "token \(id), which is matched in raw text, has \(text.count) bytes, expected at most "
        + "\(longestLength)\nit begins \(quoted(String(decoding: text.prefix(200), as: UTF8.self)))",
      remedy: "check that the file is intact; real added tokens have fewer than a hundred bytes")
  }

  /// A token found in a text.
  struct Match {
    var id: UInt32
    var range: Range<Int>
  }

  /// The first token at or after `start`, the longest of those that begin there.
  ///
  /// - Complexity: O(distance to the match), times the longest token's length at worst.
  func firstMatch(in text: [UInt8], from start: Int, includingControl: Bool) -> Match? {
    guard includingControl ? !isEmpty : hasUserDefined else { return nil }
    let begins = includingControl ? beginsAny : beginsUserDefined
    for position in start..<text.count where begins[Int(text[position])] {
      if let match = longestMatch(in: text, at: position, includingControl: includingControl) {
        return match
      }
    }
    return nil
  }

  private func longestMatch(in text: [UInt8], at start: Int, includingControl: Bool) -> Match? {
    var match: Match?
    var node: UInt32 = 0
    for position in start..<text.count {
      node = children.entry(node, UInt32(text[position])).result
      guard node != Self.none else { break }
      var id = userDefined[Int(node)]
      if includingControl, control[Int(node)] != Self.none { id = control[Int(node)] }
      if id != Self.none { match = Match(id: id, range: start..<(position + 1)) }
    }
    return match
  }
}
