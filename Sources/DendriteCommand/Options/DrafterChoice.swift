// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// What follows `--drafter`.
enum DrafterChoice: Sendable, Hashable {
  case none
  case lookup
  case auto
  case model(String)
  case mirror(DrafterFile.Place)

  /// The choices without a path, and how those with one begin.
  static let names = ["none", "lookup", "auto", "model:", "mirror:"]

  /// Reads a choice.
  init(parsing text: String) throws {
    if let path = try Self.tail(of: text, behind: "model:", expected: "a model file") {
      self = .model(path)
    } else if let tail = try Self.tail(
      of: text, behind: "mirror:", expected: "a model file, or host and port,")
    {
      self = .mirror(Self.place(tail))
    } else {
      self = try Choice.parse(
        text, option: "--drafter",
        among: [("none", .none), ("lookup", .lookup), ("auto", .auto)])
    }
  }

  /// What follows a prefix; `nil` if the text begins otherwise.
  private static func tail(
    of text: String, behind prefix: String, expected: String
  ) throws -> String? {
    guard text.hasPrefix(prefix) else { return nil }
    let tail = String(text.dropFirst(prefix.count))
    guard !tail.isEmpty else {
      throw ValidationError(
        "--drafter \(prefix) with nothing behind it, expected \(expected) behind the colon\n"
          + "  try: --drafter \(prefix)drafter.gguf")
    }
    return tail
  }

  /// HOST:PORT, or else a path.
  private static func place(_ text: String) -> DrafterFile.Place {
    guard let (host, port) = HostAndPort.parse(text) else { return .file(text) }
    return .remote(host: host, port: port)
  }

  /// As it was typed, more or less.
  var text: String {
    switch self {
    case .none: "none"
    case .lookup: "lookup"
    case .auto: "auto"
    case .model(let path): "model:\(path)"
    case .mirror(.file(let path)): "mirror:\(path)"
    case .mirror(.remote(let host, let port)): "mirror:\(host):\(port)"
    }
  }

  /// Whether somebody may choose how many guesses are checked.
  var hasLength: Bool {
    switch self {
    case .none, .auto: false
    case .lookup, .model, .mirror: true
    }
  }

  /// The setting of a reply.
  func speculation(draftLength: Int) -> Speculation {
    switch self {
    case .none: .none
    case .lookup: .promptLookup(draftLength: draftLength)
    case .auto: .automatic
    case .model, .mirror: .drafter(draftLength: draftLength)
    }
  }
}

/// HOST:PORT, with brackets around an IPv6 address.
enum HostAndPort {
  static func parse(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty, !host.contains("/") else { return nil }
    return (host, port)
  }
}
