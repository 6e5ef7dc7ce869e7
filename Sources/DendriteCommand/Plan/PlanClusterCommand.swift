// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite
internal import DendriteReport

/// `dendrite plan cluster`: whether a context over several ranks pays, and in which way.
struct PlanClusterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster",
    abstract: "Say what a context shared by ranks would cost, and when one rank is better.",
    discussion: """
      Computes memory and time of a token for one rank, for Dendrite's way (partial states merge \
      in a tree, one exchange a layer) and for four others, and the context below which one rank \
      is as fast. Nothing is measured: parameters of machines are published, fitted or assumed, \
      and say so.

        $ dendrite plan cluster --shape llama-3.1-8b --context 1M --ranks 8
        $ dendrite plan cluster -m model.gguf --context 128k --link 100gbe
        $ dendrite lab probe -o here.json
        $ dendrite plan cluster --profile here.json --link 10gbe --svg plan.svg

      Machines:
      \(MachineProfile.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n").indented(by: 2))

      Links:
      \(Choice.lines(LinkProfile.named.map(\.name)).indented(by: 2))

      Shapes:
      \(Choice.lines(AttentionShape.all.map(\.name)).indented(by: 2))
      """)

  @OptionGroup var model: ModelOption

  @Option(
    help: ArgumentHelp(
      "A published model's sizes in place of a file: one of the names above.", valueName: "name"),
    completion: .list(AttentionShape.all.map(\.name)),
    transform: {
      try Choice.parse($0, option: "--shape", among: AttentionShape.all.map { ($0.name, $0) })
    })
  var shape: AttentionShape?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Tokens, as in 131072, 128k or 1M (default: 128k).", valueName: "n"),
    transform: {
      try TokenCount.parse($0, option: "--context", atMost: ClusterPlan.longestContext)
    })
  var context = 131_072

  @Option(help: ArgumentHelp("How many ranks share the context.", valueName: "n"))
  var ranks = 8

  @Option(
    help: ArgumentHelp(
      "The machine of a rank: one of the names above, or a file of `lab probe`.",
      valueName: "name"),
    completion: .list(MachineProfile.all.map(\.name)))
  var profile = "cpu-10gbe"

  @Option(
    help: ArgumentHelp(
      "The link between nodes: one of the names above (default: the profile's).",
      valueName: "name"),
    completion: .list(LinkProfile.named.map(\.name)),
    transform: {
      try Choice.parse($0, option: "--link", among: LinkProfile.named.map { ($0.name, $0.link) })
    })
  var link: LinkProfile?

  @Option(
    help: ArgumentHelp("Ranks that share a node (default: the profile's).", valueName: "n"))
  var ranksPerNode: Int?

  @Option(
    help: ArgumentHelp(
      "How keys and values are stored: f32, f16, bf16 or q8.", valueName: "type"),
    completion: .list(CacheType.allCases.map(\.rawValue)),
    transform: {
      try Choice.parse(
        $0, option: "--cache-type", among: CacheType.allCases.map { ($0.rawValue, $0) })
    })
  var cacheType: CacheType = .f16

  @Option(
    help: ArgumentHelp(
      "Bits of a weight, scales included, of a --shape (default: 16).", valueName: "n"))
  var weightBits: Double?

  @Option(
    help: ArgumentHelp(
      "Draw time over context, a line for each method.", valueName: "path"),
    completion: .file(extensions: ["svg"]))
  var svg: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  mutating func validate() throws {
    if shape != nil, model.path != nil {
      throw ValidationError("--shape and --model\n  try: one of the two")
    }
    if weightBits != nil, shape == nil {
      throw ValidationError(
        "--weight-bits without --shape\n  try: leave it out; a file knows its weights")
    }
    try Bounds.check(
      "--ranks", ranks, in: 1...4096, expected: "a number from 1 to 4096",
      remedy: "1, 2, 4, 8 or 16, which Dendrite runs; more are simulated")
    try Bounds.check(
      "--ranks-per-node", ranksPerNode, in: 1...4096, expected: "a number from 1 to 4096",
      remedy: "leave it out for the profile's")
    try Bounds.check(
      "--weight-bits", weightBits, in: 1...32, expected: "a number from 1 to 32",
      remedy: "leave it out for 16; Q4_0 takes 4.5, Q8_0 8.5")
  }

  func run() throws {
    if let svg { try OutputFile.check(svg) }
    let (shape, remarks) = try sizes()
    let plan = try ClusterPlan(
      model: CostModel(
        shape, on: machine(),
        elementBytes: ClusterPlan.elementBytes(of: cacheType, headDim: shape.headDim)),
      context: context, ranks: ranks, remarks: remarks)
    if let svg { try OutputFile.write(plan.chart.svg(id: "plan") + "\n", to: svg) }
    try StandardStream.output.write(
      json ? plan.report.json.text() + "\n" : plan.report.text())
  }

  /// The model's sizes, and what the formulas do not know about it.
  private func sizes() throws -> (shape: AttentionShape, remarks: [String]) {
    if var shape {
      if let weightBits { shape.weightBytes *= weightBits / 16 }
      return (shape, [])
    }
    let file = try GGUFFile(path: model.resolve())
    return try ClusterPlan.sizes(of: file)
  }

  /// The profile with what was said about it.
  private func machine() throws -> MachineProfile {
    var machine = try MachineProfile(named: profile) ?? profileFile()
    if let link {
      machine.between = link
      let name = LinkProfile.named.first { $0.link == link }?.name ?? "another link"
      if !machine.name.hasSuffix(name) { machine.name += " over \(name)" }
    }
    if let ranksPerNode { machine.ranksPerNode = ranksPerNode }
    return machine.asDendriteExchanges
  }

  private func profileFile() throws(Failure) -> MachineProfile {
    let names = MachineProfile.all.map(\.name)
    let bytes: [UInt8]
    do {
      bytes = try StandardStream.readAll(path: profile, limit: 1 << 16)
    } catch {
      let nearest = Choice.suggestion(for: profile, among: names)
      throw Failure(
        .noInput,
        "--profile '\(profile)' is no machine and no file that can be read, expected a file or one of\n"
          + names.joined(separator: " "),
        remedy: nearest.map { "did you mean --profile \($0)?" }
          ?? "`dendrite lab probe -o profile.json` writes a file", cause: error.cause)
    }
    do {
      return try MachineProfile(json: JSONValue(parsing: bytes))
    } catch let error as DistributedError {
      throw Failure(.badData, "'\(profile)' is \(error.message)", remedy: error.remedy)
    } catch {
      throw Failure(
        .badData, "'\(profile)' is no JSON, expected a profile",
        remedy: "`dendrite lab probe -o profile.json` writes one", cause: "\(error)")
    }
  }
}
