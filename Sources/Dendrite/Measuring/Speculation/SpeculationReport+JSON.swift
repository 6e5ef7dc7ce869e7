// SPDX-License-Identifier: Apache-2.0
package import DendriteReport

/// The report for programs: figures by task, and what every question cost; no prompt and no reply.
extension SpeculationReport {
  /// One object; keys are always there and always in this order.
  package var json: JSONValue {
    .object([
      .init("report", .string("bench speculation")),
      .init("command", .string(command)),
      .init("date", date.map { .string($0) } ?? .null),
      .init("facts", .object(facts.map { .init($0.name, .string($0.value)) })),
      .init("per_category", .integer(perTask)),
      .init("identical_texts", .bool(true)),
      .init("tasks", .array(summaries.map(\.json))),
      .init("questions", .array(result.entries.map { $0.json(ways: result.ways) })),
      .init("too_long", .array(result.tooLong.map { .string($0) })),
      .init("shortened", .array(result.shortened.map { .string($0) })),
      .init("notes", .array(notes.map { .string($0) })),
    ])
  }
}

extension SpeculationSummary {
  var json: JSONValue {
    .object([
      .init("task", .string(name)),
      .init("meaningful", .bool(isMeaningful)),
      .init("mark", isMeaningful ? .null : .string(SpeculationReport.mark)),
      .init("questions", .integer(questionCount)),
      .init("share_in_loops", .number(loopShare)),
      .init("ways", .array(ways.map(\.json))),
    ])
  }
}

extension SpeculationSummary.Way {
  var json: JSONValue {
    .object([
      .init("guesses", .string(name)),
      .init("mean_tokens_per_second", .number(meanRate)),
      .init("total_tokens_per_second", .number(totalRate)),
      .init("decode_tokens_per_second", .number(decodeRate)),
      .init("speed_up", Self.json(speedUp)),
      .init("total_speed_up", Self.json(totalSpeedUp)),
      .init("decode_speed_up", Self.json(decodeSpeedUp)),
      .init("speed_up_outside_loops", Self.json(speedUpOutsideLoops)),
      .init("tokens_per_pass", Self.json(tokensPerPass)),
      .init("tokens", .integer(sum.tokens)),
      .init("seconds", .number(sum.seconds)),
      .init("passes", .integer(sum.passes)),
      .init("drafted_tokens", .integer(sum.drafted)),
      .init("accepted_tokens", .integer(sum.accepted)),
      .init("acceptance", .number(acceptance)),
      .init("draft_seconds", .number(sum.draftSeconds)),
      .init("verify_seconds", .number(sum.verifySeconds)),
      .init("mirror", sum.mirrorJSON),
    ])
  }

  private static func json(_ estimate: Estimate?) -> JSONValue {
    guard let estimate else { return .null }
    return .object([
      .init("value", .number(estimate.value)),
      .init("lower", .number(estimate.interval?.lower)),
      .init("upper", .number(estimate.interval?.upper)),
      .init("confidence", .number(estimate.interval?.confidence)),
    ])
  }
}

extension SpeculationResult.Entry {
  func json(ways: [String]) -> JSONValue {
    .object([
      .init("id", .string(question.id)),
      .init("task", .string(question.task.rawValue)),
      .init("category", .string(question.category)),
      .init("turns", .integer(question.turns.count)),
      .init("ways", .array(zip(ways, samples).map { $1.json(name: $0) })),
    ])
  }
}

extension SpeculationSample {
  /// What a mirror had ready; `null` where none drafted.
  var mirrorJSON: JSONValue {
    guard hasMirror else { return .null }
    return .object([
      .init("hits", .integer(hits)),
      .init("misses", .integer(misses)),
      .init("cold", .integer(cold)),
      .init("hit_rate", .number(hitRate)),
      .init("hidden_share", .number(hiddenShare)),
      .init("drafter_seconds", .number(drafterSeconds)),
      .init("wait_seconds_per_pass", .number(waitPerPass)),
      .init("branch_rows", .integer(branchRows)),
      .init("branch_bytes", branchBytes > 0 ? .integer(branchBytes) : .null),
    ])
  }

  func json(name: String) -> JSONValue {
    .object([
      .init("guesses", .string(name)),
      .init("tokens", .integer(tokens)),
      .init("seconds", .number(seconds)),
      .init("decode_seconds", .number(decodeSeconds)),
      .init("passes", .integer(passes)),
      .init("drafted_tokens", .integer(drafted)),
      .init("accepted_tokens", .integer(accepted)),
      .init("draft_seconds", .number(draftSeconds)),
      .init("verify_seconds", .number(verifySeconds)),
      .init("loop_tokens", .integer(loopTokens)),
      .init("loop_seconds", .number(loopSeconds)),
      .init("hits", .integer(hits)),
      .init("misses", .integer(misses)),
      .init("mirror", mirrorJSON),
      .init("accepted_lengths", .array(acceptedLengths.map { .integer($0) })),
    ])
  }
}
