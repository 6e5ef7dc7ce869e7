// SPDX-License-Identifier: Apache-2.0

/// The tables behind ``UnicodeForm``, unpacked once.
final class UnicodeFormTables: Sendable {
  /// Built at first use, in some milliseconds.
  static let shared = UnicodeFormTables()

  /// No scalar from here on changes in any form.
  private static let limit = 0x30000

  /// All decompositions, one after the other.
  let scalars: [UInt32]
  /// By scalar: where in `scalars` its decomposition begins, times 32, plus its length; 0 for none.
  private let canonical: [UInt32]
  private let compatibility: [UInt32]
  private let classes: [UInt8]
  private let pairs: PairTable
  private let flagTable: [UInt8]

  private init() {
    var scalars: [UInt32] = []
    var pairs = PairTable(capacity: 2048)
    var flags = [UInt8](repeating: 0, count: Self.limit)
    func set(_ forms: [UnicodeForm], _ value: UInt32) {
      for form in forms where value < Self.limit { flags[Int(value)] |= 1 << form.rawValue }
    }
    func unpack(_ encoded: String, isCanonical: Bool) -> [UInt32] {
      var table = [UInt32](repeating: 0, count: Self.limit)
      var reader = TableReader(encoded)
      var value: UInt32 = 0
      var first = 0
      while !reader.isAtEnd {
        value += reader.number()
        let header = reader.number()
        let count = header / 2
        first += reader.signedNumber()
        guard value < Self.limit, count < 32 else { break }
        table[Int(value)] = UInt32(scalars.count) << 5 | count
        scalars.append(UInt32(truncatingIfNeeded: first))
        for _ in 1..<max(count, 1) { scalars.append(reader.number()) }
        set(isCanonical ? [.nfd, .nfkd] : [.nfkc, .nfkd], value)
        if isCanonical {
          if header & 1 == 1 {
            let second = scalars[scalars.count - 1]
            pairs.insert(scalars[scalars.count - 2], second, rank: 0, result: value)
            set([.nfc, .nfkc], second)
          } else {
            set([.nfc, .nfkc], value)
          }
        }
      }
      return table
    }
    canonical = unpack(CanonicalTable.encoded, isCanonical: true)
    compatibility = unpack(CompatibilityTable.encoded, isCanonical: false)
    // A canonical decomposition may end in scalars that have a compatible one.
    for value in 0..<UInt32(Self.limit) where canonical[Int(value)] != 0 {
      let entry = canonical[Int(value)]
      for index in Int(entry >> 5)..<(Int(entry >> 5) + Int(entry & 31))
      where compatibility[Int(min(scalars[index], UInt32(Self.limit - 1)))] != 0 {
        set([.nfkc], value)
      }
    }
    var classes = [UInt8](repeating: 0, count: Self.limit)
    var reader = TableReader(CombiningClassTable.encoded)
    var value: UInt32 = 0
    while !reader.isAtEnd {
      value += reader.number()
      let end = value + reader.number()
      let order = UInt8(truncatingIfNeeded: reader.number())
      while value < end, value < Self.limit {
        classes[Int(value)] = order
        set([.nfc, .nfd, .nfkc, .nfkd], value)
        value += 1
      }
    }
    for value in Hangul.syllables { set([.nfd, .nfkd], value) }
    for value in Hangul.vowels..<(Hangul.vowels + Hangul.vowelCount) { set([.nfc, .nfkc], value) }
    for value in (Hangul.tails + 1)..<(Hangul.tails + Hangul.tailCount) {
      set([.nfc, .nfkc], value)
    }
    self.scalars = scalars
    self.classes = classes
    self.pairs = pairs
    flagTable = flags
  }

  /// Which forms may change a scalar or what stands before it; a bit for each.
  @inline(__always)
  func flags(_ value: UInt32) -> UInt8 { value < Self.limit ? flagTable[Int(value)] : 0 }

  func combiningClass(_ value: UInt32) -> UInt8 { value < Self.limit ? classes[Int(value)] : 0 }

  /// Where in `scalars` the decomposition of a scalar is; nil where it has none.
  func decomposition(_ value: UInt32, isCompatible: Bool) -> Range<Int>? {
    guard value < Self.limit else { return nil }
    var entry = canonical[Int(value)]
    if entry == 0, isCompatible { entry = compatibility[Int(value)] }
    guard entry != 0 else { return nil }
    return Int(entry >> 5)..<(Int(entry >> 5) + Int(entry & 31))
  }

  /// What two scalars compose to, if anything.
  func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let (lead, vowel) = (first &- Hangul.leads, second &- Hangul.vowels)
    if lead < Hangul.leadCount, vowel < Hangul.vowelCount {
      return Hangul.syllables.lowerBound + (lead * Hangul.vowelCount + vowel) * Hangul.tailCount
    }
    if Hangul.syllables.contains(first),
      (first - Hangul.syllables.lowerBound) % Hangul.tailCount == 0,
      second > Hangul.tails, second < Hangul.tails + Hangul.tailCount
    {
      return first + second - Hangul.tails
    }
    let entry = pairs.entry(first, second)
    return entry.result == .max ? nil : entry.result
  }
}
