// SPDX-License-Identifier: Apache-2.0
internal import DendriteCompute
internal import DendriteDistributed
package import DendriteReport

/// The plan in words, tables, figures and a picture.
extension ClusterPlan {
  /// Facts, three tables and what a reader must know.
  package var report: Report {
    var sections = [memorySection, timeSection]
    if ranks > 1 { sections.append(breakEvenSection) }
    return Report("plan cluster", facts: facts, sections: sections, notes: notes)
  }

  private var facts: [Report.Fact] {
    let shape = model.shape
    let profile = model.profile
    let nodes = (ranks + profile.ranksPerNode - 1) / profile.ranksPerNode
    var facts: [Report.Fact] = [
      .init(
        "model",
        "\(shape.name): \(shape.layerCount) layers, \(shape.headCount) heads in "
          + "\(shape.kvHeadCount) groups of width \(shape.headDim)"),
      .init("context", "\(Figures.text(context)) tokens"),
      .init("ranks", "\(ranks) on \(nodes) \(nodes == 1 ? "node" : "nodes")"),
      .init("profile", "\(profile.name): \(profile.summary)"),
      .init(
        "a rank reads",
        "\(Figures.text(profile.readBandwidth / 1e9)) GB/s (\(profile.readOrigin.rawValue))"),
    ]
    if ranks > 1, profile.ranksPerNode > 1 {
      facts.append(.init("inside a node", Self.text(profile.inside)))
    }
    if nodes > 1, let between = profile.between {
      facts.append(.init("between nodes", Self.text(between)))
    }
    if ranks > 1 {
      let least = shape.stateBytes(.minimal, rows: model.rows)
      facts.append(
        .init(
          "states of a layer",
          "\(Self.text(bytes: model.messageBytes)) with l on sixteen lanes; "
            + "(m, l, n) alone would take \(Self.text(bytes: least))"))
    }
    return facts
  }

  private static func text(bytes: Double) -> String {
    // A file may claim any size.
    MemoryBudget.text(Int(min(bytes, 9e18)))
  }

  private static func text(_ link: LinkProfile) -> String {
    "\(Figures.text(link.latency * 1e6)) µs, \(Figures.text(link.bandwidth / 1e9)) GB/s "
      + "(\(link.origin.rawValue))"
  }

  private var memorySection: Report.Section {
    var table = Table([
      .words("method"), .figures("weights"), .figures("cache"), .figures("messages"),
      .figures("a rank in all"),
    ])
    var measurements: [Measurement] = []
    for method in methods {
      let memory = model.memory(method, context: Double(context), ranks: ranks)
      table.append([
        method.title, Self.text(bytes: memory.weights), Self.text(bytes: memory.cache),
        Self.text(bytes: memory.buffers), Self.text(bytes: memory.total),
      ])
      measurements.append(
        Measurement(
          "memory of a rank, \(method.title)", memory.total, unit: "B", kind: .simulated))
    }
    return Report.Section("Memory of a rank (simulated)", table: table, measurements: measurements)
  }

  private var timeSection: Report.Section {
    var table = Table([
      .words("method"), .figures("ms a token"), .figures("tokens/s"), .figures("× one rank"),
      .figures("exchanges"), .figures("sent by a rank"),
    ])
    var measurements: [Measurement] = []
    let single = tokenTime(.single)
    for method in methods {
      let time = tokenTime(method)
      let ranks = method == .single ? 1 : self.ranks
      table.append([
        method.title, Figures.text(time * 1e3), Figures.text(1 / time),
        Figures.text(single / time), Figures.text(model.exchangesPerToken(method, ranks: ranks)),
        Self.text(bytes: model.bytesSent(method, context: Double(context), ranks: ranks)),
      ])
      measurements.append(
        Measurement(
          "time of a token, \(method.title)", time * 1e3, unit: "ms", floor: single * 1e3,
          kind: .simulated))
    }
    return Report.Section("Time of a token (simulated)", table: table, measurements: measurements)
  }

  private var breakEvenSection: Report.Section {
    var table = Table([.words("method"), .words("worth it"), .figures("exchanges of a layer, µs")])
    var measurements: [Measurement] = []
    for method in methods where method != .single {
      guard let tokens = breakEven(method) else {
        let gains = tokenTime(method) < tokenTime(.single)
        table.append([
          method.title, gains ? "at this context" : "not at this context, and hardly at any", "–",
        ])
        continue
      }
      let layer =
        ((try? model.attentionTime(method, context: 0, ranks: ranks)) ?? .nan)
        - model.localTime(context: 0, ranks: ranks) - model.fixedCosts.perCall
      table.append([
        method.title, "above \(Self.tokens(tokens)) tokens", Figures.text(layer * 1e6),
      ])
      measurements.append(
        Measurement(
          "break-even context, \(method.title)", tokens, unit: "tokens", kind: .simulated))
    }
    return Report.Section(
      "When not to shard: below these contexts one rank is as fast (simulated)", table: table,
      measurements: measurements)
  }

  /// A number of tokens with as many digits as a simulation is good for.
  static func tokens(_ count: Double) -> String {
    count < 1000
      ? Figures.text(count, decimals: 0)
      : count < 1e6
        ? "\(Figures.text(count / 1e3)) k" : "\(Figures.text(count / 1e6)) M"
  }

  private var notes: [String] {
    var notes = [
      "Every figure is simulated: formulas over the profile's parameters. Parameters that are assumed are plausible, "
        + "not true; `dendrite lab probe` measures them."
    ]
    if let tokens = breakEven(.tree), ranks > 1, Double(context) < tokens {
      notes.append(
        "Do not shard: at \(Figures.text(context)) tokens one rank is faster. \(ranks) ranks pay above "
          + "\(Self.tokens(tokens)) tokens, or where the cache does not fit into one rank's memory."
      )
    }
    if ranks > 1 {
      let weights = model.shape.weightBytes
      let position =
        model.shape.cacheBytes(elementBytes: model.elementBytes) * Double(model.shape.layerCount)
      if weights > 0 {
        notes.append(
          "Every rank reads all weights for every token. The whole cache is as large as they are at "
            + "\(Self.tokens(weights / position)) tokens; below that, ranks that split the weights would gain more."
        )
      }
    }
    if ranks > 1, model.profile.ranksPerNode > 1, model.profile.readOrigin == .measured {
      notes.append(
        "A rank's bandwidth is its share of a node's. One rank that has the node to itself may read "
          + "\(model.profile.ranksPerNode) times as fast; compare with a profile of one rank a node."
      )
    }
    if !isExact {
      notes.append(
        "A group of \(ranks) ranks is a simulation only. Dendrite runs 1, 2, 4, 8 or 16: the sixteen classes in which a "
          + "context is folded go to so many ranks in equal parts, and that is what keeps the bits the same."
      )
    }
    return notes + remarks
  }

  // MARK: Picture

  /// Time of a token over the context, a line for each method.
  package var chart: LineChart {
    var contexts: [Double] = []
    var length = 1024.0
    while length < 2 * Double(max(context, 131_072)), length < 2e9 {
      contexts.append(length)
      length *= 2
    }
    let lines = methods.map { method in
      LineChart.Line(
        method.title,
        contexts.map { LineChart.Point($0, tokenTime(method, context: $0) * 1e3) })
    }
    return LineChart(
      "Time of a token over the context: \(model.shape.name), \(ranks) \(ranks == 1 ? "rank" : "ranks")",
      note: "Simulated with profile \(model.profile.name) (\(model.profile.summary)).",
      across: "tokens in the context", upward: "ms a token",
      ticks: contexts.enumerated().filter { $0.offset % 2 == 0 }.map {
        LineChart.Tick(
          $0.element,
          $0.element < 1_048_576
            ? "\(Int($0.element) / 1024)k" : "\(Int($0.element) / 1_048_576)M")
      },
      lines: lines, mark: LineChart.Tick(Double(context), "this plan"))
  }
}
