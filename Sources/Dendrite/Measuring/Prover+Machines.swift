// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteModel

/// How the machine does it: parts, threads, kernels.
extension Prover {
  /// Work cut into 1 … 8 parts gives the same bits.
  func parts() throws -> Finding {
    var tally = Tally()
    let machine = model.machine
    for parts in 1...8 {
      let other = try Machine(threads: machine.threads, parts: parts, variant: machine.variant)
      try compare(other, rows: 24, "\(parts) parts", .f16, &tally)
    }
    return Finding(claim: "work cut into 1 … 8 parts", tally: tally)
  }

  /// Any number of threads gives the same bits.
  func threads() throws -> Finding {
    var tally = Tally()
    let cores = AvailableCores.count()
    let counts = cores <= 8 ? Array(1...cores) : [1, 2, 3, 4, 8, cores / 2, cores]
    for threads in counts {
      let other = try Machine(threads: threads, variant: model.machine.variant)
      try compare(other, rows: 24, "\(threads) threads", .f16, &tally)
    }
    return Finding(claim: "1 … \(cores) threads", tally: tally)
  }

  /// Every variant that this CPU can run gives the same bits, in every cache type.
  func kernels() throws -> Finding {
    var tally = Tally()
    var names: [String] = []
    for variant in KernelVariant.available where variant != model.machine.variant {
      let machine = try Machine(threads: model.machine.threads, variant: variant)
      let other = model.copy(on: machine)
      let start = Clock.seconds()
      tally.compare(
        try withCache(.f16, on: other) { try next(tokens[0], after: $0, on: other) },
        try reference(.f16, count: 1)[0], "the first row with \(variant)")
      // A slow variant gets a tenth of the budget: at least two rows, and if it can be afforded
      // three in each cache type.
      let alone = Clock.seconds() - start
      let affordable = Int(min(1e6, settings.budget / 10 / max(alone, 1e-9)))
      let types: [CacheType] = affordable < 9 ? [.f16] : CacheType.allCases
      let rows = min(max(2, affordable / types.count), 80, effort.short)
      for type in types { try compare(machine, rows: rows, "\(variant)", type, &tally) }
      names.append(
        "\(variant) (\(rows) rows, \(types.map(\.rawValue).joined(separator: ", ")) cache)")
    }
    let list = names.isEmpty ? "no other variant runs here" : names.joined(separator: ", ")
    return Finding(claim: "\(model.machine.variant) = \(list)", tally: tally)
  }

  /// Feeds the beginning of the sequence on another machine that shares the weights: half of it in
  /// one pass, the rest in passes of five rows.
  private func compare(
    _ machine: Machine, rows: Int, _ place: String, _ type: CacheType,
    _ tally: inout Tally
  ) throws {
    let count = min(rows, tokens.count)
    let want = try reference(type, count: count)
    let other = model.copy(on: machine)
    let got = try withCache(type, on: other) { cache in
      let first = try feed(tokens.prefix(count / 2), to: cache, on: other)
      let second = try feed(tokens[count / 2..<count], to: cache, on: other, chunk: 5)
      return (0..<count).map { $0 < count / 2 ? first[$0] : second[$0 - count / 2] }
    }
    for (index, hash) in got.enumerated() {
      tally.compare(hash, want[index], "position \(index) with \(place), \(type.rawValue) cache")
    }
  }
}
