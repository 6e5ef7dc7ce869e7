// SPDX-License-Identifier: Apache-2.0

/// One of Unicode's normalisation forms.
enum UnicodeForm: UInt8, Sendable, Hashable {
  case nfc, nfd, nfkc, nfkd

  private var composes: Bool { self == .nfc || self == .nfkc }
  private var isCompatible: Bool { self == .nfkc || self == .nfkd }

  /// Appends `text` in this form.
  ///
  /// Stretches that are in this form already are copied; only what stands around a mark or a scalar
  /// with a decomposition is worked on.
  ///
  /// - Precondition: the text is valid UTF-8.
  /// - Complexity: O(n), and O(m log m) for m marks behind one base.
  func append(_ text: [UInt8], to result: inout [UInt8]) {
    let tables = UnicodeFormTables.shared
    let bit = UInt8(1) << rawValue
    var position = 0
    // Where text begins that is not appended yet, and the last scalar that others may attach to.
    var copied = 0
    var base = 0
    while position < text.count {
      let lead = text[position]
      // No scalar below U+00A0 changes in any form, but it may be a base.
      if lead < 0xC2 {
        base = position
        position += 1
        continue
      }
      let (value, next) = decodeScalar(text, position)
      guard tables.flags(value) & bit != 0 else {
        base = position
        position = next
        continue
      }
      var scalars: [UInt32] = []
      let start = base < copied ? position : base
      result.append(contentsOf: text[copied..<start])
      var end = start
      while end < text.count {
        let (value, next) = decodeScalar(text, end)
        if end > position, tables.flags(value) & bit == 0 { break }
        decompose(value, tables, into: &scalars)
        end = next
      }
      order(&scalars, tables)
      if composes { compose(&scalars, tables) }
      for scalar in scalars { appendUTF8(scalar, to: &result) }
      (position, copied, base) = (end, end, end)
    }
    result.append(contentsOf: text[copied...])
  }

  private func decompose(_ value: UInt32, _ tables: UnicodeFormTables, into result: inout [UInt32])
  {
    if Hangul.syllables.contains(value) {
      let index = value - Hangul.syllables.lowerBound
      result.append(Hangul.leads + index / (Hangul.vowelCount * Hangul.tailCount))
      result.append(
        Hangul.vowels + index % (Hangul.vowelCount * Hangul.tailCount) / Hangul.tailCount)
      if index % Hangul.tailCount > 0 { result.append(Hangul.tails + index % Hangul.tailCount) }
    } else if let range = tables.decomposition(value, isCompatible: isCompatible) {
      for index in range { decompose(tables.scalars[index], tables, into: &result) }
    } else {
      result.append(value)
    }
  }

  /// Brings marks between bases into the order of their classes.
  private func order(_ scalars: inout [UInt32], _ tables: UnicodeFormTables) {
    var start = 0
    while start < scalars.count {
      guard tables.combiningClass(scalars[start]) > 0 else {
        start += 1
        continue
      }
      var end = start
      while end < scalars.count, tables.combiningClass(scalars[end]) > 0 { end += 1 }
      // The standard library's sort is stable.
      scalars[start..<end].sort { tables.combiningClass($0) < tables.combiningClass($1) }
      start = end
    }
  }

  private func compose(_ scalars: inout [UInt32], _ tables: UnicodeFormTables) {
    var base: Int?
    var lastClass: UInt8 = 0
    var count = 0
    for scalar in scalars {
      let order = tables.combiningClass(scalar)
      if let at = base, at == count - 1 || lastClass < order,
        let pair = tables.composition(scalars[at], scalar)
      {
        scalars[at] = pair
        continue
      }
      if order == 0 { base = count }
      lastClass = order
      scalars[count] = scalar
      count += 1
    }
    scalars.removeSubrange(count...)
  }
}

/// The arithmetic of Hangul syllables.
enum Hangul {
  static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
  static let leads: UInt32 = 0x1100
  static let leadCount: UInt32 = 19
  static let vowels: UInt32 = 0x1161
  static let vowelCount: UInt32 = 21
  /// One before the first tail.
  static let tails: UInt32 = 0x11A7
  static let tailCount: UInt32 = 28
}

/// The scalar at a position of valid UTF-8, and where the next one begins.
@inline(__always)
func decodeScalar(_ text: [UInt8], _ position: Int) -> (value: UInt32, next: Int) {
  let lead = text[position]
  if lead < 0x80 { return (UInt32(lead), position + 1) }
  let length = UTF8Sequence.length(lead: lead)
  var value = UInt32(lead) & (0x7F >> UInt32(length))
  for index in 1..<length { value = value << 6 | UInt32(text[position + index] & 0x3F) }
  return (value, position + length)
}

/// Appends the UTF-8 of a scalar value.
@inline(__always)
func appendUTF8(_ value: UInt32, to bytes: inout [UInt8]) {
  if value < 0x80 {
    bytes.append(UInt8(value))
  } else if value < 0x800 {
    bytes.append(UInt8(0xC0 | value >> 6))
    bytes.append(UInt8(0x80 | value & 0x3F))
  } else if value < 0x10000 {
    bytes.append(UInt8(0xE0 | value >> 12))
    bytes.append(UInt8(0x80 | value >> 6 & 0x3F))
    bytes.append(UInt8(0x80 | value & 0x3F))
  } else {
    bytes.append(UInt8(0xF0 | value >> 18 & 0x07))
    bytes.append(UInt8(0x80 | value >> 12 & 0x3F))
    bytes.append(UInt8(0x80 | value >> 6 & 0x3F))
    bytes.append(UInt8(0x80 | value & 0x3F))
  }
}
