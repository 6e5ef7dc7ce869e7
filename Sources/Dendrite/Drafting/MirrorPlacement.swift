// SPDX-License-Identifier: Apache-2.0
package import DendriteCompute
package import DendriteDecoding
package import DendriteModel

/// Which cores a target and its drafter get.
package struct MirrorPlacement {
  /// The target, on its cores.
  package var target: CPUTransformer
  /// The drafter, on its own or on the target's.
  package var drafter: DrafterModel
  /// The drafter's machine; `nil` if both take turns on one.
  package var drafterMachine: Machine?
  /// What was decided and why, for people.
  package var description: String

  /// The share of outcomes that are thought to be prepared for, before anything is known.
  private static let hopefulHitRate = 0.6

  /// Finds the cores, by timing where the plan leaves it open.
  package static func find(
    for plan: MirrorPlan, target: CPUTransformer, drafter load: (Machine) throws -> DrafterModel
  ) throws -> MirrorPlacement {
    let machine = target.machine
    let cores = machine.cores ?? CoreSet.available
    let count = min(machine.threads, cores?.count ?? machine.threads)
    switch plan.cores {
    case .together:
      return MirrorPlacement(
        target: target, drafter: try load(machine), drafterMachine: nil,
        description: "mirror off: both models take turns on \(count) cores")
    case .apart(let mine, let theirs):
      guard mine >= 1, theirs >= 1, mine + theirs <= count else {
        throw DecodingError(
          .badSetting,
          "\(mine) cores for the target and \(theirs) for the drafter, expected at most \(count) together",
          remedy: count < 2
            ? "let them take turns" : "for example \(count - 1) and 1, or let them take turns")
      }
      return try split(target, load, mine, theirs, cores, note: "")
    case .measured:
      guard count > 2 else {
        return MirrorPlacement(
          target: target, drafter: try load(machine), drafterMachine: nil,
          description: "mirror off: on \(count) cores both models take turns")
      }
      return try measured(
        plan.settings.length, target: target, drafter: load, cores: cores, count: count)
    }
  }

  private static func split(
    _ target: CPUTransformer, _ load: (Machine) throws -> DrafterModel, _ mine: Int,
    _ theirs: Int, _ cores: CoreSet?, note: String
  ) throws -> MirrorPlacement {
    let (own, other) = try machines(target.machine, mine, theirs, cores)
    func place(_ machine: Machine) -> String {
      machine.cores.map { "cores \($0)" } ?? "\(machine.threads) threads"
    }
    return MirrorPlacement(
      target: target.copy(on: own), drafter: try load(other), drafterMachine: other,
      description: "mirror: target on \(place(own)), drafter on \(place(other))\(note)")
  }

  /// Two machines on disjoint cores.
  private static func machines(
    _ machine: Machine, _ mine: Int, _ theirs: Int, _ cores: CoreSet?
  ) throws -> (Machine, Machine) {
    let all = cores?.cores ?? []
    func make(_ threads: Int, _ some: ArraySlice<Int>) throws -> Machine {
      try Machine(
        threads: threads, variant: machine.variant, cores: all.isEmpty ? nil : CoreSet(some))
    }
    return (try make(mine, all.prefix(mine)), try make(theirs, all.dropFirst(mine).prefix(theirs)))
  }

  /// Times two passes of each model for each way to share the cores, and takes the one whose step is shortest.
  ///
  /// - Parameters:
  ///   - length: guesses in a window.
  ///   - target: the target on all cores.
  ///   - load: loads the drafter; called once, whatever is decided.
  ///   - cores: which cores there are, if they are to be told apart.
  ///   - count: how many.
  ///   - seconds: times a pass of so many rows.
  /// - Returns: both models where they will work.
  /// - Throws: what `load` and `seconds` throw.
  package static func measured(
    _ length: Int, target: CPUTransformer, drafter load: (Machine) throws -> DrafterModel,
    cores: CoreSet?, count: Int,
    seconds: (CPUTransformer, _ rows: Int) throws -> Double = Self.seconds
  ) throws -> MirrorPlacement {
    let rows = length + 1
    let guesses = Double(length)
    let drafter = try load(target.machine)
    guard let small = drafter.model as? CPUTransformer else {
      return MirrorPlacement(
        target: target, drafter: drafter, drafterMachine: nil, description: "mirror off")
    }
    let turns = try seconds(target, rows) + guesses * seconds(small, 1)
    var best = (seconds: turns, mine: 0, theirs: 0)
    for theirs in Set([1, count / 2]).sorted() {
      let mine = count - theirs
      let (own, other) = try machines(target.machine, mine, theirs, cores)
      let check = try seconds(target.copy(on: own), rows)
      let draft = guesses * (try seconds(small.copy(on: other), 1))
      // A miss waits for a draft; a hit for what does not fit behind the check.
      let ifMissed = (1 - hopefulHitRate) * draft
      let ifHit = hopefulHitRate * max(0, draft - check)
      let step: Double = check + ifMissed + ifHit
      if step < best.seconds { best = (step, mine, theirs) }
    }
    func took(_ seconds: Double) -> String { "\(Int(seconds * 1_000_000)) µs a step" }
    guard best.mine > 0 else {
      return MirrorPlacement(
        target: target, drafter: drafter, drafterMachine: nil,
        description: "mirror off: both models take turns on \(count) cores, \(took(turns))")
    }
    // The same weights on other cores: the file is not read again.
    return try split(
      target, { DrafterModel(model: small.copy(on: $0), streams: drafter.streams) }, best.mine,
      best.theirs, cores,
      note: ", \(took(best.seconds)) instead of \(took(turns)) in turn")
  }

  /// Seconds of a pass, the second of two.
  package static func seconds(_ model: CPUTransformer, rows: Int) throws -> Double {
    let cache = try model.makeCache(capacity: 64, type: .f16)
    defer { model.release(cache) }
    var time = 0.0
    for _ in 0..<2 {
      var batch = RowBatch()
      for row in 0..<rows {
        batch.append(
          Row(
            cache: cache, input: .token(row), parent: row == 0 ? .tip : .row(row - 1),
            output: .logits))
      }
      let began = ContinuousClock.now
      try model.submit(batch).finish()
      time = (ContinuousClock.now - began) / .seconds(1)
      try model.discard(cache)
    }
    return time
  }
}
