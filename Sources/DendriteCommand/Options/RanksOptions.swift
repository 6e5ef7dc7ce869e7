// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Dendrite

/// Who shares the context.
struct RanksOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Ranks in this process that share the context, each with its part of it: 1, 2, 4, 8 or 16. "
        + "The text does not depend on it.",
      valueName: "n"))
  var ranks: Int?

  @Flag(
    help: ArgumentHelp(
      "Share the context with the other processes that mpirun started; rank 0 speaks, the others follow.",
      discussion: "mpirun --bind-to none -n 4 dendrite run --context-parallel …"))
  var contextParallel = false

  mutating func validate() throws {
    if contextParallel, ranks != nil {
      throw ValidationError(
        "--ranks and --context-parallel, expected one of them\n  try: mpirun -n 4 dendrite run --context-parallel"
      )
    }
    guard let ranks, ![1, 2, 4, 8, 16].contains(ranks) else { return }
    throw ValidationError(
      "--ranks is \(ranks), expected 1, 2, 4, 8 or 16\n  try: --ranks 2, or leave it out")
  }

  /// A place among ranks.
  struct Seat {
    /// Who shares the contexts of this process; `nil` if it keeps the whole of them.
    var ranks: ContextRanks?
    /// How many they are, if there are several.
    var count: Int?
    /// The group to follow, if another rank leads.
    var leader: (any Communicator)?
    /// Leaves the group, as the last call.
    var leave: () -> Void = {}
    /// Ends the group with a reason.
    var fail: (String) -> Void = { _ in }
    /// What would make the ranks faster.
    var advice: [String] = []
  }

  /// Joins the ranks that were asked for.
  ///
  /// - Throws: a failure if there is no transport here, or if the number of ranks cuts no context.
  func join() throws -> Seat {
    guard contextParallel else {
      return Seat(ranks: ranks.map { .threads($0) }, count: ranks)
    }
    #if MPI
      let communicator = try MPICommunicator.start()
      guard [1, 2, 4, 8, 16].contains(communicator.rankCount) else {
        if communicator.rank > 0 { throw ExitCode(ExitStatus.usage.rawValue) }
        throw Failure(
          .usage, "mpirun started \(communicator.rankCount) ranks, expected 1, 2, 4, 8 or 16",
          remedy: "mpirun -n 4 dendrite run --context-parallel …")
      }
      return Seat(
        ranks: .group(communicator, options: Self.agreement), count: communicator.rankCount,
        leader: communicator.rank > 0 ? communicator : nil, leave: { communicator.finish() },
        fail: { communicator.fail($0) }, advice: communicator.advice)
    #else
      throw Failure(
        .usage, "--context-parallel in a program that was built without MPI, expected one with it",
        remedy:
          "install libopenmpi-dev and openmpi-bin, then `make build`; or --ranks 4, in one process")
    #endif
  }

  /// What all ranks must be started with alike.
  static let agreement = "dendrite \(RootCommand.version)"
}
