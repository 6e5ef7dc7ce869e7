// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

/// The drafter's side of a mirror: drafts windows, and between verdicts prepares for what the verdict may be.
///
/// The cache holds the text; behind it, as scratch nodes, the pending token, the current window, and for each outcome
/// that is prepared a branch: the token that the target may say at that place, and what would follow it. All
/// branches go one token further in each pass. A verdict that was prepared for has its next window at once.
///
/// Everything is chosen by the noise of its position, so a window is the same whether it was prepared or not.
///
/// - Source: Mirror-SD (arXiv:2510.13161), §3.1, with guesses for every row; guesses of the drafter's own before
///   those of the exit: Saguaro (arXiv:2603.03251).
final class MirrorWorker {
  /// What a worker may use.
  struct Limits: Sendable {
    /// Rows of scratch beside the window.
    var branchRows = 512
    /// Guesses in a window and in a branch.
    var length = 8
  }

  /// An outcome that is prepared for.
  struct Branch {
    /// Guesses accepted before it, and the token behind them.
    var row: Int
    var token: Int
    var chance: Double
    var isFromExit: Bool
    /// What would follow, so far.
    var tokens: [Int] = []
    /// The last node that was fed; −1 before the first.
    var node = -1
    /// Whether it goes no further.
    var isDone = false
  }

  let model: DrafterModel
  let limits: Limits
  let answer: (MirrorAnswer) -> Void
  var sampler: Sampler?
  var cache: DraftCache?
  var plan: BranchPlan

  private var reply = -1
  private(set) var step = -1
  private var outline: ReplyOutline?
  private var readsHistory = false
  /// What the target has read, and the token behind it.
  private(set) var history: [Int] = []
  private(set) var pending = -1
  /// The current window, and its nodes: the pending token's first.
  var window: [Int] = []
  var windowNodes: [Int] = []
  /// What the drafter might have said behind each row, best first.
  var rowCandidates: [[Candidate]] = []
  /// What the exit said of each row, once it did.
  var exitRows: [[ExitGuesses.Guess]] = []
  var branches: [Branch] = []
  var branchSeconds = 0.0
  /// What passes of so many rows cost here.
  var costs = PassCosts(rows: 128)
  /// When branches began, and how long they usually have until the verdict; 0 before any.
  private var branchesBegan: ContinuousClock.Instant?
  private(set) var usualTime = 0.0
  var trace: TraceRecorder? { outline?.trace }
  private(set) var allowed = 0
  /// Whether the text is longer than the model reads, or has tokens that it does not know.
  private var isMute = false
  private var scratch: [Candidate] = []
  private let bytesPerRow: Int

  init(model: DrafterModel, limits: Limits, answer: @escaping (MirrorAnswer) -> Void) {
    self.model = model
    self.limits = limits
    self.answer = answer
    plan = BranchPlan(longest: limits.length)
    bytesPerRow = model.model.bytesPerPosition(of: .f16)
  }

  /// Carries orders out until the box is closed.
  func run(_ orders: Mailbox<MirrorOrder>) {
    while true {
      do throws(DecodingError) {
        if branches.contains(where: { !$0.isDone }) {
          if let order = orders.receive(atMost: 0) {
            try handle(order, orders)
          } else if orders.isClosed {
            return
          } else {
            try rollBranches()
          }
        } else {
          guard let order = orders.receive() else { return }
          try handle(order, orders)
        }
      } catch {
        // Silent until the next reply, which may be one that can be read.
        isMute = true
        clearWindow()
        cache = nil
        answer(.failed(error.message))
      }
    }
  }

  private func handle(
    _ order: MirrorOrder, _ orders: Mailbox<MirrorOrder>
  ) throws(DecodingError) {
    switch order {
    case .begin(let reply, let outline):
      try begin(reply, outline) { orders.isClosed }
    case .verdict(let reply, let step, let chosen, let wanted, let branches):
      guard reply == self.reply else {
        if reply > self.reply { answer(.lost(reply: reply)) }
        return
      }
      guard step == self.step + 1, !chosen.isEmpty else {
        if step > self.step { answer(.lost(reply: reply)) }
        return
      }
      self.step = step
      allowed = branches
      // A target that did not wait has said more by now: what it would ask first is the latest.
      let isStale = orders.contains {
        if case .verdict(reply, _, _, _, _) = $0 { true } else { false }
      }
      if isStale { return note(chosen) }
      try settle(chosen, wanted: min(wanted, limits.length))
    case .foresee(let reply, let step, let rows):
      guard reply == self.reply, step == self.step, exitRows.isEmpty else { return }
      exitRows = rows
      planBranches()
    }
  }

  private func begin(
    _ reply: Int, _ outline: ReplyOutline, isOver: () -> Bool
  ) throws(DecodingError) {
    self.reply = reply
    self.outline = outline
    step = -1
    pending = -1
    branchesBegan = nil
    clearWindow()
    sampler = try model.sampler(for: outline)
    readsHistory = !outline.sampler.penalties.areNeutral
    let capacity =
      min(outline.capacity, model.model.description.contextLength) + 2 * limits.length + 2
    if cache?.capacity ?? 0 < capacity {
      cache = nil
      cache = try DraftCache(model: model, capacity: capacity, branchRows: limits.branchRows)
    }
    // The last token of the prompt is read too: what follows is the pending one.
    history.removeAll(keepingCapacity: true)
    history.append(contentsOf: outline.prompt)
    guard let cache else { return }
    // Room for the text, and for the path to a row behind it.
    history.reserveCapacity(max(cache.capacity, outline.prompt.count) + 2 * limits.length + 2)
    isMute =
      !canRead(history)
      || history.count >= min(cache.capacity, model.model.description.contextLength)
    guard !isMute else { return }
    let known = try cache.advance(to: history)
    try cache.read(history[known...], isOver: isOver)
  }

  /// Whether the vocabulary has all of these.
  private func canRead(_ tokens: [Int]) -> Bool {
    let known = 0..<model.model.description.vocabularySize
    return tokens.allSatisfy { known.contains($0) }
  }

  private func clearWindow() {
    window = []
    windowNodes = []
    rowCandidates = []
    exitRows = []
    branches = []
    branchSeconds = 0
  }

  /// Takes a verdict in and answers nothing.
  private func note(_ chosen: [Int]) {
    if pending >= 0 { history.append(pending) }
    history.append(contentsOf: chosen.dropLast())
    pending = chosen[chosen.count - 1]
    isMute = isMute || !canRead(chosen)
    clearWindow()
  }

  /// Takes a verdict in, answers with the next window, and plans for the verdict after that.
  private func settle(_ chosen: [Int], wanted: Int) throws(DecodingError) {
    isMute = isMute || !canRead(chosen)
    guard !isMute, let cache else {
      return answer(
        .window(reply: reply, step: step, source: .miss, tokens: [], effort: BranchEffort()))
    }
    let (source, prepared) = learn(from: chosen)
    var effort = effort
    let began = ContinuousClock.now
    if let branchesBegan {
      let time = (began - branchesBegan) / .seconds(1)
      usualTime = usualTime == 0 ? time : usualTime + 0.2 * (min(time, 3 * usualTime) - usualTime)
    }
    // What was pending is text now, and so is what the target chose, but for the last token.
    if pending >= 0 { history.append(pending) }
    history.append(contentsOf: chosen.dropLast())
    pending = chosen[chosen.count - 1]
    clearWindow()
    let room = min(cache.capacity, model.model.description.contextLength)
    guard history.count + 2 * limits.length + 2 <= room else {
      isMute = true
      return answer(.window(reply: reply, step: step, source: source, tokens: [], effort: effort))
    }
    let known = try cache.advance(to: history)
    if history.count - known > 64 { try cache.read(history[known...]) }
    window = prepared
    if isEnd(window.last) || window.count >= wanted {
      send(source, effort)
      trace?.note(.drafter, "prepared window", since: began, count: window.count)
      try feedWindow(from: 0)
    } else {
      try feedWindow(from: 0)
      while window.count < wanted, !isEnd(window.last) {
        // The last row's best candidate is the next guess.
        guard let next = rowCandidates.last?.first else { break }
        window.append(next.id)
        if window.count < wanted, !isEnd(next.id) { try feedWindow(from: window.count) }
      }
      effort.windowSeconds = (ContinuousClock.now - began) / .seconds(1)
      send(source, effort)
      trace?.note(
        .drafter, source == .hit ? "longer window" : "new window", since: began, count: window.count
      )
      if windowNodes.count <= window.count { try feedWindow(from: window.count) }
    }
    branchesBegan = .now
    planBranches()
  }

  private func send(_ source: WindowSource, _ effort: BranchEffort) {
    answer(.window(reply: reply, step: step, source: source, tokens: window, effort: effort))
  }

  private var effort: BranchEffort {
    var effort = BranchEffort()
    effort.branches = branches.count
    effort.fromExit = branches.count { $0.isFromExit }
    effort.tokens = branches.reduce(0) { $0 + $1.tokens.count }
    effort.branchSeconds = branchSeconds
    effort.rows = max(0, (cache?.nodes.count ?? 0) - windowNodes.count)
    effort.bytes = effort.rows * bytesPerRow
    return effort
  }

  /// Whether a token ends a reply: nothing is guessed behind it.
  func isEnd(_ token: Int?) -> Bool {
    guard let token, let outline else { return false }
    return outline.endTokens.contains(token)
  }

  /// Compares a verdict with what was prepared.
  private func learn(from chosen: [Int]) -> (WindowSource, [Int]) {
    guard step > 0 else { return (.cold, []) }
    guard !windowNodes.isEmpty else { return (.miss, []) }
    var accepted = 0
    while accepted < min(window.count, chosen.count - 1), window[accepted] == chosen[accepted] {
      accepted += 1
    }
    let token = chosen[chosen.count - 1]
    // A target that was shown less than the window, or another one, says nothing of the rows behind.
    let isOurs = accepted == chosen.count - 1
    if isOurs {
      if accepted < window.count, window[accepted] == token {
        // It went along the window to the end of what it was shown: the rest of it still stands.
        return (.hit, Array(window[(accepted + 1)...]))
      }
      let isLast = accepted == window.count
      plan.observe(accepted: accepted, of: window.count)
      if accepted < rowCandidates.count {
        let own = isLast ? rowCandidates[accepted][...] : rowCandidates[accepted].dropFirst()
        plan.observe(
          rank: own.firstIndex { $0.id == token }.map { $0 - own.startIndex }, of: .drafter,
          isLast: isLast)
      }
      if accepted < exitRows.count {
        plan.observe(
          rank: exitRows[accepted].firstIndex { $0.token == token }, of: .exit, isLast: isLast)
      }
      if let branch = branches.first(where: { $0.row == accepted && $0.token == token }),
        !branch.tokens.isEmpty
      {
        return (.hit, branch.tokens)
      }
    }
    return (.miss, [])
  }

  /// Feeds the pending token and the window from a row on, and ranks what may follow each row.
  private func feedWindow(from row: Int) throws(DecodingError) {
    guard let cache else { return }
    let all = [pending] + window
    var seeds: [DraftCache.Seed] = []
    // Tokens that are text but not in the cache come first.
    let unread = row == 0 ? history.count - cache.tokens.count : 0
    for token in history.suffix(unread) {
      seeds.append(.init(token: token, parent: seeds.count - 1))
    }
    for index in row..<all.count {
      let parent =
        seeds.isEmpty
        ? windowNodes.last ?? -1 : cache.nodes.count + seeds.count - 1
      seeds.append(.init(token: all[index], parent: parent))
    }
    let first = cache.nodes.count
    let began = ContinuousClock.now
    let pass = try cache.grow(seeds, silent: unread)
    if unread == 0 {
      costs.observe(rows: seeds.count, seconds: (ContinuousClock.now - began) / .seconds(1))
    }
    for index in row..<all.count {
      let place = index - row + unread
      windowNodes.append(first + place)
      rowCandidates.append(
        try rank(pass, row: place, accepting: index, count: Self.ownGuesses + 1))
    }
  }

  /// Guesses of the drafter's own for a row.
  static let ownGuesses = 8

  /// What may follow a row of a pass, best first.
  ///
  /// The row's path is the text, the pending token, the first `guesses` of the window, and a branch if there is one;
  /// where penalties read it, it stands behind the text for as long as it is read, so that nothing is copied.
  func rank(
    _ pass: Pass, row: Int, accepting guesses: Int, branch: Branch? = nil, count: Int
  ) throws(DecodingError) -> [Candidate] {
    guard var sampler else { return [] }
    self.sampler = nil
    defer { self.sampler = sampler }
    let known = history.count
    if readsHistory {
      history.append(pending)
      history.append(contentsOf: window.prefix(guesses))
      if let branch {
        history.append(branch.token)
        history.append(contentsOf: branch.tokens)
      }
    }
    defer { history.removeSubrange(known...) }
    let position = known + 1 + guesses + (branch.map { 1 + $0.tokens.count } ?? 0)
    do {
      try pass.withLogits(ofRow: row) {
        sampler.rankCandidates(
          $0, history: history, position: position, count: count, into: &scratch)
      }
    } catch {
      throw DecodingError(error)
    }
    return scratch
  }
}
