// SPDX-License-Identifier: Apache-2.0
//
// A rank that mpirun starts, to test the transport between processes.
//
//   mpirun --bind-to none -n 4 DendriteRanks MODE [--messages] [--nodes N] [--deadline SECONDS] [--fault KIND] [--tag WORD]
//
//   contracts     swaps, messages and broadcasts of many sizes, and their account
//   reductions    random partial states, merged over the ranks: the bits of ranks that are threads
//   allocations   exchanges and messages that must not allocate
//   speed         microseconds of an exchange
//   faults        rank 1 does something in mid-exchange; the run must end
//
// --messages exchanges through MPI where memory could be shared; --nodes takes ranks to be on N nodes by turns; --tag marks the process for whoever looks for it.

#if MPI
  import DendriteDistributed
  import DendriteTestSupport

  func option(_ name: String) -> String? {
    let arguments = CommandLine.arguments
    guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else {
      return nil
    }
    return arguments[place + 1]
  }

  let communicator: MPICommunicator
  do {
    communicator = try MPICommunicator.start(
      deadline: option("--deadline").flatMap(Double.init) ?? 60,
      sharesMemory: !CommandLine.arguments.contains("--messages"),
      pretendedNodes: option("--nodes").flatMap(Int.init) ?? 0)
    let mode = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : ""
    switch mode {
    case "contracts": try checkContracts(communicator)
    case "reductions": try checkReductions(communicator)
    case "allocations": try checkAllocations(communicator)
    case "speed": try measureExchanges(communicator)
    case "faults": try exchangeUntil(option("--fault") ?? "", communicator)
    default: communicator.fail("no mode '\(mode)'")
    }
    communicator.finish()
  } catch {
    // Never on this transport: what fails ends the process before.
    print(error)
    fatalError("an error came back to the caller")
  }

  /// Ends the run with words unless something holds.
  func require(_ holds: Bool, _ words: @autoclosure () -> String) {
    if !holds { communicator.fail("rank \(communicator.rank): \(words())") }
  }

  /// Says something once.
  func report(_ words: String) {
    if communicator.rank == 0 { print(words) }
  }
#else
  print("DendriteRanks was built without MPI: swift build --traits MPI")
#endif
