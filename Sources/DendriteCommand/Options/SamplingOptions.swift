// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// How each token is chosen; the defaults are llama.cpp's.
struct SamplingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("0 takes the most probable token every time.", valueName: "t"))
  var temperature = 0.8

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the k most probable tokens; 0 keeps all.", valueName: "k"))
  var topK = 40

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep the most probable tokens that make up this probability; 1 keeps all.", valueName: "p"))
  var topP = 0.95

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep tokens with at least this share of the best one's probability; 0 keeps all.",
      valueName: "p"))
  var minP = 0.05

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Weaken tokens that occurred before; 1 is neutral.", valueName: "x"))
  var repeatPenalty = 1.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Tokens that the penalties look back on: a number, or 'all'.", valueName: "n"),
    completion: .list(["64", "256", "all"]), transform: SamplingOptions.window)
  var repeatLastN = Penalties.Window.last(64)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Subtracted once from tokens that occurred before.", valueName: "x"))
  var presencePenalty = 0.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Subtracted for each time that a token occurred before.", valueName: "x"))
  var frequencyPenalty = 0.0

  @Option(
    help: ArgumentHelp(
      "Add a value to a token's score; -inf forbids it. Repeatable.",
      discussion: "`dendrite inspect FILE --tokens TEXT` shows ids.", valueName: "id=value"),
    transform: TokenBias.init)
  var logitBias: [TokenBias] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The same seed gives the same text (default: random, and printed).", valueName: "n"),
    transform: SamplingOptions.seed)
  var seed: UInt64?

  mutating func validate() throws {
    if temperature != 0 {
      try Bounds.check(
        "--temperature", temperature, in: 1e-30...1e30, expected: "0 or a positive number",
        remedy: "--temperature 0 for the most probable token, 0.8 for variety")
    }
    try Bounds.check(
      "--top-k", topK, in: 0...Int.max, expected: "0 (off) or a positive number",
      remedy: "--top-k 40, the default")
    try Bounds.check(
      "--top-p", topP, in: Double.leastNonzeroMagnitude...1,
      expected: "a number above 0, at most 1 (off)", remedy: "--top-p 0.95, the default")
    try Bounds.check(
      "--min-p", minP, in: 0...1, expected: "a number from 0 (off) to 1",
      remedy: "--min-p 0.05, the default")
    try Bounds.check(
      "--repeat-penalty", repeatPenalty, in: 1e-3...1e3, expected: "a number from 0.001 to 1000",
      remedy: "--repeat-penalty 1.1 is usual, 1 is off")
    try Bounds.check(
      "--presence-penalty", presencePenalty, in: -1e3...1e3,
      expected: "a number from -1000 to 1000", remedy: "--presence-penalty 0.5, or 0 for none")
    try Bounds.check(
      "--frequency-penalty", frequencyPenalty, in: -1e3...1e3,
      expected: "a number from -1000 to 1000", remedy: "--frequency-penalty 0.5, or 0 for none")
  }

  /// The settings; the seed is drawn if none was given.
  func settings() -> SamplerSettings {
    SamplerSettings(
      temperature: temperature, topK: topK == 0 ? nil : topK, topP: topP == 1 ? nil : topP,
      minP: minP == 0 ? nil : minP,
      penalties: Penalties(
        repetition: repeatPenalty, presence: presencePenalty, frequency: frequencyPenalty,
        window: repeatLastN),
      logitBias: Dictionary(logitBias.map { ($0.id, $0.value) }) { $0 + $1 },
      seed: seed ?? SamplingOptions.randomSeed())
  }

  /// A seed that is short enough to type and exact in every JSON reader.
  static func randomSeed() -> UInt64 { UInt64(UInt32.random(in: .min ... .max)) }

  private static func window(_ text: String) throws -> Penalties.Window {
    if text == "all" || text == "-1" { return .all }
    guard let count = Int(text), count >= 0 else {
      throw ValidationError("expected a number of tokens, or 'all'\n  try: --repeat-last-n 64")
    }
    return .last(count)
  }

  private static func seed(_ text: String) throws -> UInt64 {
    guard let seed = Int(text), seed >= 0 else {
      throw ValidationError("expected a whole number from 0 to \(Int.max)\n  try: --seed 42")
    }
    return UInt64(seed)
  }
}

/// A token and what is added to its score.
struct TokenBias: Sendable {
  let id: Int
  let value: Float

  /// Reads `ID=VALUE`.
  init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let id = Int(parts[0]), id >= 0, let value = Float(parts[1]),
      !value.isNaN, value < .infinity
    else {
      throw ValidationError(
        "expected a token's id and a number, or -inf\n  try: --logit-bias 42=-5 or 42=-inf")
    }
    self.id = id
    self.value = value
  }
}
