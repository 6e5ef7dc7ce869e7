// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Where a reply ends and how it is shown.
struct ReplyOptions: ParsableArguments {
  /// Tokens of a reply that continues a text, unless told otherwise: such models rarely end one.
  static let defaultLength = 200

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The longest reply; 0 goes on until the context is full (default: \(defaultLength) where "
        + "text is continued, 0 for chat).", valueName: "n"))
  var maxTokens: Int?

  @Option(
    help: ArgumentHelp(
      "End the reply where this text first appears; it is left out. Repeatable.",
      valueName: "text"))
  var stop: [String] = []

  @Flag(
    name: .customLong("ignore-eos"), help: "Go on past tokens that end a text; for benchmarks.")
  var ignoreEOS = false

  @Flag(
    inversion: .prefixedNo,
    help: "Print the prompt before the reply (default: where text is continued).")
  var echo: Bool?

  @Flag(help: "Print one JSON object to a line; see above.")
  var json = false

  @Flag(name: .shortAndLong, help: "Leave out the statistics.")
  var quiet = false

  mutating func validate() throws {
    try Bounds.check(
      "--max-tokens", maxTokens, in: 0...Int.max, expected: "0 (no limit) or a positive number",
      remedy: "--max-tokens \(Self.defaultLength)")
    if stop.contains("") {
      throw ValidationError(
        "--stop is empty, expected a text\n  try: --stop \"###\", or $'\\n' for a line break")
    }
    if json, echo == true {
      throw ValidationError(
        "there is --echo, which --json has no place for\n  try: leave one of them out")
    }
  }

  /// The settings of a reply.
  func settings(
    _ sampler: SamplerSettings, speculation: Speculation, format: PromptFormat
  ) -> GenerationSettings {
    let limit = maxTokens ?? (format == .plain ? Self.defaultLength : 0)
    var settings = GenerationSettings(
      maximumTokens: limit == 0 ? nil : limit, stopStrings: stop, sampler: sampler,
      speculation: speculation, ignoresEndOfGeneration: ignoreEOS)
    settings.timesPlainPass = !quiet || json
    return settings
  }

  /// What the standard output gets; with `isTyped` the person at the terminal sees the prompt already.
  func form(for format: PromptFormat, isTyped: Bool) throws(Failure) -> ReplyPrinter.Form {
    if json { return .json }
    if echo == true, format != .plain {
      throw Failure(
        .usage, "--echo with a chat model, expected a text to continue",
        remedy: "add --raw, or leave --echo out")
    }
    return echo ?? (format == .plain && !isTyped) ? .wholeText : .reply
  }
}
