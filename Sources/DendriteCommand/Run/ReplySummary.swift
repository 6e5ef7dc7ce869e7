// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

/// What a reply cost and everything needed to get it again, for people and for programs.
struct ReplySummary {
  let statistics: GenerationStatistics
  let settings: GenerationSettings
  let machine: Machine
  let model: ModelDescription
  let context: ContextSettings
  let promptFormat: PromptFormat
  /// How many ranks share the context, if it is shared.
  var ranks: Int?

  // MARK: For people

  /// One line for the end of a reply.
  var line: String {
    var parts = ["prompt \(Self.amount(statistics.promptTokens, prefillRate))"]
    if statistics.reusedTokens > 0 { parts[0] += " (\(statistics.reusedTokens) remembered)" }
    parts.append("reply \(Self.amount(statistics.generatedTokens, statistics.decodeRate))")
    if let length = statistics.meanAcceptanceLength {
      parts.append(
        "\(Figures.text(length)) tokens a pass, \(Figures.text(statistics.acceptedTokens)) of "
          + "\(Self.count(statistics.draftedTokens, "guess", plural: "guesses")) right")
    }
    if let rate = statistics.drafter.hitRate {
      parts.append(
        "\(Figures.text(statistics.drafter.hits)) of "
          + "\(Figures.text(statistics.drafter.hits + statistics.drafter.misses)) windows prepared "
          + "(\(Figures.text(rate * 100)) %)")
    }
    if statistics.draftedTokens > 0 {
      parts.append(
        "drafting \(Self.text(statistics.draftTime)), checking \(Self.text(statistics.verifyTime))")
    }
    if let speed = statistics.speedOverPlain { parts.append("\(Figures.text(speed)) × plain") }
    if let reason = statistics.drafter.failure { parts.append("guesses ended: \(reason)") }
    if let time = statistics.timeToFirstToken { parts.append("first after \(Self.text(time))") }
    parts.append("seed \(statistics.seed)")
    parts.append(
      "\(machine.variant), \(Self.count(machine.threads, "thread")), "
        + (ranks.map { "\(Self.count($0, "rank")), " } ?? "")
        + "\(statistics.cacheType.rawValue) cache")
    parts.append(reason)
    return parts.joined(separator: " · ")
  }

  /// Prompt tokens per second; `nil` if the prompt was not read to its end.
  private var prefillRate: Double? {
    statistics.timeToFirstToken == nil ? nil : statistics.prefillRate
  }

  /// Why the reply ended.
  private var reason: String {
    switch statistics.finishReason {
    case .stop, nil: "ended by the model"
    case .stopString: "ended by --stop"
    case .length: "ended by --max-tokens"
    case .contextFull: "context full"
    case .cancelled: "interrupted"
    }
  }

  private static func amount(_ count: Int, _ rate: Double?) -> String {
    Self.count(count, "token") + (rate.map { ", \(Figures.text($0)) tok/s" } ?? "")
  }

  static func count(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(Figures.text(count)) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  private static func text(_ duration: Duration) -> String {
    let seconds = duration / .seconds(1)
    return seconds < 1 ? Figures.text(seconds * 1000) + " ms" : Figures.text(seconds) + " s"
  }

  // MARK: For programs

  /// The last object of `--json`.
  var json: JSONValue {
    .object([
      .init("type", .string("end")),
      .init("finish_reason", .string(reasonName)),
      .init("stop", stop),
      .init("seed", .integer(Int(clamping: statistics.seed))),
      .init("prompt_tokens", .integer(statistics.promptTokens)),
      .init("generated_tokens", .integer(statistics.generatedTokens)),
      .init("decode_passes", .integer(statistics.decodePasses)),
      .init("drafted_tokens", .integer(statistics.draftedTokens)),
      .init("accepted_tokens", .integer(statistics.acceptedTokens)),
      .init("mean_acceptance_length", .number(statistics.meanAcceptanceLength)),
      .init("draft_seconds", .number(statistics.draftTime / .seconds(1))),
      .init("verify_seconds", .number(statistics.verifyTime / .seconds(1))),
      .init("speed_over_plain", .number(statistics.speedOverPlain)),
      .init("drafter", drafterJSON),
      .init("prompt_tokens_per_second", .number(prefillRate)),
      .init("generated_tokens_per_second", .number(statistics.decodeRate)),
      .init(
        "time_to_first_token_seconds", .number(statistics.timeToFirstToken.map { $0 / .seconds(1) })
      ),
      .init("settings", settingsJSON),
      .init("model", modelJSON),
      .init("machine", machineJSON),
    ])
  }

  private var drafterJSON: JSONValue {
    let report = statistics.drafter
    return .object([
      .init("cold", .integer(report.cold)),
      .init("hits", .integer(report.hits)),
      .init("misses", .integer(report.misses)),
      .init("branches", .integer(report.branches)),
      .init("branch_tokens", .integer(report.branchTokens)),
      .init("branch_rows", .integer(report.branchRows)),
      .init("late_messages", .integer(report.lateMessages)),
      .init("failure", report.failure.map { .string($0) } ?? .null),
    ])
  }

  private var reasonName: String {
    switch statistics.finishReason {
    case .stop, nil: "stop"
    case .stopString: "stop_string"
    case .length: "length"
    case .contextFull: "context_full"
    case .cancelled: "cancelled"
    }
  }

  /// What ended the reply: a token's id or a text.
  private var stop: JSONValue {
    switch statistics.finishReason {
    case .stop(let token): .integer(token)
    case .stopString(let text): .string(text)
    default: .null
    }
  }

  private var settingsJSON: JSONValue {
    let sampler = settings.sampler
    let bias = sampler.logitBias.sorted { $0.key < $1.key }
    var window = JSONValue.string("all")
    if case .last(let count) = sampler.penalties.window { window = .integer(count) }
    return .object([
      .init("temperature", .number(sampler.temperature)),
      .init("top_k", sampler.topK.map { .integer($0) } ?? .null),
      .init("top_p", .number(sampler.topP)),
      .init("min_p", .number(sampler.minP)),
      .init("repeat_penalty", .number(sampler.penalties.repetition)),
      .init("repeat_last_n", window),
      .init("presence_penalty", .number(sampler.penalties.presence)),
      .init("frequency_penalty", .number(sampler.penalties.frequency)),
      .init(
        "logit_bias",
        .object(
          bias.map { id, value in
            .init("\(id)", value == -.infinity ? .string("-inf") : .number(Double(value)))
          })),
      .init("max_tokens", settings.maximumTokens.map { .integer($0) } ?? .null),
      .init("stop", .array(settings.stopStrings.map { .string($0) })),
      .init("ignore_eos", .bool(settings.ignoresEndOfGeneration)),
    ])
  }

  private var modelJSON: JSONValue {
    .object([
      .init("name", .string(model.name)),
      .init("architecture", .string(model.architecture)),
      .init("format", .string(promptFormat.name)),
      .init("context", ((try? context.capacity(for: model)).map { .integer($0) } ?? .null)),
      .init("cache_type", .string(statistics.cacheType.rawValue)),
      .init("numerics", .integer(numericsVersion)),
    ])
  }

  private var machineJSON: JSONValue {
    .object([
      .init("kernels", .string(machine.variant.name)),
      .init("threads", .integer(machine.threads)),
      .init("parts", .integer(machine.parts)),
      .init("ranks", .integer(ranks ?? 1)),
    ])
  }
}

extension PromptFormat {
  /// The format in a word.
  var name: String {
    switch self {
    case .plain: "plain"
    case .chatML: "chatml"
    case .llama3: "llama3"
    case .llama2: "llama2"
    }
  }
}
