// SPDX-License-Identifier: Apache-2.0
public import DendriteModel

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The target's side of a mirror: a drafter that works while the target does.
///
/// While the target checks a window, the drafter prepares the next one for the likeliest outcomes; half-way the target
/// tells it what it is about to say. A verdict that was prepared for finds its next window waiting.
/// A link that is slow, loses messages or breaks costs time and never a word: the reply goes on without guesses.
///
/// - Source: Mirror Speculative Decoding (arXiv:2510.13161).
public struct MirrorDrafter: CostlyDrafter {
  /// How a mirror works.
  public struct Settings: Sendable, Hashable {
    /// Guesses in a window (γ).
    public var length: Int
    /// Outcomes that are prepared for; 0 is plain speculation on the drafter's side.
    public var branches: Int
    /// Guesses of the exit for each row (κ).
    public var exitCount: Int
    /// Whether branches are given up when windows come no faster with them.
    public var givesUp: Bool
    /// The longest wait for a window, in seconds; `nil` follows the time of passes.
    public var patience: Double?

    /// Settings; the defaults are the paper's where this machine has no opinion.
    public init(
      length: Int = 7, branches: Int = 32, exitCount: Int = 8, givesUp: Bool = true,
      patience: Double? = nil
    ) {
      self.length = length
      self.branches = branches
      self.exitCount = exitCount
      self.givesUp = givesUp
      self.patience = patience
    }
  }

  private let state: State

  /// A mirror over a link, which no other drafter uses.
  ///
  /// - Parameters:
  ///   - link: the way to the drafter.
  ///   - settings: how it works.
  ///   - exit: reads the target's early guesses; without one the drafter has only its own.
  package init(link: any MirrorLink, settings: Settings = Settings(), exit: ExitHead? = nil) {
    state = State(link: link, settings: settings, exit: exit)
  }

  /// A mirror whose drafter is elsewhere.
  public init(
    remote: RemoteMirror, settings: Settings = Settings(), exit: ExitHead? = nil
  ) {
    self.init(link: remote, settings: settings, exit: exit)
  }

  /// A mirror whose drafter has a thread of its own.
  ///
  /// - Parameters:
  ///   - model: the drafter, which nobody else calls; on a machine of its own, best on other cores.
  ///   - settings: how it works.
  ///   - exit: reads the target's early guesses.
  /// - Throws: `drafterInUse` if the drafter works for another mirror, or in turn with a target.
  public init(
    model: DrafterModel, settings: Settings = Settings(), exit: ExitHead? = nil
  ) throws(DecodingError) {
    self.init(
      link: try LocalMirror(model: model, length: settings.length), settings: settings, exit: exit)
  }

  /// Tells the drafter of the reply, so that it reads the prompt while the target does.
  public mutating func begin(_ reply: ReplyOutline) { state.begin(reply) }

  /// The window that is ready, or will be soon.
  public mutating func propose(
    after history: [Int], pending: Int, limit: Int, into draft: inout Draft
  ) {
    state.propose(after: history, pending: pending, limit: limit, into: &draft)
  }

  /// The exit, where there is one and its guesses are of use.
  public var exitWish: ExitWish? { state.exitWish }

  /// Passes the target's early guesses on.
  public mutating func foresee(_ guesses: ExitGuesses) { state.foresee(guesses) }

  /// Tells the drafter what the target said.
  public mutating func observe(_ record: VerificationRecord) { state.observe(record) }

  /// Windows, branches, and why the drafter fell silent, if it did.
  public var report: DrafterReport { state.report }

  /// What copies of the drafter share; a session has one user at a time.
  final class State: @unchecked Sendable {
    private let link: any MirrorLink
    private let settings: Settings
    private let exit: ExitHead?
    private(set) var report = DrafterReport()
    private var worth: MirrorWorth
    private var outline: ReplyOutline?
    private var reply = 0
    /// The step whose window is due, −1 before the first verdict of a reply.
    private var step = -1
    /// What the drafter knows: the length of the history and the token behind it.
    private var known = (length: 0, pending: -1)
    /// A window that has come but was not asked for yet.
    private var window: [Int]?
    private var missed = 0
    /// Whether this step has guesses; without any its outcomes are not prepared for.
    private var hasDraft = false
    /// Whether this reply has had a window.
    private var hasWindow = false
    /// When the drafter was last heard, or asked first.
    private var heard = ContinuousClock.now
    /// Why it is asked no more, until it is heard again.
    private var silence: String?
    /// Seconds of a pass of the target, smoothed.
    private var passSeconds = 0.0

    /// A drafter that reads a long prompt may be silent for a while.
    private static let longestSilence = Duration.seconds(30)

    init(link: any MirrorLink, settings: Settings, exit: ExitHead?) {
      self.link = link
      self.settings = settings
      self.exit = exit
      worth = MirrorWorth(isOn: settings.branches > 0, decides: settings.givesUp)
    }

    func begin(_ outline: ReplyOutline) {
      report = DrafterReport()
      report.failure = silence
      heard = .now
      self.outline = outline
      start(outline)
    }

    /// Starts over with everything that the target has read.
    private func start(_ outline: ReplyOutline) {
      reply += 1
      step = -1
      window = nil
      missed = 0
      hasWindow = false
      link.send(.begin(reply: reply, outline: outline))
      known = (outline.prompt.count, -1)
    }

    func propose(after history: [Int], pending: Int, limit: Int, into draft: inout Draft) {
      hasDraft = false
      guard link.failure == nil else { return fail() }
      guard report.failure == nil else { return }
      if step < 0 || known != (history.count, pending) {
        if step >= 0 || known.length != history.count, var outline {
          outline.prompt = history
          start(outline)
        }
        verdict([pending], length: history.count)
      }
      let began = ContinuousClock.now
      guard let tokens = window ?? waitForWindow() else { return }
      outline?.trace?.note(.waiting, "for a window", since: began, count: tokens.count)
      window = nil
      draft.append(contentsOf: tokens.prefix(limit))
      hasDraft = !draft.isEmpty
    }

    /// Waits as long as guesses are worth it.
    private func waitForWindow() -> [Int]? {
      // Until the drafter has read the prompt the target goes on alone; later windows take as long as a pass or so.
      var left =
        settings.patience ?? (hasWindow ? max(0.05, 8 * passSeconds) : max(0.05, passSeconds))
      while left > 0 {
        let began = ContinuousClock.now
        let answer = link.receive(atMost: left)
        left -= (ContinuousClock.now - began) / .seconds(1)
        if answer != nil {
          heard = .now
          silence = nil
        }
        switch answer {
        case .window(let reply, let step, let source, let tokens, let effort):
          guard reply == self.reply, step == self.step else {
            report.lateMessages += 1
            continue
          }
          missed = 0
          hasWindow = true
          count(source, effort)
          return tokens
        case .lost(let reply):
          guard reply == self.reply else { continue }
          known = (-1, -1)  // begins again with the next round
          return nil
        case .failed(let reason):
          report.failure = reason
          return nil
        case nil:
          if link.failure != nil {
            fail()
            return nil
          }
        }
      }
      // A drafter that is late again and again has lost its way, or an answer was lost on the way from it.
      if hasWindow { missed += 1 }
      if missed >= 3 { known = (-1, -1) }
      if ContinuousClock.now - heard > Self.longestSilence {
        silence = "the drafter does not answer"
        report.failure = silence
      }
      return nil
    }

    private func count(_ source: WindowSource, _ effort: BranchEffort) {
      switch source {
      case .cold: report.cold += 1
      case .hit: report.hits += 1
      case .miss: report.misses += 1
      }
      report.branches += effort.branches
      report.branchTokens += effort.tokens
      report.branchSeconds += effort.branchSeconds
      report.windowSeconds += effort.windowSeconds
      report.branchRows = max(report.branchRows, effort.rows)
      report.branchBytes = max(report.branchBytes, effort.bytes)
    }

    private func fail() { report.failure = report.failure ?? link.failure }

    var exitWish: ExitWish? {
      guard let exit, worth.isOn, settings.exitCount > 0, hasDraft, report.failure == nil else {
        return nil
      }
      return ExitWish(
        head: exit, count: settings.exitCount, vocabularySize: link.vocabularySize)
    }

    func foresee(_ guesses: ExitGuesses) {
      guard step >= 0 else { return }
      link.send(.foresee(reply: reply, step: step, rows: guesses.rows))
    }

    func observe(_ record: VerificationRecord) {
      passSeconds =
        passSeconds == 0
        ? record.verifySeconds : passSeconds + 0.2 * (record.verifySeconds - passSeconds)
      worth.observe(
        tokens: record.accepted + 1, seconds: record.verifySeconds + record.draftSeconds)
      guard step >= 0, report.failure == nil, known.length >= 0 else { return }
      window = nil
      verdict(record.chosen, length: record.position + record.accepted)
    }

    /// Tells what the target said and asks for the next window.
    private func verdict(_ chosen: [Int], length: Int) {
      step += 1
      known = (length, chosen[chosen.count - 1])
      link.send(
        .verdict(
          reply: reply, step: step, chosen: chosen, wanted: settings.length,
          branches: worth.isOn ? settings.branches : 0))
    }
  }
}
