// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// How much a session remembers, and how it stores it.
struct ContextOptions: ParsableArguments {
  /// What follows `--context`.
  enum Extent: Sendable, Hashable {
    /// So many tokens.
    case tokens(Int)
    /// What this file holds, and more behind it.
    case file(String)
  }

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Tokens of prompt and reply together (default: what the model was trained for, at most 4096); "
        + "or a file of `dendrite context build` that the prompt continues.",
      valueName: "n or file"),
    transform: { text in Int(text).map { .tokens($0) } ?? .file(text) })
  var context: Extent?

  @Option(
    help: ArgumentHelp(
      "How keys and values are stored: f32, f16, bf16 or q8. The text may depend on it.",
      valueName: "type"),
    completion: .list(CacheType.allCases.map(\.rawValue)),
    transform: {
      try Choice.parse(
        $0, option: "--cache-type", among: CacheType.allCases.map { ($0.rawValue, $0) })
    })
  var cacheType: CacheType = .f16

  mutating func validate() throws {
    try Bounds.check(
      "--context", tokens, in: 1...Int.max, expected: "a positive number of tokens",
      remedy: "leave it out for the model's own length")
  }

  /// The number of tokens, if one was given.
  var tokens: Int? { if case .tokens(let count) = context { count } else { nil } }

  /// The file's path, if one was given.
  var file: String? { if case .file(let path) = context { path } else { nil } }

  /// The settings of a session.
  var settings: ContextSettings { ContextSettings(capacity: tokens, cacheType: cacheType) }

  /// Checks the length against a model's before anything is loaded.
  func check(against model: ModelConfiguration) throws(Failure) {
    guard let context = tokens, context > model.contextLength else { return }
    throw Failure(
      .usage,
      "--context is \(context), expected at most \(model.contextLength), the length that the model "
        + "was trained for",
      remedy: "--context \(model.contextLength), or less")
  }
}
