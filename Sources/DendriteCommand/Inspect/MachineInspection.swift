// SPDX-License-Identifier: Apache-2.0
internal import Dendrite
internal import DendriteReport

#if canImport(Darwin)
  internal import Darwin
#endif

/// What this machine can do.
struct MachineInspection {
  let machine: Machine
  let processor: String?
  let memory: Int?
  let limits: MachineLimits?

  /// Looks at the machine and, if asked, measures it.
  ///
  /// - Throws: `notEnoughMemory` if there is none to read.
  init(_ machine: Machine, isMeasured: Bool) throws {
    self.machine = machine
    processor = Self.processorName()
    memory = MemoryBudget.available()
    limits = isMeasured ? try Self.measure(machine) : nil
  }

  /// The best of several rounds: other programs only ever take away.
  private static func measure(_ machine: Machine) throws -> MachineLimits {
    let progress = ProgressLine("measuring")
    defer { progress.finish() }
    let size = 512 << 20
    try MemoryBudget.check(
      size, for: "the measurement", remedy: "--no-measure, or end other programs")
    let probe = try ReadProbe(machine: machine, byteCount: size)
    var limits = MachineLimits(readBandwidth: 0, int8Rate: 0)
    let rounds = 5
    for round in 0..<rounds {
      limits.readBandwidth = max(limits.readBandwidth, probe.measureBest())
      limits.int8Rate = max(limits.int8Rate, machine.measureInt8Rate())
      progress.update(Double(round + 1) / Double(rounds))
    }
    return limits
  }

  // MARK: Report

  var report: InspectionReport {
    let variants = KernelVariant.available.map { $0 == machine.variant ? "\($0) (used)" : "\($0)" }
    var facts: [Report.Fact] = [
      .init("processor", processor ?? "unknown"),
      .init(
        "cores",
        "\(AvailableCores.count()) for this process" + (CoreSet.available.map { ": \($0)" } ?? "")),
      .init("threads", "\(machine.threads), with \(machine.parts) parts"),
      .init("memory", memory.map { "\(MemoryBudget.text($0)) available" } ?? "unknown"),
      .init("kernels", variants.joined(separator: ", ")),
    ]
    if let limits {
      facts += [
        .init("memory reads", "\(Figures.text(limits.readBandwidth / 1e9)) GB/s"),
        .init("int8", "\(Figures.text(limits.int8Rate / 1e9)) billion multiply-adds per second"),
      ]
    }
    return InspectionReport(
      sections: [.init(title: "This machine", facts: facts)],
      members: [
        .init("processor", processor.map { .string($0) } ?? .null),
        .init("cores", .integer(AvailableCores.count())),
        .init("threads", .integer(machine.threads)),
        .init("parts", .integer(machine.parts)),
        .init("memory_available_bytes", memory.map { .integer($0) } ?? .null),
        .init("kernels", .array(KernelVariant.available.map { .string($0.name) })),
        .init("kernels_used", .string(machine.variant.name)),
        .init("read_bytes_per_second", .number(limits?.readBandwidth)),
        .init("int8_multiply_adds_per_second", .number(limits?.int8Rate)),
      ])
  }

  // MARK: The system's own words

  private static func processorName() -> String? {
    #if os(Linux)
      let fields = ["model name", "Hardware", "Processor", "uarch"]
      let lines = (SystemText.read("/proc/cpuinfo") ?? "").split(separator: "\n")
      for field in fields {
        guard let line = lines.first(where: { $0.hasPrefix(field) }),
          let colon = line.firstIndex(of: ":")
        else { continue }
        let name = line[line.index(after: colon)...].drop(while: \.isWhitespace)
        if !name.isEmpty { return String(name) }
      }
      return nil
    #elseif canImport(Darwin)
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 1 else {
        return nil
      }
      var bytes = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0) == 0 else { return nil }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #else
      return nil
    #endif
  }
}
