// SPDX-License-Identifier: Apache-2.0
public import DendriteCompute
public import DendriteReport
internal import DendriteCheckpoint
internal import DendriteDecoding
internal import DendriteModel
internal import DendriteTokenizer

/// Measures a mirror beside plain speculation with an emulated accelerator, and both beside the latency law.
public struct MirrorStudy: Sendable {
  /// Files and sizes.
  public struct Settings: Sendable {
    /// The target, whose verdicts are recorded.
    public var target: String
    /// The drafters, which work for real.
    public var drafters: [String]
    /// Texts to go on from.
    public var prompts: [String]
    /// Accelerators.
    public var profiles: [AcceleratorProfile] = AcceleratorProfile.all
    /// Tokens of each reply.
    public var count = 128
    /// Guesses in a window, outcomes that are prepared for, guesses of the exit for each row.
    public var mirror = MirrorDrafter.Settings(givesUp: false)
    /// Where the target thinks aloud.
    public var exit = MirrorPlan.Exit.half
    /// How tokens are chosen.
    public var sampler = SamplerSettings.greedy

    /// Settings for a study.
    public init(target: String, drafters: [String], prompts: [String]) {
      self.target = target
      self.drafters = drafters
      self.prompts = prompts
    }
  }

  /// One drafter on one accelerator.
  public struct Row: Sendable {
    /// The drafter's file.
    public var drafter: String
    /// The accelerator.
    public var profile: AcceleratorProfile
    /// Seconds of a draft turn by turn.
    public var draftSeconds: Double
    /// Seconds of a step turn by turn.
    public var inTurnSeconds: Double
    /// Seconds of a step with a mirror.
    public var mirrorSeconds: Double
    /// What the law says of a step with a mirror.
    public var lawSeconds: Double
    /// Tokens a step turn by turn.
    public var inTurnTokens: Double
    /// Tokens a step with a mirror.
    public var mirrorTokens: Double
    /// Steps whose window was prepared, of all.
    public var hitRate: Double
    /// The part of a draft's time that nobody waited for, where it was prepared.
    public var hiddenShare: Double
    /// Tokens per second turn by turn, over plain decoding on the same accelerator.
    public var inTurnSpeed: Double
    /// The same with a mirror.
    public var mirrorSpeed: Double
    /// The most rows of the drafter's cache in branches.
    public var branchRows: Int

    /// A mirror over turns.
    public var gain: Double { mirrorSpeed / inTurnSpeed }
    /// The same by the law.
    public var lawGain: Double { inTurnSeconds / lawSeconds }
  }

  /// What was asked for.
  public let settings: Settings

  /// Prepares a study.
  public init(_ settings: Settings) { self.settings = settings }

  /// Records the target, then lets every drafter meet every accelerator.
  ///
  /// - Parameters:
  ///   - machine: where the target is recorded and the drafters work.
  ///   - progress: called with what is being done.
  /// - Returns: a row for each pair.
  /// - Throws: what loading throws; `DecodingError`.
  public func run(on machine: Machine, progress: (String) -> Void = { _ in }) throws -> [Row] {
    let file = try ModelLocation.open(settings.target)
    let tokenizer = try Tokenizer(file.vocabularyDescription())
    let drafters = try settings.drafters.map {
      (name: Self.name(of: $0), model: try DrafterFile.load($0, tokenizer, on: machine))
    }
    let vocabulary =
      drafters.map(\.model.model.description.vocabularySize).min()
      ?? tokenizer.vocabularySize
    let target = try CPUTransformer(file: file, machine: machine)
    var plan = MirrorPlan(settings: settings.mirror)
    plan.exit = settings.exit
    let head = try plan.exitHead(of: target, path: settings.target)
    var sampler = settings.sampler
    sampler.seed = sampler.seed ?? 1
    var replies: [RecordedReply] = []
    for (index, prompt) in settings.prompts.enumerated() {
      progress("recording the target, \(index + 1) of \(settings.prompts.count)")
      replies.append(
        try RecordedReply.record(
          tokenizer.encode(prompt), count: settings.count, of: target, tokenizer, sampler: sampler,
          exit: head ?? ExitHead(rawAfter: max(1, target.description.layerCount / 2)),
          guesses: settings.mirror.exitCount + 1, vocabularySize: vocabulary))
    }
    var rows: [Row] = []
    for drafter in drafters {
      for profile in settings.profiles {
        progress("\(drafter.name) beside \(profile.name)")
        rows.append(
          try row(
            drafter.name, drafter.model, profile, replies, sampler,
            vocabularySize: target.description.vocabularySize, hasExit: head != nil))
      }
    }
    return rows
  }

  private func row(
    _ name: String, _ model: DrafterModel, _ profile: AcceleratorProfile,
    _ replies: [RecordedReply], _ sampler: SamplerSettings, vocabularySize: Int, hasExit: Bool
  ) throws -> Row {
    var inTurn = EmulatedTarget.Outcome()
    var mirrored = EmulatedTarget.Outcome()
    let length = settings.mirror.length
    for reply in replies {
      let target = EmulatedTarget(
        profile: profile, reply: reply, sampler: sampler, vocabularySize: vocabularySize,
        exitCount: hasExit ? settings.mirror.exitCount : 0)
      // One after the other: a mirror has its drafter for itself, and lets it go when its thread has ended.
      inTurn = inTurn + target.run(try ModelDrafter(model), length: length, mirrors: false)
      let link = try LocalMirror(model: model, length: length)
      mirrored =
        mirrored
        + target.run(
          MirrorDrafter(link: link, settings: settings.mirror), length: length, mirrors: true)
      link.finish()
    }
    let draft = inTurn.wait
    let rowsOfStep = Double(mirrored.rows) / Double(max(1, mirrored.steps))
    let pass = profile.passSeconds * (1 + profile.rowShare * (rowsOfStep - 1))
    let overhead =
      profile.rendezvousSeconds
      + (hasExit && settings.mirror.exitCount > 0 ? profile.headSeconds : 0)
    let hitWait = mirrored.waitOnHits / Double(max(1, mirrored.hits))
    return Row(
      drafter: name, profile: profile, draftSeconds: draft, inTurnSeconds: inTurn.stepSeconds,
      mirrorSeconds: mirrored.stepSeconds,
      lawSeconds: MirrorLaw.mirrored(
        pass: pass, draft: draft, hitRate: mirrored.hitRate, overhead: overhead),
      inTurnTokens: Double(inTurn.tokens) / Double(max(1, inTurn.steps)),
      mirrorTokens: Double(mirrored.tokens) / Double(max(1, mirrored.steps)),
      hitRate: mirrored.hitRate, hiddenShare: draft > 0 ? 1 - hitWait / draft : 1,
      inTurnSpeed: inTurn.rate * profile.passSeconds,
      mirrorSpeed: mirrored.rate * profile.passSeconds, branchRows: mirrored.report.branchRows)
  }

  private static func name(of path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? path
    if name.hasSuffix(".gguf") { name.removeLast(5) }
    return name
  }

  // MARK: Tables

  /// The rows as tables, with the law's table behind them.
  public static func report(_ rows: [Row], settings: Settings) -> Report {
    var table = Table([
      .words("drafter"), .words("accelerator"), .figures("draft, ms"), .figures("in turn, ms"),
      .figures("mirror, ms"), .figures("law, ms"), .figures("off law"), .figures("hits"),
      .figures("hidden"), .figures("tokens a step"), .figures("× plain in turn"),
      .figures("× plain mirror"), .figures("gain"), .figures("law's gain"),
    ])
    var measurements: [Measurement] = []
    func ms(_ seconds: Double) -> String { Figures.text(seconds * 1e3) }
    for row in rows {
      let off = row.mirrorSeconds / row.lawSeconds - 1
      table.append([
        row.drafter, row.profile.name, ms(row.draftSeconds), ms(row.inTurnSeconds),
        ms(row.mirrorSeconds), ms(row.lawSeconds), Figures.percent(off),
        Figures.percent(row.hitRate), Figures.percent(row.hiddenShare),
        Figures.text(row.mirrorTokens), Figures.text(row.inTurnSpeed),
        Figures.text(row.mirrorSpeed), Figures.text(row.gain), Figures.text(row.lawGain),
      ])
      let what = "\(row.drafter), \(row.profile.name)"
      for (name, value, unit) in [
        ("draft", row.draftSeconds, "s"), ("step in turn", row.inTurnSeconds, "s"),
        ("step with a mirror", row.mirrorSeconds, "s"), ("step by the law", row.lawSeconds, "s"),
        ("hit rate", row.hitRate, ""), ("hidden share", row.hiddenShare, ""),
        ("speed in turn over plain", row.inTurnSpeed, ""),
        ("speed with a mirror over plain", row.mirrorSpeed, ""), ("gain", row.gain, ""),
        ("gain by the law", row.lawGain, ""), ("branch rows", Double(row.branchRows), ""),
      ] {
        measurements.append(Measurement("\(what): \(name)", value, unit: unit, kind: .emulated))
      }
    }
    return Report(
      "mirror",
      facts: [
        .init("target", name(of: settings.target)),
        .init("replies", "\(settings.prompts.count) of \(settings.count) tokens"),
        .init(
          "mirror",
          "windows of \(settings.mirror.length), \(settings.mirror.branches) branches, "
            + "\(settings.mirror.exitCount) guesses of the exit a row"),
      ],
      sections: [
        .init("Emulated accelerators, real drafters", table: table, measurements: measurements),
        lawSection(),
      ],
      notes: settings.profiles.map { "\($0.name) is emulated: \($0.note)" })
  }

  /// Where a mirror pays, by the law alone.
  private static func lawSection() -> Report.Section {
    let rates = [0.2, 0.4, 0.6, 0.8, 1.0]
    var table = Table([.words("draft ÷ pass")] + rates.map { .figures("h = \(Figures.text($0))") })
    var measurements: [Measurement] = []
    for share in [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0] {
      var cells = [Figures.text(share)]
      for rate in rates {
        let gain = MirrorLaw.gain(pass: 1, draft: share, hitRate: rate, overhead: 0.06)
        cells.append(Figures.text(gain))
        measurements.append(
          Measurement(
            "gain at draft \(Figures.text(share)) of a pass, hit rate \(Figures.text(rate))", gain,
            kind: .simulated))
      }
      table.append(cells)
    }
    return .init(
      "Gain by the law (simulated), exit and messages 6 % of a pass", table: table,
      measurements: measurements)
  }
}
