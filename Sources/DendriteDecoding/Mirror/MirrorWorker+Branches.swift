// SPDX-License-Identifier: Apache-2.0
internal import DendriteModel

extension MirrorWorker {
  /// Decides which outcomes are prepared for: the likeliest, those under way among them.
  func planBranches() {
    guard allowed > 0, !windowNodes.isEmpty else { return }
    var wanted: [Branch] = []
    for row in 0...window.count where row < rowCandidates.count {
      let isLast = row == window.count
      let end = plan.chanceOfEnd(row: row, length: window.count)
      let own = isLast ? rowCandidates[row][...] : rowCandidates[row].dropFirst()
      for (rank, candidate) in own.enumerated() {
        wanted.append(
          Branch(
            row: row, token: candidate.id,
            chance: end * plan.chance(rank: rank, of: .drafter, isLast: isLast), isFromExit: false))
      }
      guard row < exitRows.count else { continue }
      for (rank, guess) in exitRows[row].enumerated() {
        let chance = end * plan.chance(rank: rank, of: .exit, isLast: isLast)
        if let known = wanted.firstIndex(where: { $0.row == row && $0.token == guess.token }) {
          wanted[known].chance = max(wanted[known].chance, chance)
        } else if isLast || guess.token != window[row] {
          wanted.append(Branch(row: row, token: guess.token, chance: chance, isFromExit: true))
        }
      }
    }
    // Behind a token that ends the reply nothing follows.
    wanted.removeAll { isEnd($0.token) || $0.token >= model.model.description.vocabularySize }
    wanted.sort { ($1.chance, $0.row, $0.token) < ($0.chance, $1.row, $1.token) }
    // Those under way keep their place, and the exit's come on top: the exit is heard once a step.
    let affordable = affordableBranches
    let room = exitRows.isEmpty ? affordable : affordable + (affordable + 1) / 2
    for branch in wanted.prefix(affordable) where branches.count < room {
      if let known = branches.firstIndex(where: {
        $0.row == branch.row && $0.token == branch.token
      }) {
        branches[known].chance = branch.chance
      } else {
        branches.append(branch)
      }
    }
  }

  /// As many outcomes as can be prepared to the end before the verdict comes: half-made windows help little.
  private var affordableBranches: Int {
    guard usualTime > 0 else { return min(allowed, 4) }
    var count = 1
    while count < allowed,
      Double(limits.length) * costs.cost(rows: count + 1) <= 0.8 * usualTime
    {
      count += 1
    }
    return count
  }

  /// Takes every branch one token further, in one pass.
  func rollBranches() throws(DecodingError) {
    guard let cache else { return }
    let room = limits.branchRows - (cache.nodes.count - windowNodes.count)
    let active = branches.indices.filter { !branches[$0].isDone }
      .sorted { branches[$0].chance > branches[$1].chance }
      .prefix(max(0, min(room, Self.widestPass)))
    guard !active.isEmpty else {
      // No room for more: what there is has to do.
      for index in branches.indices { branches[index].isDone = true }
      return
    }
    let began = ContinuousClock.now
    defer {
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      branchSeconds += seconds
      costs.observe(rows: active.count, seconds: seconds)
      trace?.note(.drafter, "branches", since: began, count: active.count)
    }
    let first = cache.nodes.count
    let pass = try cache.grow(
      active.map { index in
        let branch = branches[index]
        return DraftCache.Seed(
          token: branch.tokens.last ?? branch.token,
          parent: branch.node < 0 ? windowNodes[branch.row] : branch.node)
      })
    for (row, index) in active.enumerated() {
      let branch = branches[index]
      let next = try rank(pass, row: row, accepting: branch.row, branch: branch, count: 1)
      branches[index].node = first + row
      if let token = next.first?.id { branches[index].tokens.append(token) }
      branches[index].isDone =
        next.isEmpty || isEnd(next.first?.id) || branches[index].tokens.count >= limits.length
    }
  }

  /// Branches in one pass: a verdict has to wait for the pass that is under way.
  private static let widestPass = 64
}
