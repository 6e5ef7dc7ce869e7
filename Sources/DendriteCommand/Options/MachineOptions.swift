// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Which part of this machine works, and how.
///
/// None of it changes a bit of any result.
struct MachineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Threads that work at the same time (default: the cores of this process).", valueName: "n"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Cores that the threads are bound to, as in 0-3,8 (default: where the system puts them).",
      valueName: "list"))
  var cores: String?

  @Option(
    help: ArgumentHelp(
      "Pieces that an operation is cut into (default: four a thread).", valueName: "n"))
  var parts: Int?

  @Option(
    help: ArgumentHelp(
      "Kernel variant: generic, avx2, avxvnni, avx512vnni, neon or neoni8mm (default: the fastest here).",
      valueName: "variant"),
    completion: .list(KernelVariant.available.map(\.name)),
    transform: {
      try Choice.parse(
        $0, option: "--kernels", among: KernelVariant.available.map { ($0.name, $0) })
    })
  var kernels: KernelVariant = .best

  @Option(
    help: ArgumentHelp(
      "Order of sums: exact, the same bits on every CPU.", valueName: "kind"),
    completion: .list(["exact"]),
    transform: { try Choice.parse($0, option: "--numerics", among: [("exact", Numerics.exact)]) })
  var numerics: Numerics = .exact

  mutating func validate() throws {
    try Bounds.check(
      "--threads", threads, in: 1...1024, expected: "a number from 1 to 1024",
      remedy: "leave it out to use all \(AvailableCores.count()) cores of this process")
    try Bounds.check(
      "--parts", parts, in: 1...65_536, expected: "a number from 1 to 65536",
      remedy: "leave it out for four parts a thread")
  }

  /// The machine that these options describe.
  func machine() throws -> Machine {
    try Machine(threads: threads, parts: parts, variant: kernels, cores: coreSet())
  }

  private func coreSet() throws(Failure) -> CoreSet? {
    guard let cores else { return nil }
    do {
      return try CoreSet(parsing: cores)
    } catch {
      throw Failure(.usage, "--cores: \(error.message)", remedy: error.remedy)
    }
  }
}

/// How sums are ordered.
enum Numerics: String {
  case exact
}
