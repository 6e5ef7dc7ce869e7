// SPDX-License-Identifier: Apache-2.0

/// Scalars that differ in case alone, for patterns that do not regard it.
///
/// Simple case only: one scalar stands against one, so `ß` does not equal `ss`.
enum CaseFolding {
  /// A set with every scalar that differs from a member in case alone.
  static func closed(_ set: ScalarSet) -> ScalarSet {
    if set.ranges.allSatisfy({ $0.upperBound < 0x80 }) { return closedASCII(set) }
    var more: [ClosedRange<UInt32>] = []
    for group in groups where group.contains(where: { set.contains($0) }) {
      more.append(contentsOf: group.map { $0...$0 })
    }
    return set.union(ScalarSet(more))
  }

  private static func closedASCII(_ set: ScalarSet) -> ScalarSet {
    var more: [ClosedRange<UInt32>] = []
    for lower in UInt32(0x61)...0x7A where set.contains(lower) || set.contains(lower - 0x20) {
      more.append(contentsOf: [lower...lower, (lower - 0x20)...(lower - 0x20)])
      // The long s and the Kelvin sign.
      if lower == 0x73 { more.append(0x17F...0x17F) }
      if lower == 0x6B { more.append(0x212A...0x212A) }
    }
    return set.union(ScalarSet(more))
  }

  /// All groups of two or more scalars that share their upper case, or the lower case of that.
  private static let groups: [[UInt32]] = {
    var members: [UInt32: [UInt32]] = [:]
    for value in UInt32(0x41)..<0x1F000 {
      guard let scalar = Unicode.Scalar(value),
        scalar.properties.isCased || scalar.properties.changesWhenUppercased
      else { continue }
      members[folded(scalar), default: []].append(scalar.value)
    }
    return members.values.filter { $0.count > 1 }
  }()

  private static func folded(_ scalar: Unicode.Scalar) -> UInt32 {
    let upper = single(scalar.properties.uppercaseMapping) ?? scalar
    return (single(upper.properties.lowercaseMapping) ?? upper).value
  }

  private static func single(_ text: String) -> Unicode.Scalar? {
    text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
  }
}
