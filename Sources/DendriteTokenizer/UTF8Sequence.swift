// SPDX-License-Identifier: Apache-2.0

/// What stands at one position of a byte string that may or may not be UTF-8.
enum UTF8Sequence: Equatable {
  /// A complete, well-formed sequence of this many bytes.
  case valid(Int)
  /// A well-formed beginning that reaches the end of the bytes; more bytes may complete it.
  case incomplete
  /// Not UTF-8; one U+FFFD replaces this many bytes, a maximal subpart (Unicode 16, §3.9).
  case invalid(Int)

  /// Reads the sequence that begins at `start`.
  ///
  /// - Precondition: `start` is an index of `bytes`.
  /// - Complexity: O(1), at most four bytes are read.
  init(at start: Int, in bytes: [UInt8]) {
    let lead = bytes[start]
    let length: Int
    // The second byte's range excludes overlong forms, surrogates and values above U+10FFFF.
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0x00...0x7F: self = .valid(1); return
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: self = .invalid(1); return
    }
    for index in 1..<length {
      guard start + index < bytes.count else { self = .incomplete; return }
      let range = index == 1 ? second : 0x80...0xBF
      guard range.contains(bytes[start + index]) else { self = .invalid(index); return }
    }
    self = .valid(length)
  }

  /// The offset of the first byte that does not belong to a complete sequence; nil for UTF-8.
  ///
  /// - Complexity: O(count).
  static func firstError(in bytes: [UInt8]) -> Int? {
    var position = 0
    while position < bytes.count {
      if bytes[position] < 0x80 {
        position += 1
      } else if case .valid(let length) = UTF8Sequence(at: position, in: bytes) {
        position += length
      } else {
        return position
      }
    }
    return nil
  }

  /// The length of a sequence that is known to be complete, by its first byte.
  @inline(__always)
  static func length(lead: UInt8) -> Int {
    lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
  }
}
