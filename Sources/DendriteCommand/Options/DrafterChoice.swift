// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// What follows `--drafter`.
enum DrafterChoice: Sendable, Hashable {
  case none
  case lookup
  case suffix
  /// Whoever pays, a model among them if there is one.
  case auto(String?)
  case model(String)
  /// A model that guesses several tokens a pass.
  case stream(String)
  /// A model that guesses alternatives too, so many paths wide.
  case tree(String)
  case mirror(DrafterFile.Place)

  /// The choices without a path, and how those with one begin.
  static let names = [
    "none", "lookup", "suffix", "auto", "auto:", "model:", "stream:", "tree:", "mirror:",
  ]

  /// Reads a choice.
  init(parsing text: String) throws {
    if let path = try Self.tail(of: text, behind: "model:", expected: "a model file") {
      self = .model(path)
    } else if let path = try Self.tail(
      of: text, behind: "stream:", expected: "a model file with streams")
    {
      self = .stream(path)
    } else if let path = try Self.tail(of: text, behind: "tree:", expected: "a model file") {
      self = .tree(path)
    } else if let path = try Self.tail(of: text, behind: "auto:", expected: "a model file") {
      self = .auto(path)
    } else if let tail = try Self.tail(
      of: text, behind: "mirror:", expected: "a model file, or host and port,")
    {
      self = .mirror(Self.place(tail))
    } else {
      self = try Choice.parse(
        text, option: "--drafter",
        among: [("none", .none), ("lookup", .lookup), ("suffix", .suffix), ("auto", .auto(nil))])
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
    case .suffix: "suffix"
    case .auto(nil): "auto"
    case .auto(.some(let path)): "auto:\(path)"
    case .model(let path): "model:\(path)"
    case .stream(let path): "stream:\(path)"
    case .tree(let path): "tree:\(path)"
    case .mirror(.file(let path)): "mirror:\(path)"
    case .mirror(.remote(let host, let port)): "mirror:\(host):\(port)"
    case .mirror(.memory): "mirror"
    }
  }

  /// Whether somebody may choose how many guesses are checked.
  var hasLength: Bool {
    switch self {
    case .none, .auto: false
    case .lookup, .suffix, .model, .stream, .tree, .mirror: true
    }
  }

  /// The setting of a reply.
  func speculation(draftLength: Int) -> Speculation {
    switch self {
    case .none: .none
    case .lookup: .promptLookup(draftLength: draftLength)
    case .suffix: .suffixes(draftLength: draftLength)
    case .auto: .automatic
    case .model, .stream, .tree, .mirror: .drafter(draftLength: draftLength)
    }
  }

  /// The drafter to load with the model.
  ///
  /// - Parameters:
  ///   - draftLength: guesses in a window of a mirror.
  ///   - width: paths of a tree.
  ///   - change: what is not as usual with a mirror.
  /// - Returns: the drafter, or `nil` if the text is enough.
  func file(
    draftLength: Int, width: Int = 4, change: (inout MirrorPlan) -> Void = { _ in }
  ) -> DrafterFile? {
    switch self {
    case .none, .lookup, .suffix: return nil
    case .auto(let path): return path.map { DrafterFile($0) }
    case .model(let path): return DrafterFile(path)
    case .stream(let path): return DrafterFile(path, shape: .streams)
    case .tree(let path): return DrafterFile(path, shape: .tree(width: width))
    case .mirror(let place):
      var plan = MirrorPlan(settings: .init(length: draftLength))
      change(&plan)
      return DrafterFile(place, mirror: plan)
    }
  }

  /// The choice with a file's name instead of its path, for tables.
  var shortText: String {
    guard let colon = text.firstIndex(of: ":"), text.contains("/") else { return text }
    let name = text.split(separator: "/").last.map(String.init) ?? ""
    return text[...colon] + (name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name)
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
