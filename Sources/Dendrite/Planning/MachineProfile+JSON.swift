// SPDX-License-Identifier: Apache-2.0
package import DendriteDistributed
package import DendriteReport

/// Profiles as files: what `dendrite lab probe` writes and `dendrite plan cluster --profile` reads.
extension MachineProfile {
  /// The profile as JSON; seconds, bytes and bytes per second.
  package var json: JSONValue {
    .object([
      .init("profile", .string(name)), .init("summary", .string(summary)),
      .init("read_bandwidth", .number(readBandwidth)),
      .init("read_origin", .string(readOrigin.rawValue)),
      .init("ranks_per_node", .integer(ranksPerNode)), .init("inside", Self.json(inside)),
      .init("between", between.map(Self.json) ?? .null), .init("style", .string(style.rawValue)),
      .init("merge_rate", .number(mergeRate)), .init("kernel_overhead", .number(kernelOverhead)),
    ])
  }

  private static func json(_ link: LinkProfile) -> JSONValue {
    .object([
      .init("latency", .number(link.latency)), .init("bandwidth", .number(link.bandwidth)),
      .init("origin", .string(link.origin.rawValue)),
    ])
  }

  /// Reads a profile.
  ///
  /// - Throws: `badSetting`, naming the first key that is missing or no such value.
  package init(json value: JSONValue) throws(DistributedError) {
    let fields = ProfileFields(value: value, place: "")
    try self.init(
      fields.text("profile"), summary: fields.text("summary"),
      readBandwidth: fields.number("read_bandwidth"),
      readOrigin: fields.choice("read_origin"), ranksPerNode: Self.count(fields),
      inside: Self.link(fields.object("inside")),
      between: fields.optionalObject("between").map { (link) throws(DistributedError) in
        try Self.link(link)
      }, style: fields.choice("style"), mergeRate: fields.number("merge_rate"),
      kernelOverhead: fields.number("kernel_overhead"))
    try validate()
  }

  private static func count(_ fields: ProfileFields) throws(DistributedError) -> Int {
    let number = try fields.number("ranks_per_node")
    guard let count = Int(exactly: number) else {
      throw fields.failure("ranks_per_node", "a whole number")
    }
    return count
  }

  private static func link(_ fields: ProfileFields) throws(DistributedError) -> LinkProfile {
    try LinkProfile(
      latency: fields.number("latency"), bandwidth: fields.number("bandwidth"),
      origin: fields.choice("origin"))
  }
}

/// The keys of an object of a profile.
private struct ProfileFields {
  var value: JSONValue
  /// Before a key, in errors.
  var place: String

  func text(_ key: String) throws(DistributedError) -> String {
    guard let text = value[key]?.string else { throw failure(key, "a string") }
    return text
  }

  func number(_ key: String) throws(DistributedError) -> Double {
    switch value[key] {
    case .number(let number): return number
    case .integer(let number): return Double(number)
    default: throw failure(key, "a number")
    }
  }

  func choice<Value>(
    _ key: String
  ) throws(DistributedError) -> Value
  where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
    guard let choice = Value(rawValue: try text(key)) else {
      throw failure(key, "one of \(names)")
    }
    return choice
  }

  func object(_ key: String) throws(DistributedError) -> ProfileFields {
    guard let object = try optionalObject(key) else { throw failure(key, "an object") }
    return object
  }

  func optionalObject(_ key: String) throws(DistributedError) -> ProfileFields? {
    switch value[key] {
    case .object: ProfileFields(value: value[key] ?? .null, place: place + key + ".")
    case .null, nil: nil
    default: throw failure(key, "an object")
    }
  }

  func failure(_ key: String, _ expected: String) -> DistributedError {
    DistributedError(
      .badSetting,
      "a profile whose '\(place)\(key)' is \(value[key] == nil ? "missing" : "something else"), expected \(expected)",
      remedy: "`dendrite lab probe -o profile.json` writes one to start from")
  }
}
