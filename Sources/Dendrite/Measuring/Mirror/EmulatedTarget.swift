// SPDX-License-Identifier: Apache-2.0
internal import DendriteDecoding

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A target whose passes take the time of a profile while its verdicts are real, recorded before.
///
/// The drafter works for real, on this machine, and never learns that nobody is there.
struct EmulatedTarget {
  let profile: AcceleratorProfile
  let reply: RecordedReply
  let sampler: SamplerSettings
  let vocabularySize: Int
  /// Guesses of the exit for each row; 0 is no exit.
  let exitCount: Int

  /// What a run of steps took; the first step, which waits for the prompt, is left out.
  struct Outcome: Sendable {
    var steps = 0
    var tokens = 0
    var rows = 0
    var seconds = 0.0
    var accepted = 0
    var drafted = 0
    /// Seconds that the target waited for windows that were prepared, and for others.
    var waitOnHits = 0.0
    var waitOnMisses = 0.0
    var hits = 0
    var report = DrafterReport()

    var misses: Int { steps - hits }
    var stepSeconds: Double { seconds / Double(max(1, steps)) }
    var rate: Double { Double(tokens) / seconds }
    var hitRate: Double { Double(hits) / Double(max(1, steps)) }
    var wait: Double { (waitOnHits + waitOnMisses) / Double(max(1, steps)) }

    static func + (a: Outcome, b: Outcome) -> Outcome {
      var sum = a
      sum.steps += b.steps
      sum.tokens += b.tokens
      sum.rows += b.rows
      sum.seconds += b.seconds
      sum.accepted += b.accepted
      sum.drafted += b.drafted
      sum.waitOnHits += b.waitOnHits
      sum.waitOnMisses += b.waitOnMisses
      sum.hits += b.hits
      sum.report.branchRows = max(a.report.branchRows, b.report.branchRows)
      sum.report.branchSeconds += b.report.branchSeconds
      sum.report.branches += b.report.branches
      return sum
    }
  }

  /// Says the reply once, with a drafter.
  ///
  /// - Parameters:
  ///   - drafter: guesses.
  ///   - length: guesses of use.
  ///   - mirrors: whether the exit and the messages of a mirror are paid for.
  /// - Returns: what the steps took.
  func run(_ drafter: any Drafter, length: Int, mirrors: Bool) -> Outcome {
    var drafter = drafter
    var outcome = Outcome()
    drafter.begin(
      ReplyOutline(
        sampler: sampler, vocabularySize: vocabularySize,
        capacity: reply.prompt.count + reply.tokens.count + 1, prompt: reply.prompt))
    var history = reply.prompt
    var at = 0
    var draft = Draft()
    while at < reply.tokens.count - 1 {
      let began = ContinuousClock.now
      let before = drafter.report
      draft.removeAll()
      let room = min(length, reply.tokens.count - 2 - at)
      if room > 0 {
        drafter.propose(
          after: history, pending: reply.tokens[at], limit: room, into: &draft)
        draft.truncate(to: room)
      }
      let waited = (ContinuousClock.now - began) / .seconds(1)
      let isHit = drafter.report.hits > before.hits
      pass(at, draft, mirrors, &drafter)
      var accepted = 0
      while accepted < draft.count, draft.tokens[accepted] == reply.tokens[at + 1 + accepted] {
        accepted += 1
      }
      let next = reply.tokens[at + 1 + accepted]
      drafter.observe(
        VerificationRecord(
          position: history.count + 1, proposed: draft, path: Array(0..<accepted), next: next,
          draftSeconds: waited, verifySeconds: profile.seconds(rows: draft.count + 1)))
      history.append(reply.tokens[at])
      history.append(contentsOf: draft.tokens.prefix(accepted))
      // The first step waits for the prompt, the last has no room: neither says anything of steps.
      if at > 0, room > 0 {
        outcome.steps += 1
        outcome.tokens += accepted + 1
        outcome.rows += draft.count + 1
        outcome.seconds += (ContinuousClock.now - began) / .seconds(1)
        outcome.accepted += accepted
        outcome.drafted += draft.count
        if isHit {
          outcome.hits += 1
          outcome.waitOnHits += waited
        } else {
          outcome.waitOnMisses += waited
        }
      }
      at += accepted + 1
    }
    outcome.report = drafter.report
    return outcome
  }

  /// Takes the time of a pass; half-way says what the exit said.
  private func pass(_ at: Int, _ draft: Draft, _ mirrors: Bool, _ drafter: inout any Drafter) {
    let start = Self.now()
    let time = profile.seconds(rows: draft.count + 1)
    guard mirrors else { return Self.sleep(until: start + time) }
    let head = exitCount > 0 ? profile.headSeconds : 0
    if exitCount > 0 {
      Self.sleep(
        until: start + time * profile.prefixShare + head + profile.rendezvousSeconds / 2)
      // Rows behind the first wrong guess would say something else; they show the true path's guesses, which never
      // come true there and only cost the drafter work.
      let rows = (0...draft.count).map { row -> [ExitGuesses.Guess] in
        let place = at + 1 + row
        guard place < reply.exits.count else { return [] }
        let known = row < draft.count ? draft.tokens[row] : -1
        return Array(reply.exits[place].lazy.filter { $0.token != known }.prefix(exitCount))
      }
      drafter.foresee(ExitGuesses(position: reply.prompt.count + at + 1, rows: rows))
    }
    Self.sleep(until: start + time + head + profile.rendezvousSeconds)
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Sleeps, so that the cores are the drafter's.
  private static func sleep(until end: Double) {
    while true {
      let left = end - now()
      guard left > 0 else { return }
      var time = timespec()
      time.tv_sec = Int(left)
      time.tv_nsec = Int((left - left.rounded(.down)) * 1e9)
      nanosleep(&time, nil)
    }
  }
}
